/* Entities come and go: random streams in which entities expire, are erased on demand and are
 * pushed out for want of rows and blocks.  Each event's windows are compared with a plain list of
 * what its entity has seen since it was last forgotten, so whoever is forgotten takes nothing from
 * others; and every stream leaves the same state and results in batches of 1, 7 and 256. */
#include "base/random.h"
#include "tests/property/features_fixture.h"
#include <math.h>

enum { RECORDS = 400, KINDS = 3, WINDOWS = 4, STREAMS = 300, STEP_MS = 500 };

static const int64_t span_ms = 10000, lateness_ms = 5000;

static const struct {
    uint32_t kind;
    bool sum;
    const char *formula;
} windows[WINDOWS] = {
    {0, false, "count() by card over 10s"},
    {0, true, "sum(amount) by card over 10s"},
    {1, false, "count() by merchant over 10s"},
    {2, true, "sum(amount) by (card, merchant) over 10s"},
};

struct record {
    bool request;
    uint32_t keys; /* of requests: bit 0 card, bit 1 merchant */
    uint64_t card, merchant;
    int64_t time_ms, newest_ms;
    double amount;
};

struct stream {
    uint64_t seed;
    struct random random;
    bool crowded, dense; /* rows run out; and blocks, since each entity holds many events */
    int64_t expire_ms[KINDS];
    struct record record[RECORDS];
};

struct outcome {
    uint64_t hash;
    union value result[RECORDS][WINDOWS];
    struct lateness late[RECORDS];
    bool erased[RECORDS];
};

/* ---- streams ---- */

static bool chance(struct random *random, double share)
{
    return random_uniform(random) < share;
}

static void record_draw(struct stream *stream, struct record *record, int64_t *now_ms,
                        int64_t *newest_ms)
{
    struct random *random = &stream->random;
    uint64_t keys = stream->dense ? 12 : stream->crowded ? 60 : 5;
    if (chance(random, stream->dense ? 0.005 : 0.05))
        *now_ms += (int64_t)random_below(random, 60) * STEP_MS;
    else if (!chance(random, stream->dense ? 0.9 : 0.3))
        *now_ms += STEP_MS;
    record->request = chance(random, 0.05);
    record->keys = 1 + (uint32_t)random_below(random, 3);
    record->card = 1000 + random_below(random, keys);
    record->merchant = chance(random, 0.02) ? 0 : 7000 + random_below(random, keys);
    record->time_ms = *now_ms;
    if (chance(random, 0.15))
        record->time_ms -= (int64_t)random_below(random, 30) * STEP_MS;
    record->amount = (double)random_below(random, 100);
    if (!record->request && record->time_ms > *newest_ms)
        *newest_ms = record->time_ms;
    record->newest_ms = *newest_ms;
}

static void stream_draw(struct stream *stream, uint64_t seed)
{
    static const int64_t ages[] = {0, 2000, 8000, 20000};
    memset(stream, 0, sizeof *stream);
    stream->seed = seed;
    random_seed(&stream->random, seed);
    stream->crowded = chance(&stream->random, 0.6);
    stream->dense = stream->crowded && chance(&stream->random, 0.5);
    for (int kind = 0; kind < KINDS; kind++)
        stream->expire_ms[kind] = ages[random_below(&stream->random, 4)];
    int64_t now_ms = 1500000000000, newest_ms = INT64_MIN / 2;
    for (int i = 0; i < RECORDS; i++)
        record_draw(stream, &stream->record[i], &now_ms, &newest_ms);
}

/* ---- the features ---- */

static void stream_open(const struct stream *stream, struct fixture *fixture, uint32_t *values)
{
    static const char *const names[KINDS] = {"card", "merchant", "card,merchant"};
    struct entity_setting entity[KINDS] = {0};
    for (int kind = 0; kind < KINDS; kind++) {
        snprintf(entity[kind].name, sizeof entity[kind].name, "%s", names[kind]);
        entity[kind].expire_ms = stream->expire_ms[kind];
        entity[kind].entities_max = stream->crowded ? 40 : 0;
        entity[kind].memory = stream->crowded ? 1 : 0; /* the least there is: 16 rows and blocks */
    }
    const struct features_setting setting = {
        .memory = 1 << 20, .lateness_ms = lateness_ms, .entity_count = KINDS, .entity = entity};
    fixture_open(fixture, &setting);
    for (int i = 0; i < WINDOWS; i++)
        values[i] = fixture_must_compile(fixture, windows[i].formula);
    fixture_start(fixture);
}

static void record_put(const struct record *record, struct fixture *fixture, uint64_t number)
{
    struct batch *batch = fixture->batch;
    uint32_t row = fixture_event(fixture, number, record->time_ms, record->card, record->amount);
    const uint32_t *value = fixture->field_value;
    fixture_cell(fixture, value[FIXTURE_MERCHANT], row)->key = record->merchant;
    batch->newest_ms[row] = record->newest_ms;
    if (!record->request)
        return;
    batch->kind[row] = RECORD_REQUEST;
    batch->request_keys[row] = (uint8_t)(1 + (record->keys == 3));
    if (!(record->keys & 1))
        fixture_cell(fixture, value[FIXTURE_CARD], row)->key = 0;
    if (!(record->keys & 2))
        fixture_cell(fixture, value[FIXTURE_MERCHANT], row)->key = 0;
}

