/* Random configurations, random changes of them, and random streams for both. */
#ifndef TESTS_PROPERTY_ENGINE_MIGRATE_WORLD_H
#define TESTS_PROPERTY_ENGINE_MIGRATE_WORLD_H

#include "base/buffer.h"
#include "base/random.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_BYTES = 16384, RECORD_BYTES = 400, CARDS = 60, SHOPS = 10, POOL_ALWAYS = 3 };

/* A feature with the formula that it has, and the one that it may get.  The first ones are always
 * there: the models look at them. */
struct pool_feature {
    const char *name, *formula, *other;
};

static const struct pool_feature pool[] = {
    {"count_1h", "count() by card over 1h", "count() by card over 2h"},
    {"mean_6h", "mean(amount) by card over 6h before", "mean(amount) by card over 6h"},
    {"shops", "distinct(shop) by card over 1d", "distinct(shop) by card over 12h"},
    {"sum_6h", "sum(amount) by card over 6h", "sum(amount) by card over 12h"},
    {"sd_6h", "sd(amount) by card over 6h", "sd(amount) by card over 5h"},
    {"mean_ever", "mean(amount) by card", "mean(amount) by card where flag"},
    {"sd_ever", "sd(amount) by card", "sd(amount + 1) by card"},
    {"count_ever", "count(amount) by card", "count() by card"},
    {"sum_old", "sum(amount) by card delay 2h", "sum(amount) by card delay 3h"},
    {"most", "max(amount) by card over 6h", "max(amount) by card over 6h before"},
    {"least_ever", "min(amount) by card", "min(amount) by shop"},
    {"pair", "count() by (card, shop) over 1d", "count() by (shop, card) over 1d where flag"},
    {"idle", "age() by card", "age() by card over 1d"},
    {"same_shop", "previous(shop) by card == shop", "previous(shop) by card over 1d == shop"},
    {"risk", "mean(label) by shop over 6h delay 1h", "mean(label) by shop over 5h delay 1h"},
    {"harm", "sum(label) by card over 12h", "max(label) by card over 12h"},
    {"web", "count() by card over 3h where channel == \\u0027web\\u0027",
     "count() by card over 3h where channel == \\u0027desk\\u0027"},
    {"way", "last(channel) by shop over 4h before == channel",
     "first(channel) by shop over 4h before == channel"},
    {"far", "distance(lat, lon) by card", "speed(lat, lon) by card"},
    {"first", "first(amount) by card over 8h", "first(amount) by card over 8h delay 1h"},
    {"busy", "max(count_1h) by shop over 2h", "max(count_1h) by shop over 3h"},
    {"ratio", "amount / mean(mean_6h) by shop over 1d", "amount - mean(mean_6h) by shop over 1d"},
    {"rate", "rate(amount) by shop over 2h delay 30m", "rate() by shop over 2h delay 30m"},
    {"recent", "mean(amount) by card over last 5", "mean(amount) by card over last 9"},
    {"lately", "max(amount) by card over last 20 before",
     "max(amount) by card over last 20 delay 1h"},
    {"visit", "count() by card session gap 40m", "sum(amount) by card session gap 40m before"},
    {"trip", "first(shop) by card session gap 2h == shop",
     "last(shop) by card session gap 2h before == shop"},
    {"today", "sum(amount) by card over today", "sum(amount) by shop over today"},
    {"hour", "distinct(shop) by card over this hour delay 1h",
     "distinct(shop) by card over this hour"},
    {"proven", "count() by shop over 6h where label == 1 and amount > 20",
     "count() by shop over 6h where label == 0"},
    {"plain", "log1p(amount)", "sqrt(amount)"},
    {"quiet", "silence(30m) by card", "silence(40m) by card"},
    {"flood", "burst(card, shop, 5m)", "burst(card, shop, 10m)"},
};

enum { POOL = sizeof pool / sizeof *pool };

struct plan {
    uint32_t count;
    uint32_t feature[POOL]; /* in their order */
    bool other[POOL];
    int64_t lateness_m, remembered, recent, entities_max, events_max;
    bool fast, deep, careful, strict, turned, all;
};

static inline uint64_t pick(struct random *random, uint64_t bound)
{
    return random_below(random, bound);
}

static inline bool happens(struct random *random, double share)
{
    return random_uniform(random) < share;
}

static inline void plan_shuffle(struct plan *plan, struct random *random)
{
    for (uint32_t i = plan->count; i > 1; i--) {
        uint32_t j = (uint32_t)pick(random, i), swapped = plan->feature[i - 1];
        plan->feature[i - 1] = plan->feature[j];
        plan->feature[j] = swapped;
    }
}

static inline bool plan_has(const struct plan *plan, uint32_t feature)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->feature[i] == feature)
            return true;
    return false;
}

