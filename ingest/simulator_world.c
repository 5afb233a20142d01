/* Making the world of the simulator; see simulator_world.h.  Customers are drawn by the alias
 * method (Walker 1977; Vose, "A Linear Algorithm for Generating Random Numbers with a Given
 * Distribution", 1991): two draws, whatever their number. */
#include "ingest/simulator_world.h"
#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBOURS = 80, /* terminals within a radius, on average */
    TERMINALS_A_MERCHANT = 4,
    TRIES_MAX = 64,
};

static const double amount_mean_least = 5, amount_mean_most = 100;

static double between(struct random *random, double least, double most)
{
    return least + (most - least) * random_uniform(random);
}

/* ---- customers ---- */

static void make_customer(struct customer *customer, struct random *random)
{
    customer->x = (float)between(random, 0, WORLD_SIZE);
    customer->y = (float)between(random, 0, WORLD_SIZE);
    customer->amount_mean = (float)between(random, amount_mean_least, amount_mean_most);
    customer->stolen_until = INT32_MIN;
    customer->home_ip = (uint32_t)(random_bits(random) >> 40) | 0x50000000;
}

/* Vose's two stacks in one array: the small from the left, the large from the right. */
static void make_alias(struct world *world, float *weight, uint32_t *stack)
{
    uint32_t count = world->customer_count, small = 0, large = count;
    for (uint32_t i = 0; i < count; i++)
        stack[weight[i] < 1 ? small++ : --large] = i;
    while (small > 0 && large < count) {
        uint32_t poor = stack[--small], rich = stack[large];
        world->customer[poor].alias_share = weight[poor];
        world->customer[poor].alias = rich;
        weight[rich] -= 1 - weight[poor];
        if (weight[rich] < 1) {
            large++;
            stack[small++] = rich;
        }
    }
}

static bool make_customers(struct world *world, double activity, struct random *random)
{
    uint32_t count = world->customer_count;
    float *weight = calloc(count, sizeof *weight);
    uint32_t *stack = calloc(count, sizeof *stack);
    if (weight && stack) {
        double sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            make_customer(&world->customer[i], random);
            weight[i] = (float)between(random, 0.01, 2);
            sum += weight[i];
        }
        world->payments_per_day = sum * activity;
        for (uint32_t i = 0; i < count; i++) {
            weight[i] = (float)((double)weight[i] * count / sum);
            world->customer[i].alias_share = 1;
            world->customer[i].alias = i;
        }
        make_alias(world, weight, stack);
    }
    bool made = weight && stack;
    free(weight);
    free(stack);
    return made;
}

uint32_t world_customer(const struct world *world, struct random *random)
{
    uint32_t index = (uint32_t)random_below(random, world->customer_count);
    const struct customer *customer = &world->customer[index];
    return random_uniform(random) < customer->alias_share ? index : customer->alias;
}

/* ---- terminals ---- */

/* Shops' categories; cash machines have their own. */
static const uint32_t categories[] = {5411, 5812, 5541, 5912, 5732, 5651,
                                      5942, 4111, 7011, 5999, 5814, 5311};
static const uint32_t category_cash = 6011;

static uint32_t merchant_category(uint32_t merchant)
{
    return categories[(merchant * 2654435761U >> 16) % (sizeof categories / sizeof *categories)];
}

static void make_terminal(const struct world *world, struct terminal *terminal,
                          struct random *random)
{
    terminal->x = (float)between(random, 0, WORLD_SIZE);
    terminal->y = (float)between(random, 0, WORLD_SIZE);
    double kind = random_uniform(random);
    terminal->channel = kind < 0.70 ? CHANNEL_POS : kind < 0.92 ? CHANNEL_WEB : CHANNEL_ATM;
    uint32_t merchants = world->terminal_count / TERMINALS_A_MERCHANT + 1;
    terminal->merchant = (uint32_t)random_below(random, merchants);
    bool cash = terminal->channel == CHANNEL_ATM;
    terminal->mcc = cash ? category_cash : merchant_category(terminal->merchant);
    terminal->compromised_until = INT32_MIN;
}

static uint32_t cell_at(const struct world *world, float place)
{
    uint32_t cell = (uint32_t)(place / WORLD_SIZE * (float)world->cells);
    return cell < world->cells ? cell : world->cells - 1;
}

static uint32_t cell_of(const struct world *world, const struct terminal *terminal)
{
    return cell_at(world, terminal->y) * world->cells + cell_at(world, terminal->x);
}

