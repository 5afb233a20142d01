/* A world of card payments with known fraud, after the simulator of the Fraud Detection Handbook
 * (Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud
 * Detection", 2022): customers pay about their own mean amount at terminals near home, around noon
 * more than at night. Fraud comes in four kinds:
 *
 *     1  amounts above 220 are fraud
 *     2  every day some terminals are compromised for 28 days: all payments there are fraud
 *     3  every day some cards are stolen for 14 days: a third of their payments is five times as
 * high and fraud 4  at night, a stolen card is tried online: small amounts in quick repetition,
 * always another merchant, from a device and a place not seen before
 *
 * Until `drift_at` there are 1, 2 and 3; from then on 2 and 4, and everybody's amounts are an
 * eighth higher: what a model has learned about amounts misleads it, until it learns anew.
 *
 * Every customer is a Poisson process whose rate follows the time of day.  All of them together are
 * one such process, whose events are drawn in order of time: no day need be made and sorted first,
 * and memory is the world alone.  The same setting gives the same transactions. */
#ifndef INGEST_SIMULATOR_H
#define INGEST_SIMULATOR_H

#include "base/buffer.h"
#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

enum simulator_scenario {
    SCENARIO_NONE,
    SCENARIO_AMOUNT,
    SCENARIO_TERMINAL,
    SCENARIO_CARD,
    SCENARIO_TESTING,
};

enum channel { CHANNEL_POS, CHANNEL_WEB, CHANNEL_ATM };

struct simulator_setting {
    uint64_t seed;
    int64_t count; /* transactions; 0: no end (and then no drift) */
    int64_t customers, terminals;
    int64_t start_ms;
    double drift_at;        /* share of count; 1 and more: never */
    double activity;        /* transactions of a customer a day, on average */
    int64_t label_delay_ms; /* median time until the truth is known */
    /* Per day: compromised terminals as a share of all, stolen cards as a share of all, payments of
     * kind 4 as a share of all payments. */
    double terminal_share, card_share, testing_share;
};

struct transaction {
    int64_t number; /* from 0 */
    int64_t time_ms;
    int64_t known_ms; /* when the truth comes out */
    uint32_t customer, terminal, merchant;
    uint32_t amount_cents;
    uint32_t country; /* index */
    uint32_t mcc;
    uint32_t ip;     /* 0: none, not online */
    uint64_t device; /* 0: none, not online */
    double latitude, longitude;
    enum channel channel;
    enum simulator_scenario scenario; /* SCENARIO_NONE: genuine */
    bool declined;
};

enum { TRANSACTION_TEXT_MAX = 512, CARD_DIGITS = 16 };

struct simulator;

/* 5,000 customers with 2 payments a day and 10,000 terminals: 400,000 payments are 40 days. */
void simulator_standard(struct simulator_setting *setting);

enum status simulator_open(struct simulator **result, const struct simulator_setting *setting,
                           struct failure *failure);

/* The next transaction, later than the one before by a millisecond at least.  False after the last.
 */
bool simulator_next(struct simulator *self, struct transaction *transaction);
void simulator_close(struct simulator *self);

/* One JSON object without line break; `truth`: with the member `fraud`. */
void transaction_write(struct buffer *buffer, const struct transaction *transaction, bool truth);

/* {"id":...,"fraud":true,"time":...}: the truth as it comes later. */
void transaction_write_label(struct buffer *buffer, int64_t number, bool fraud, int64_t known_ms);

/* The number on the customer's card, with its check digit; not terminated. */
void transaction_card(uint32_t customer, char card[CARD_DIGITS]);

#endif