static inline struct plan plan_random(struct random *random)
{
    struct plan plan = {.lateness_m = 10,
                        .remembered = 100,
                        .recent = 100,
                        .entities_max = 200,
                        .events_max = 4096};
    double share = random_uniform(random);
    for (uint32_t i = 0; i < POOL; i++)
        if (i < POOL_ALWAYS || happens(random, share))
            plan.feature[plan.count++] = i;
    for (uint32_t i = 0; i < POOL; i++)
        plan.other[i] = happens(random, 0.2);
    plan.lateness_m = happens(random, 0.3) ? 0 : 10;
    plan_shuffle(&plan, random);
    return plan;
}

static inline void plan_drop(struct plan *plan, struct random *random)
{
    uint32_t at = (uint32_t)pick(random, plan->count);
    if (plan->feature[at] < POOL_ALWAYS)
        return;
    memmove(&plan->feature[at], &plan->feature[at + 1],
            (plan->count - at - 1) * sizeof plan->feature[0]);
    plan->count--;
}

static inline void plan_add(struct plan *plan, struct random *random)
{
    uint32_t feature = (uint32_t)pick(random, POOL);
    if (plan_has(plan, feature))
        return;
    uint32_t at = (uint32_t)pick(random, plan->count + 1);
    memmove(&plan->feature[at + 1], &plan->feature[at],
            (plan->count - at) * sizeof plan->feature[0]);
    plan->feature[at] = feature;
    plan->count++;
}

static inline void plan_change_once(struct plan *plan, struct random *random)
{
    uint32_t feature = plan->feature[pick(random, plan->count)];
    switch (pick(random, 14)) {
    case 0:
    case 1:
        plan_drop(plan, random);
        break;
    case 2:
    case 3:
        plan_add(plan, random);
        break;
    case 4:
    case 5:
        plan->other[feature] = !plan->other[feature];
        break;
    case 6:
        plan_shuffle(plan, random);
        break;
    case 7:
        plan->lateness_m = plan->lateness_m ? 30 : 10;
        break;
    case 8:
        plan->remembered = plan->remembered == 100 ? 3000 : 100;
        break;
    case 9:
        plan->recent = plan->recent == 100 ? 700 : 100;
        break;
    case 10:
        plan->entities_max = plan->entities_max == 200 ? 5000 : 200;
        break;
    case 11:
        plan->events_max = plan->events_max == 4096 ? 10000 : 4096;
        break;
    case 12:
        *(happens(random, 0.5) ? &plan->fast : &plan->deep) ^= 1;
        break;
    default:
        *(happens(random, 0.5) ? &plan->careful : &plan->strict) ^= 1;
        break;
    }
}

static inline struct plan plan_change(const struct plan *plan, struct random *random)
{
    struct plan changed = *plan;
    for (uint64_t i = 1 + pick(random, 4); i > 0; i--)
        plan_change_once(&changed, random);
    changed.turned = happens(random, 0.2);
    changed.all = happens(random, 0.2);
    return changed;
}

static inline void print_models(const struct plan *plan, struct buffer *buffer)
{
    buffer_format(buffer,
                  "\"models\": {%s"
                  "\"fraud\": {\"kind\": \"logistic_regression\", \"learning_rate\": %s,"
                  " \"features\": [\"amount\", \"count_1h\", \"mean_6h\", \"shops\"]},"
                  "\"odd\": {\"kind\": \"half_space_trees\", \"trees\": 5, \"depth\": %d,"
                  " \"window\": 100, \"features\": [\"count_1h\", \"amount\"]}%s},",
                  plan->turned ? "\"new\": {\"kind\": \"logistic_regression\", \"features\": "
                                 "[\"shops\", \"count_1h\"]},"
                               : "",
                  plan->fast ? "0.5" : "0.1", plan->deep ? 6 : 4,
                  plan->all ? ", \"extra\": {\"kind\": \"half_space_trees\", \"trees\": 3, "
                              "\"window\": 100}"
                            : "");
    buffer_text(buffer, "\"score\": \"0.8 * fraud + 0.2 * odd\",");
    buffer_format(buffer,
                  "\"drift\": {\"harder\": {\"kind\": \"adwin\", \"watch\": \"error\", \"delta\": "
                  "0.2, \"clock\": 4, \"minimum\": %d, \"retrain\": true},"
                  "\"more\": {\"kind\": \"page_hinkley\", \"watch\": \"%s\"}},"
                  "\"retraining\": {\"model\": \"fraud\", \"examples\": 100, \"every_labels\": 60,"
                  " \"compare_labels\": 25, \"cooldown_labels\": 20},",
                  plan->careful ? 20 : 10, plan->strict ? "count_1h" : "mean_6h");
}