/* Sorts terminals by cell, by counting. */
static bool sort_terminals(struct world *world)
{
    size_t cell_count = (size_t)world->cells * world->cells;
    struct terminal *sorted = calloc(world->terminal_count, sizeof *sorted);
    world->cell_start = calloc(cell_count + 2, sizeof *world->cell_start);
    if (!sorted || !world->cell_start) {
        free(sorted);
        return false;
    }
    uint32_t *start = world->cell_start + 1; /* one ahead, so that filling leaves the starts */
    for (uint32_t i = 0; i < world->terminal_count; i++)
        start[cell_of(world, &world->terminal[i]) + 1]++;
    for (size_t i = 1; i <= cell_count; i++)
        start[i] += start[i - 1];
    for (uint32_t i = 0; i < world->terminal_count; i++)
        sorted[start[cell_of(world, &world->terminal[i])]++] = world->terminal[i];
    free(world->terminal);
    world->terminal = sorted;
    return true;
}

/* As far as cells go: a side is at least the radius, so neighbours are in three by three cells. */
static void set_radius(struct world *world)
{
    double share = (double)NEIGHBOURS / world->terminal_count / 3.14159265;
    double root = 1;
    for (int i = 0; i < 60; i++) /* Heron's square root */
        root = (root + share / root) / 2;
    world->radius = WORLD_SIZE * root;
    double cells = WORLD_SIZE / world->radius;
    world->cells = cells < 1 ? 1 : cells > 4096 ? 4096 : (uint32_t)cells;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Terminals in the three by three cells around, as up to three runs of the sorted array. */
struct neighbourhood {
    uint32_t run_count, start[3], size[3], total;
};

static struct neighbourhood neighbours(const struct world *world, const struct customer *customer)
{
    struct neighbourhood near = {0};
    uint32_t x = cell_at(world, customer->x), y = cell_at(world, customer->y);
    uint32_t left = x - (x > 0), right = least(x + 1, world->cells - 1);
    for (uint32_t row = y - (y > 0); row <= least(y + 1, world->cells - 1); row++) {
        uint32_t start = world->cell_start[row * world->cells + left];
        uint32_t end = world->cell_start[row * world->cells + right + 1];
        near.start[near.run_count] = start;
        near.size[near.run_count++] = end - start;
        near.total += end - start;
    }
    return near;
}

uint32_t world_terminal(const struct world *world, uint32_t customer_index, struct random *random)
{
    const struct customer *customer = &world->customer[customer_index];
    struct neighbourhood near = neighbours(world, customer);
    for (int i = 0; near.total > 0 && i < TRIES_MAX; i++) {
        uint32_t pick = (uint32_t)random_below(random, near.total), run = 0;
        while (pick >= near.size[run])
            pick -= near.size[run++];
        const struct terminal *terminal = &world->terminal[near.start[run] + pick];
        double x = terminal->x - customer->x, y = terminal->y - customer->y;
        if (x * x + y * y <= world->radius * world->radius)
            return near.start[run] + pick;
    }
    return (uint32_t)random_below(random, world->terminal_count);
}

uint32_t world_shop(const struct world *world, struct random *random)
{
    uint32_t index = 0;
    for (int i = 0; i < TRIES_MAX; i++) {
        index = (uint32_t)random_below(random, world->terminal_count);
        if (world->terminal[index].channel == CHANNEL_WEB)
            break;
    }
    return index;
}

/* ---- the world ---- */

enum status world_open(struct world *world, const struct simulator_setting *setting,
                       struct random *random, struct failure *failure)
{
    memset(world, 0, sizeof *world);
    world->customer_count = (uint32_t)setting->customers;
    world->terminal_count = (uint32_t)setting->terminals;
    world->customer = calloc(world->customer_count, sizeof *world->customer);
    world->terminal = calloc(world->terminal_count, sizeof *world->terminal);
    if (world->customer && world->terminal && make_customers(world, setting->activity, random)) {
        set_radius(world);
        for (uint32_t i = 0; i < world->terminal_count; i++)
            make_terminal(world, &world->terminal[i], random);
        if (sort_terminals(world))
            return STATUS_OK;
    }
    world_close(world);
    return failure_set(failure, STATUS_STOP,
                       "could not make a simulated world of %u customers and %u terminals: out of "
                       "memory; ask for fewer",
                       world->customer_count, world->terminal_count);
}

void world_close(struct world *world)
{
    free(world->customer);
    free(world->terminal);
    free(world->cell_start);
    world->customer = NULL;
    world->terminal = NULL;
    world->cell_start = NULL;
}