static const struct entity *entity_of(const struct fixture *fixture, uint32_t kind)
{
    static const char *const names[KINDS] = {"card", "merchant", "card,merchant"};
    for (uint32_t i = 0; i < fixture->features->entity_count; i++)
        if (strcmp(fixture->features->entity[i]->name, names[kind]) == 0)
            return fixture->features->entity[i];
    fail_msg("no entity %s", names[kind]);
    return NULL;
}

/* ---- the plain list ---- */

struct past {
    uint64_t key[KINDS];
    bool entered[KINDS]; /* and its entity has not been forgotten since */
    int64_t time_ms;
    double amount;
};

static struct past past[RECORDS];
static uint32_t past_count;
static uint64_t born[KINDS];
static struct entity_report seen; /* what has happened in all streams together */

/* The newest event that the entity remembers; false: there is no such entity. */
static bool newest_of(uint32_t kind, uint64_t key, int64_t *newest_ms)
{
    bool found = false;
    for (uint32_t i = 0; i < past_count; i++) {
        if (past[i].key[kind] != key || !past[i].entered[kind])
            continue;
        if (!found || past[i].time_ms > *newest_ms)
            *newest_ms = past[i].time_ms;
        found = true;
    }
    return found;
}

static void forget(uint32_t kind, uint64_t key)
{
    for (uint32_t i = 0; i < past_count; i++)
        if (past[i].key[kind] == key)
            past[i].entered[kind] = false;
}

/* Those who were pushed out are seen to be gone; with room for all nobody may be. */
static void forget_evicted(const struct stream *stream, const struct fixture *fixture,
                           int64_t newest_ms)
{
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const struct entity *entity = entity_of(fixture, kind);
        for (uint32_t i = 0; i < past_count; i++) {
            int64_t own_ms = 0;
            if (!past[i].entered[kind] || !newest_of(kind, past[i].key[kind], &own_ms) ||
                keymap_find(&entity->map, &fixture->state, past[i].key[kind]) != STATE_NO_ROW)
                continue;
            bool expired = stream->expire_ms[kind] && newest_ms - own_ms > stream->expire_ms[kind];
            if (!stream->crowded && !expired)
                fail_msg("seed %llu: an entity is gone that nobody has forgotten",
                         (unsigned long long)stream->seed);
            forget(kind, past[i].key[kind]);
        }
    }
}

static void keys_of(const struct record *record, uint64_t key[KINDS])
{
    key[0] = record->card;
    key[1] = record->merchant;
    key[2] = record->card && record->merchant ? hash_pair(record->card, record->merchant) : 0;
}

/* The event enters one kind; returns whether it came too late. */
static bool past_enter(const struct stream *stream, const struct record *record, uint32_t kind)
{
    struct past *event = &past[past_count];
    int64_t newest_ms = 0;
    bool known = newest_of(kind, event->key[kind], &newest_ms);
    if (known && stream->expire_ms[kind] &&
        record->newest_ms - newest_ms > stream->expire_ms[kind]) {
        forget(kind, event->key[kind]);
        known = false;
    }
    born[kind] += !known;
    event->entered[kind] = !known || newest_ms - event->time_ms <= lateness_ms;
    return !event->entered[kind];
}

static double define(uint32_t window, const struct past *event)
{
    uint32_t kind = windows[window].kind;
    double result = 0;
    for (uint32_t i = 0; i < past_count; i++)
        if (past[i].entered[kind] && past[i].key[kind] == event->key[kind] &&
            past[i].time_ms <= event->time_ms && past[i].time_ms > event->time_ms - span_ms)
            result += windows[window].sum ? past[i].amount : 1;
    return result + (windows[window].sum ? event->amount : 1);
}

static void check_window(const struct stream *stream, uint32_t window, const struct past *event,
                         union value got, uint32_t record)
{
    uint32_t kind = windows[window].kind;
    if (event->key[kind] == 0) {
        assert_true(isnan(got.number));
        return;
    }
    double defined = define(window, event);
    if (event->entered[kind] && got.number != defined)
        fail_msg("seed %llu, record %u, %s: got %g, defined %g", (unsigned long long)stream->seed,
                 record, windows[window].formula, got.number, defined);
}

static void follow_request(const struct stream *stream, const struct fixture *fixture,
                           const struct record *record)
{
    struct record named = *record;
    uint64_t key[KINDS];
    if (!(record->keys & 1))
        named.card = 0;
    if (!(record->keys & 2))
        named.merchant = 0;
    keys_of(&named, key);
    uint32_t kind = record->keys - 1;
    uint64_t row = keymap_find(&entity_of(fixture, kind)->map, &fixture->state, key[kind]);
    if (key[kind] && row != STATE_NO_ROW)
        fail_msg("seed %llu: an erased entity is still there", (unsigned long long)stream->seed);
    forget(kind, key[kind]);
}