static inline void plan_print(const struct plan *plan, char text[CONFIG_BYTES])
{
    struct buffer buffer;
    buffer_init(&buffer, text, CONFIG_BYTES - 1);
    buffer_format(
        &buffer,
        "{\"name\": \"world\", \"memory\": \"64MiB\", \"lateness\": %s,"
        "\"recent_labels\": %lld, \"outcomes\": [%s], \"thresholds\": {\"block\": 0.5},"
        "\"entities\": {\"card\": {\"entities_max\": %lld, \"events_max\": %lld}},"
        "\"events\": {\"source\": \"file\", \"path\": \"-\", \"fields\": {"
        "\"id\": {\"type\": \"id\", \"optional\": true}, \"time\": {\"type\": \"time\","
        "\"unit\": \"ms\"}, \"card\": {\"type\": \"key\", \"optional\": true}, \"shop\": \"key\","
        "\"amount\": {\"type\": \"number\", \"optional\": true}, \"flag\": {\"type\": \"boolean\","
        "\"optional\": true}, \"channel\": {\"type\": \"enum\", \"values\": [\"web\", \"desk\"],"
        "\"optional\": true}, \"lat\": {\"type\": \"latitude\", \"optional\": true},"
        "\"lon\": {\"type\": \"longitude\", \"optional\": true}}},"
        "\"labels\": {\"source\": \"file\", \"path\": \"-\", \"fields\": {\"id\": \"id\", "
        "\"label\":"
        "\"fraud\"}, \"event_field\": \"fraud\", \"delay\": \"1h\", \"negative_after\": \"6h\","
        "\"remembered\": %lld},",
        plan->lateness_m == 30   ? "\"30m\""
        : plan->lateness_m == 10 ? "\"10m\""
                                 : "0",
        (long long)plan->recent,
        plan->turned ? "\"allow\", \"look\", \"block\"" : "\"allow\", \"block\"",
        (long long)plan->entities_max, (long long)plan->events_max, (long long)plan->remembered);
    print_models(plan, &buffer);
    buffer_text(&buffer, "\"features\": {");
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct pool_feature *feature = &pool[plan->feature[i]];
        buffer_format(&buffer, "%s\"%s\": \"%s\"", i ? ", " : "", feature->name,
                      plan->other[plan->feature[i]] ? feature->other : feature->formula);
    }
    buffer_text(&buffer, "}}");
    text[buffer.size] = '\0';
}

/* ---- records ---- */

struct weather {
    struct random random;
    int64_t now_ms;
    uint64_t events;
    bool late; /* some events come late */
};

static inline void make_event(struct weather *weather, char text[RECORD_BYTES])
{
    struct random *random = &weather->random;
    struct buffer buffer;
    buffer_init(&buffer, text, RECORD_BYTES - 1);
    weather->now_ms += (int64_t)pick(random, 4) * 30000;
    int64_t time_ms = weather->now_ms;
    if (weather->late && happens(random, 0.1))
        time_ms -= (int64_t)pick(random, 300000);
    buffer_format(&buffer, "{\"id\":\"e%llu\",\"time\":%lld,\"shop\":\"s%llu\"",
                  (unsigned long long)weather->events++, (long long)time_ms,
                  (unsigned long long)pick(random, SHOPS));
    if (happens(random, 0.97))
        buffer_format(&buffer, ",\"card\":\"c%llu\"",
                      (unsigned long long)pick(random, happens(random, 0.5) ? 5 : CARDS));
    if (happens(random, 0.95))
        buffer_format(&buffer, ",\"amount\":%llu.%02llu", (unsigned long long)pick(random, 200),
                      (unsigned long long)pick(random, 100));
    if (happens(random, 0.5))
        buffer_format(&buffer, ",\"flag\":%d", happens(random, 0.5));
    if (happens(random, 0.8))
        buffer_format(&buffer, ",\"channel\":\"%s\"", happens(random, 0.5) ? "web" : "desk");
    if (happens(random, 0.8))
        buffer_format(&buffer, ",\"lat\":%llu.5,\"lon\":%llu.25",
                      (unsigned long long)pick(random, 80), (unsigned long long)pick(random, 80));
    if (happens(random, 0.3))
        buffer_format(&buffer, ",\"fraud\":%d", happens(random, 0.3));
    buffer_text(&buffer, "}");
    text[buffer.size] = '\0';
}

/* About an event a while ago, just now or to come; never so long ago that `remembered` matters. */
static inline void make_label(struct weather *weather, char text[RECORD_BYTES])
{
    struct random *random = &weather->random;
    uint64_t about = weather->events + pick(random, 10), back = pick(random, 300);
    if (happens(random, 0.8))
        about = weather->events > back ? weather->events - back : 0;
    snprintf(text, RECORD_BYTES, "{\"id\":\"e%llu\",\"fraud\":%d}", (unsigned long long)about,
             happens(random, 0.3));
}

#endif
