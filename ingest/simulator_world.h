/* Who pays where: the part of the simulated world that stays. */
#ifndef INGEST_SIMULATOR_WORLD_H
#define INGEST_SIMULATOR_WORLD_H

#include "base/random.h"
#include "ingest/simulator.h"

enum { WORLD_SIZE = 100, WORLD_COUNTRIES = 5 };

struct customer {
    float x, y;
    float amount_mean;
    float alias_share; /* Walker's alias method: else the draw goes to `alias` */
    uint32_t alias;
    int32_t stolen_until; /* day; fraud of kind 3 before it */
    uint32_t devices;     /* that were given up for newer ones */
    uint32_t home_ip;
};

struct terminal {
    float x, y;
    uint32_t merchant;
    int32_t compromised_until; /* day; fraud of kind 2 before it */
    uint32_t mcc;
    enum channel channel;
};

struct world {
    uint32_t customer_count, terminal_count;
    struct customer *customer;
    struct terminal *terminal; /* sorted by cell of a grid, for neighbours */
    uint32_t cells;            /* of a side */
    uint32_t *cell_start;      /* (cells * cells + 1) */
    double radius;             /* that customers walk */
    double payments_per_day;   /* of all customers together */
};

enum status world_open(struct world *world, const struct simulator_setting *setting,
                       struct random *random, struct failure *failure);
void world_close(struct world *world);

/* A customer, with a probability proportional to their activity. */
uint32_t world_customer(const struct world *world, struct random *random);

/* A terminal within the customer's radius; any, if there is none. */
uint32_t world_terminal(const struct world *world, uint32_t customer, struct random *random);

/* A terminal of an online shop, anywhere. */
uint32_t world_shop(const struct world *world, struct random *random);

#endif