/* One record that was extracted alone. */
static void follow(const struct stream *stream, const struct fixture *fixture,
                   const uint32_t *values, uint32_t index)
{
    const struct record *record = &stream->record[index];
    if (record->request) {
        follow_request(stream, fixture, record);
        return;
    }
    struct past *event = &past[past_count];
    *event = (struct past){.time_ms = record->time_ms, .amount = record->amount};
    keys_of(record, event->key);
    uint32_t late = 0;
    for (uint32_t kind = 0; kind < KINDS; kind++)
        if (event->key[kind] && past_enter(stream, record, kind))
            late |= 1U << entity_of(fixture, kind)->index;
    if (fixture->batch->late[0].entities != late)
        fail_msg("seed %llu, record %u: too late for %x, told %x", (unsigned long long)stream->seed,
                 index, late, fixture->batch->late[0].entities);
    for (uint32_t i = 0; i < WINDOWS; i++)
        check_window(stream, i, event, *fixture_cell(fixture, values[i], 0), index);
    past_count++;
}

/* Nobody is lost without being counted. */
static void check_counts(const struct stream *stream, const struct fixture *fixture)
{
    struct entity_report report[KINDS];
    features_report(fixture->features, &fixture->state, report, KINDS);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const struct entity_report *of = &report[entity_of(fixture, kind)->index];
        uint64_t gone = of->evicted_for_rows + of->evicted_for_blocks + of->expired + of->erased;
        seen.evicted_for_rows += of->evicted_for_rows;
        seen.evicted_for_blocks += of->evicted_for_blocks;
        seen.expired += of->expired;
        seen.erased += of->erased;
        if (of->live + gone != born[kind])
            fail_msg("seed %llu, %s: %llu live, %llu gone, %llu born",
                     (unsigned long long)stream->seed, of->name, (unsigned long long)of->live,
                     (unsigned long long)gone, (unsigned long long)born[kind]);
    }
}

/* ---- the test ---- */

static void stream_run(const struct stream *stream, uint32_t size, struct outcome *outcome)
{
    static struct fixture fixture;
    uint32_t values[WINDOWS];
    stream_open(stream, &fixture, values);
    past_count = 0;
    memset(born, 0, sizeof born);
    for (uint32_t from = 0; from < RECORDS; from += size) {
        uint32_t to = from + size < RECORDS ? from + size : RECORDS;
        if (size == 1 && from > 0)
            forget_evicted(stream, &fixture, stream->record[from - 1].newest_ms);
        batch_clear(fixture.batch);
        for (uint32_t i = from; i < to; i++)
            record_put(&stream->record[i], &fixture, i);
        fixture_run(&fixture);
        for (uint32_t i = from; i < to; i++) {
            outcome->late[i] = fixture.batch->late[i - from];
            outcome->erased[i] = fixture.batch->erased[i - from];
            for (uint32_t w = 0; w < WINDOWS; w++)
                outcome->result[i][w] = *fixture_cell(&fixture, values[w], i - from);
        }
        if (size == 1)
            follow(stream, &fixture, values, from);
    }
    if (size == 1)
        check_counts(stream, &fixture);
    outcome->hash = state_hash(&fixture.state);
    fixture_close(&fixture);
}

static void outcomes_compare(const struct stream *stream, const struct outcome *alone,
                             const struct outcome *together, uint32_t size)
{
    bool equal = alone->hash == together->hash &&
                 memcmp(alone->result, together->result, sizeof alone->result) == 0 &&
                 memcmp(alone->erased, together->erased, sizeof alone->erased) == 0;
    for (int i = 0; i < RECORDS; i++)
        equal = equal && alone->late[i].entities == together->late[i].entities &&
                alone->late[i].behind_ms == together->late[i].behind_ms;
    if (!equal)
        fail_msg("seed %llu: batches of %u give something else", (unsigned long long)stream->seed,
                 size);
}

static void entities_come_and_go(void **state)
{
    (void)state;
    static struct stream stream;
    static struct outcome alone, together;
    const char *text = getenv("WEIR_SEED");
    uint64_t first = text ? strtoull(text, NULL, 10) : 20180401, count = text ? 1 : STREAMS;
    print_message("seeds from %llu\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + count; seed++) {
        stream_draw(&stream, seed);
        stream_run(&stream, 1, &alone);
        stream_run(&stream, 7, &together);
        outcomes_compare(&stream, &alone, &together, 7);
        stream_run(&stream, 256, &together);
        outcomes_compare(&stream, &alone, &together, 256);
    }
    assert_true(text ||
                (seen.evicted_for_rows && seen.evicted_for_blocks && seen.expired && seen.erased));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entities_come_and_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
