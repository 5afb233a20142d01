/* The fold is a function of its records: random worlds of events, labels, malformed records and
 * controls give the same outputs, byte for byte, and the same state whatever batches they are cut
 * into, and whether or not the state is carried over into another process in between.  Nothing
 * sensitive is in any output. */
#include "base/random.h"
#include "engine/control.h"
#include "engine/encode.h"
#include "engine/retrain.h"
#include "engine/tick.h"
#include "models/training.h"
#include "tests/unit/engine_trial.h"
#include <sys/mman.h>
#include <unistd.h>

enum {
    RECORDS = 2600,
    RECORDS_MAX = RECORDS + 600, /* with controls */
    RECORD_BYTES = 6000,
    OUTPUT_BYTES = 4 << 20,
    CARDS = 150,
    SHOPS = 12,
};

#define COMMON                                                                                     \
    "'name': 'fold', 'memory': '32MiB', 'lateness': '10m',"                                        \
    "'events': {'source': 'file', 'path': '-', 'fields': {"                                        \
    "  'id': {'type': 'id', 'optional': true, 'sensitive': true},"                                 \
    "  'time': {'type': 'time', 'unit': 'ms'},"                                                    \
    "  'card': {'type': 'key', 'sensitive': true, 'optional': true}, 'shop': 'key',"               \
    "  'amount': {'type': 'number', 'sensitive': true},"                                           \
    "  'born': {'type': 'time', 'sensitive': true, 'optional': true},"                             \
    "  'faith': {'type': 'enum', 'values': ['devout', 'none'], 'sensitive': true,"                 \
    "    'optional': true},"                                                                       \
    "  'ill': {'type': 'boolean', 'sensitive': true, 'optional': true},"                           \
    "  'ip': {'type': 'text', 'sensitive': true, 'optional': true},"                               \
    "  'country': {'type': 'text', 'default': 'FR'}}},"                                            \
    "'labels': {'source': 'file', 'path': '-',"                                                    \
    "  'fields': {'id': 'id', 'label': 'fraud', 'time': {'from': 'time', 'unit': 'ms'}},"          \
    "  'event_field': 'fraud', 'delay': '1h', 'negative_after': '12h', 'remembered': 100},"        \
    "'entities': {'card': {'entities_max': 60}, 'card,shop': {'expire_after': '8h'}},"             \
    "'models': {'fraud': {'kind': 'logistic_regression', 'learning_rate': 0.5},"                   \
    "  'odd': {'kind': 'half_space_trees', 'trees': 5, 'depth': 5, 'window': 100,"                 \
    "    'features': ['amount_log', 'count_1h']},"                                                 \
    "  'graph': {'kind': 'midas', 'tick': '10m', 'features': ['card', 'shop']}},"                  \
    "'score': '0.8 * fraud + 0.1 * odd + 0.1 * graph', 'recent_labels': 100,"                      \
    "'outputs': {'decisions': {'sink': 'file', 'path': '-', 'features': true}},"                   \
    "'outcomes': ['allow', 'review', 'block'], 'thresholds': {'review': 0.5, 'block': 0.9},"       \
    "'rules': {'large': {'when': 'amount > 180', 'then': 'review'},"                               \
    "  'often': {'when': 'count_1h > 5 and score > 0.2', 'then': 'block'}},"                       \
    "'drift': {'harder': {'kind': 'adwin', 'watch': 'error', 'delta': 0.2, 'clock': 4,"            \
    "    'minimum': 10, 'retrain': true},"                                                         \
    "  'higher': {'kind': 'page_hinkley', 'watch': 'score'}},"                                     \
    "'retraining': {'model': 'fraud', 'examples': 100, 'every_labels': 150,"                       \
    "  'compare_labels': 40, 'cooldown_labels': 20}, "

#define FEATURES                                                                                   \
    "'amount_log': 'log1p(amount)', 'count_1h': 'count() by card over 1h',"                        \
    "'mean_6h': 'mean(amount) by card over 6h before', 'shops': 'distinct(shop) by card over 1d'," \
    "'pair': 'count() by (card, shop) over 1d', 'idle': 'age() by card',"                          \
    "'risk': 'mean(label) by shop over 6h delay 1h', 'harm': 'sum(label) by card over 1d',"        \
    "'flood': 'burst(card, shop, 5m)', 'quiet': 'silence(30m) by card'"

/* Windows over fields only, which are extracted entity by entity; and over windows, row by row. */
static const char *const worlds[] = {
    "{" COMMON "'features': {" FEATURES "}}",
    "{" COMMON "'features': {" FEATURES ", 'busy': 'max(count_1h) by shop over 2h',"
    "'ratio': 'amount / mean(mean_6h) by shop over 1d'}}",
};

struct page {
    enum record_kind kind;
    uint32_t size;
    int32_t partition;
    int64_t arrival_ms;
    char bytes[RECORD_BYTES];
};

struct journal {
    uint32_t count;
    struct page page[RECORDS_MAX];
};

struct result {
    struct buffer stream[STREAMS];
    uint64_t state_hash;
    struct fold_row fold;
    uint64_t model_events[MODEL_EVENT_SILENCE + 1];
    uint64_t evicted, expired;
};

/* ---- random worlds ---- */

struct world_random {
    struct random random;
    int64_t now_ms;
    uint64_t events;
    bool arrivals; /* as a journal has them; otherwise as in a replay of files */
};

static bool chance(struct world_random *world, double share)
{
    return random_uniform(&world->random) < share;
}

static uint64_t below(struct world_random *world, uint64_t bound)
{
    return random_below(&world->random, bound);
}

static void page_print(struct page *page, enum record_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void page_print(struct page *page, enum record_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(page->bytes, sizeof page->bytes, format, arguments);
    va_end(arguments);
    assert_in_range(size, 0, RECORD_BYTES - 1);
    page->kind = kind;
    page->size = (uint32_t)size;
    page->partition = 0;
    page->arrival_ms = INT64_MIN;
}

static int64_t event_time(struct world_random *world)
{
    world->now_ms += (int64_t)below(world, 60000);
    if (chance(world, 0.01))
        world->now_ms += (int64_t)below(world, 6 * 3600000);
    if (chance(world, 0.1))
        return world->now_ms - (int64_t)below(world, 1800000);
    return world->now_ms;
}

/* Optional members, each there or not. */
static void event_extras(struct world_random *world, char *text, size_t size)
{
    struct buffer buffer;
    buffer_init(&buffer, text, size - 1);
    if (chance(world, 0.3))
        buffer_format(&buffer, ",\"ip\":\"SECRETip\\u00e9%02llu\\n.%03llu\"",
                      (unsigned long long)below(world, 100),
                      (unsigned long long)below(world, 1000));
    if (chance(world, 0.3))
        buffer_text(&buffer, ",\"born\":\"1971-03-04\",\"faith\":\"devout\",\"ill\":true");
    if (chance(world, 0.4))
        buffer_format(&buffer, ",\"fraud\":%d", chance(world, 0.3));
    if (chance(world, 0.2))
        buffer_text(&buffer, ",\"country\":\"D\\u0045\"");
    text[buffer.size] = '\0';
}

static void make_event(struct world_random *world, struct page *page)
{
    char extras[256], card[64] = "", id[64] = "";
    event_extras(world, extras, sizeof extras);
    uint64_t number = world->events++;
    if (chance(world, 0.95))
        snprintf(card, sizeof card, ",\"card\":\"SECRETcard-%04llu\"",
                 (unsigned long long)below(world, chance(world, 0.5) ? 10 : CARDS));
    if (chance(world, 0.03))
        number = number > 50 ? number - below(world, 50) : 0;
    if (chance(world, 0.97))
        snprintf(id, sizeof id, "\"id\":\"SECRETid-%06llu\",", (unsigned long long)number);
    page_print(
        page, RECORD_EVENT, "{%s\"time\":%lld%s,\"shop\":\"s%llu\",\"amount\":%llu.%02llu%s}", id,
        (long long)event_time(world), card, (unsigned long long)below(world, SHOPS),
        (unsigned long long)below(world, 200), (unsigned long long)below(world, 100), extras);
}

/* About an event long ago, a while ago, just now, to come, or never. */
static void make_label(struct world_random *world, struct page *page)
{
    static const uint64_t reach[] = {1200, 300, 20};
    uint64_t about = world->events + below(world, 20);
    uint64_t which = below(world, 5);
    if (which < 3) {
        uint64_t back = below(world, reach[which]);
        about = world->events > back ? world->events - back : 0;
    } else if (which == 4 && chance(world, 0.3)) {
        about = 900000 + below(world, 1000);
    }
    page_print(page, RECORD_LABEL, "{\"id\":\"SECRETid-%06llu\",\"time\":%lld,\"fraud\":%d}",
               (unsigned long long)about, (long long)world->now_ms, chance(world, 0.3));
}

/* To forget somebody, known or not, or nonsense. */
static void make_request(struct world_random *world, struct page *page)
{
    unsigned long long card = below(world, 12), shop = below(world, SHOPS);
    switch (below(world, 4)) {
    case 0:
        page_print(page, RECORD_REQUEST, "{\"erase\":{\"card\":\"SECRETcard-%04llu\"}}", card);
        return;
    case 1:
        page_print(page, RECORD_REQUEST,
                   "{\"erase\":{\"shop\":\"s%llu\",\"card\":\"SECRETcard-%04llu\"}}", shop, card);
        return;
    case 2:
        page_print(page, RECORD_REQUEST, "{\"erase\":{\"ip\":\"SECRETip\"}}");
        return;
    default:
        page_print(page, RECORD_REQUEST, "{\"erase\":{\"SECRETcard\":1}");
    }
}

static void make_malformed(struct world_random *world, struct page *page)
{
    static const char *const texts[] = {
        "",
        "{\"id\":\"SECRETid-000001\"",
        "[\"SECRET\"]",
        "\"SECRET\"",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"card\":[\"SECRETcard\"],\"shop\":"
        "\"s\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"card\":\"SECRET\\u0000card\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"shop\":\"s\",\"amount\":\"SECRET\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"shop\":\"s\",\"amount\":1,"
        "\"faith\":\"SECRETelse\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"shop\":\"s\",\"amount\":1,"
        "\"born\":\"SECRETday\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"shop\":\"s\",\"amount\":1,"
        "\"ill\":\"SECRETyes\"}",
        "{\"id\":\"SECRETid-000001\",\"time\":1600000000000,\"amount\":1}",
        "{\"id\":\"SECRETid-000001\",\"fraud\":1,\"id\":",
        "{\"id\":{\"SECRET\":1},\"fraud\":1}",
        "{\"id\":\"SECRETid-000001\xff\xfe\",\"time\":1600000000000,\"shop\":\"s\",\"amount\":1}",
    };
    if (chance(world, 0.1)) {
        page_print(page, RECORD_EVENT,
                   "{\"time\":%lld,\"shop\":\"s\",\"amount\":1,\"ip\":\"SECRET%05000d\"}",
                   (long long)world->now_ms, 0);
        return;
    }
    page_print(page, chance(world, 0.7) ? RECORD_EVENT : RECORD_LABEL, "%s",
               texts[below(world, sizeof texts / sizeof *texts)]);
}

static void make_page(struct world_random *world, struct page *page)
{
    double what = random_uniform(&world->random);
    if (what < 0.03)
        make_malformed(world, page);
    else if (what < 0.35)
        make_label(world, page);
    else if (what < 0.36)
        make_request(world, page);
    else
        make_event(world, page);
    page->partition = (int32_t)below(world, 3);
    page->arrival_ms = world->arrivals ? world->now_ms + 1000 : INT64_MIN;
}

/* ---- folding and writing down ---- */

static struct result *result_new(void)
{
    struct result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    for (int i = 0; i < STREAMS; i++)
        buffer_init(&result->stream[i], malloc(OUTPUT_BYTES), OUTPUT_BYTES);
    return result;
}

static void result_free(struct result *result)
{
    for (int i = 0; i < STREAMS; i++)
        free(result->stream[i].bytes);
    free(result);
}

static void write_row(const struct trial *trial, uint32_t row, struct result *result)
{
    const struct batch *batch = &trial->batch;
    const struct pipeline *pipeline = &trial->pipeline;
    struct buffer *stream = result->stream;
    if (batch->dead[row]) {
        encode_dead_letter(pipeline, "input", batch, row, &stream[STREAM_DEAD_LETTERS]);
        buffer_text(&stream[STREAM_DEAD_LETTERS], "\n");
    } else if (batch->kind[row] == RECORD_EVENT) {
        encode_id(pipeline, batch, row, &stream[STREAM_DECISIONS]);
        encode_decision(pipeline, batch, row, &stream[STREAM_DECISIONS]);
        buffer_text(&stream[STREAM_DECISIONS], "\n");
        if (batch->late[row].entities) {
            encode_late(pipeline, batch, row, &stream[STREAM_LATE]);
            buffer_text(&stream[STREAM_LATE], "\n");
        }
        if (batch->outcome[row] >= trial->config.alert_outcome) {
            encode_alert(pipeline, batch, row, &stream[STREAM_ALERTS]);
            buffer_text(&stream[STREAM_ALERTS], "\n");
        }
    }
}

static void write_batch(const struct trial *trial, struct result *result)
{
    const struct batch *batch = &trial->batch;
    for (uint32_t row = 0; row < batch->count; row++)
        write_row(trial, row, result);
    for (uint32_t i = 0; i < batch->event_count; i++) {
        encode_model_event(&batch->events[i], &result->stream[STREAM_MODEL_EVENTS]);
        buffer_text(&result->stream[STREAM_MODEL_EVENTS], "\n");
        result->model_events[batch->events[i].kind]++;
    }
    for (int i = 0; i < STREAMS; i++)
        assert_false(result->stream[i].overflow);
}

static void fold_records(struct trial *trial, const struct journal *journal, uint32_t from,
                         uint32_t to, struct result *result)
{
    batch_clear(&trial->batch);
    for (uint32_t i = from; i < to; i++) {
        const struct page *page = &journal->page[i];
        const struct position position = {
            .input = page->kind == RECORD_LABEL, .partition = page->partition, .offset = i};
        assert_true(batch_add(&trial->batch, page->kind, position, page->bytes, page->size));
        trial->batch.arrival_ms[trial->batch.count - 1] = page->arrival_ms;
        trial->batch.time_ms[trial->batch.count - 1] = 0;
    }
    step(&trial->pipeline, &trial->batch);
    write_batch(trial, result);
}

static void result_finish(const struct trial *trial, struct result *result)
{
    result->state_hash = state_hash(&trial->pipeline.state);
    result->fold = *trial_fold(trial);
    struct entity_report reports[CONFIG_ENTITIES_MAX];
    uint32_t count = features_report(trial->pipeline.features, &trial->pipeline.state, reports,
                                     CONFIG_ENTITIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        result->evicted += reports[i].evicted_for_rows + reports[i].evicted_for_blocks;
        result->expired += reports[i].expired;
    }
}

/* ---- the first run: record by record, its wishes answered now and then ---- */

static json_t *train(const struct trial *trial, const struct wish *wish)
{
    int descriptor = memfd_create("set", MFD_CLOEXEC);
    struct failure failure;
    struct training_set set;
    struct training_report report;
    const struct training_setting setting = {.penalty = 1, .validation_share = 0.2};
    uint64_t count;
    assert_int_equal(
        retrain_export(&trial->pipeline, wish->model, wish->training, descriptor, &count, &failure),
        STATUS_OK);
    lseek(descriptor, 0, SEEK_SET);
    assert_int_equal(training_set_read(descriptor, &set, &failure), STATUS_OK);
    json_t *file = training_run(&set, &setting, &report, &failure);
    training_set_close(&set);
    close(descriptor);
    return file;
}

/* Answers a wish, or tells something stale or senseless, as a record of the journal. */
static void make_control(struct world_random *world, const struct trial *trial, struct page *page)
{
    struct wish wish = models_wish(trial->pipeline.models, &trial->pipeline.state);
    if (wish.kind == WISH_NONE || chance(world, 0.1)) {
        page_print(page, RECORD_CONTROL, "%s",
                   chance(world, 0.3) ? "{\"control\":\"promote\",\"model\":\"nobody\"}"
                   : chance(world, 0.5)
                       ? "{\"control\":"
                       : "{\"control\":\"promote\",\"model\":\"fraud\",\"training\":99}");
        return;
    }
    json_t *file = wish.kind == WISH_TRAINING && chance(world, 0.8) ? train(trial, &wish) : NULL;
    enum control_kind kind = wish.kind == WISH_PROMOTION   ? CONTROL_PROMOTE
                             : wish.kind == WISH_REJECTION ? CONTROL_REJECT
                             : file                        ? CONTROL_MODEL
                                                           : CONTROL_FAILED;
    char *text = control_make(&trial->pipeline, kind, wish.model, wish.training, file, "tired");
    page_print(page, RECORD_CONTROL, "%s", text);
    free(text);
    json_decref(file);
}

/* Nobody has spoken for a while: behind a tick the clock goes on, or an older event comes. */
static void make_tick(struct world_random *world, struct page *page)
{
    int64_t silent_ms = (int64_t)below(world, 3 * 3600000);
    page_print(page, RECORD_CONTROL, "%s", tick_text);
    page->arrival_ms = world->now_ms + silent_ms;
    if (chance(world, 0.5))
        world->now_ms += silent_ms;
}

static struct result *first_run(uint64_t seed, const char *config, struct journal *journal)
{
    struct world_random world = {.now_ms = 1600000000000, .arrivals = seed % 3 == 0};
    random_seed(&world.random, seed);
    struct result *result = result_new();
    struct trial *trial = trial_open(config);
    journal->count = 0;
    for (int i = 0; i < RECORDS; i++) {
        make_page(&world, &journal->page[journal->count++]);
        fold_records(trial, journal, journal->count - 1, journal->count, result);
        bool wished = models_wish(trial->pipeline.models, &trial->pipeline.state).kind != WISH_NONE;
        if (journal->count + (uint32_t)(RECORDS - i) < RECORDS_MAX &&
            chance(&world, wished ? 0.1 : 0.005)) {
            make_control(&world, trial, &journal->page[journal->count++]);
            fold_records(trial, journal, journal->count - 1, journal->count, result);
        }
        if (world.arrivals && journal->count + (uint32_t)(RECORDS - i) < RECORDS_MAX &&
            chance(&world, 0.01)) {
            make_tick(&world, &journal->page[journal->count++]);
            fold_records(trial, journal, journal->count - 1, journal->count, result);
        }
    }
    result_finish(trial, result);
    trial_close(trial);
    return result;
}

/* ---- the runs that must be equal ---- */

/* The state's bytes in a pipeline that was just started: all that one process leaves to the next.
 */
static struct trial *carry_over(struct trial *trial, const char *config)
{
    struct trial *next = trial_open(config);
    assert_int_equal(next->pipeline.state.size, trial->pipeline.state.size);
    memcpy(next->pipeline.state.bytes, trial->pipeline.state.bytes, trial->pipeline.state.size);
    trial_close(trial);
    return next;
}

/* cut 0: batches of random sizes.  carries: how often the state moves on to a new pipeline. */
static struct result *run(const char *config, const struct journal *journal, uint32_t cut,
                          int carries, uint64_t seed)
{
    struct world_random world;
    random_seed(&world.random, seed);
    struct result *result = result_new();
    struct trial *trial = trial_open(config);
    for (uint32_t from = 0, to; from < journal->count; from = to) {
        uint32_t count = cut ? cut : 1 + (uint32_t)below(&world, BATCH_RECORDS_MAX);
        to = from + count < journal->count ? from + count : journal->count;
        fold_records(trial, journal, from, to, result);
        if (carries > 0 && chance(&world, 0.2)) {
            trial = carry_over(trial, config);
            carries--;
        }
    }
    assert_int_equal(carries, 0);
    result_finish(trial, result);
    trial_close(trial);
    return result;
}

static void check_equal(const struct result *one, const struct result *other)
{
    for (int i = 0; i < STREAMS; i++) {
        const struct buffer *a = &one->stream[i], *b = &other->stream[i];
        size_t same = 0, size = a->size < b->size ? a->size : b->size;
        while (same < size && a->bytes[same] == b->bytes[same])
            same++;
        size_t start = same;
        while (start > 0 && a->bytes[start - 1] != '\n')
            start--;
        if (same < a->size || same < b->size)
            fail_msg("%s differ at byte %zu:\n%.300s\n%.300s", stream_name((enum stream)i), same,
                     a->bytes + start, b->bytes + start);
    }
    assert_memory_equal(&one->fold, &other->fold, sizeof one->fold);
    assert_int_equal(one->state_hash, other->state_hash);
}

static void check_secrets(const struct result *result)
{
    static const char *const secrets[] = {"SECRET", "1971-03-04", "\"ill\":true", "\"devout\""};
    for (int i = 0; i < STREAMS; i++)
        for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++) {
            const struct buffer *stream = &result->stream[i];
            const char *found = memmem(stream->bytes, stream->size, secrets[j], strlen(secrets[j]));
            if (found)
                fail_msg("%s say %.80s", stream_name((enum stream)i), found);
        }
}

/* Every line is one JSON object in UTF-8; of decisions what comes after the key. */
static void check_lines(const struct result *result)
{
    for (int i = 0; i < STREAMS; i++) {
        const char *at = result->stream[i].bytes, *end = at + result->stream[i].size;
        while (at < end) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            const char *begin = memchr(at, '{', (size_t)(stop - at));
            json_error_t error;
            json_t *line =
                json_loadb(begin, (size_t)(stop - begin), JSON_REJECT_DUPLICATES, &error);
            if (!line)
                fail_msg("%s: %.*s", error.text, (int)(stop - at), at);
            json_decref(line);
            at = stop + 1;
        }
    }
}

/* What has happened in all worlds together: everything that the test is about. */
static void check_seen(const struct result *seen)
{
    assert_true(seen->fold.labels_learned > 0 && seen->fold.labels_corrected > 0);
    assert_true(seen->fold.labels_repeated > 0 && seen->fold.labels_refused > 0);
    assert_true(seen->fold.early_kept > 0 && seen->fold.dead_letters > 0);
    assert_true(seen->fold.alerts > 0 && seen->fold.told > 1024 && seen->fold.spent > 1024);
    assert_true(seen->evicted > 0 && seen->expired > 0);
    assert_true(seen->stream[STREAM_LATE].size > 0);
    for (int i = 0; i <= MODEL_EVENT_SILENCE; i++)
        assert_true(seen->model_events[i] > 0);
}

static void see(struct result *seen, const struct result *result)
{
    seen->fold.labels_learned += result->fold.labels_learned;
    seen->fold.labels_corrected += result->fold.labels_corrected;
    seen->fold.labels_repeated += result->fold.labels_repeated;
    seen->fold.labels_refused += result->fold.labels_refused;
    seen->fold.early_kept += result->fold.early_kept;
    seen->fold.dead_letters += result->fold.dead_letters;
    seen->fold.alerts += result->fold.alerts;
    seen->fold.told += result->fold.told;
    seen->fold.spent += result->fold.spent;
    seen->evicted += result->evicted;
    seen->expired += result->expired;
    seen->stream[STREAM_LATE].size += result->stream[STREAM_LATE].size;
    for (int i = 0; i <= MODEL_EVENT_SILENCE; i++)
        seen->model_events[i] += result->model_events[i];
}

/* WEIR_SEEDS=100 looks longer. */
static uint64_t seeds(void)
{
    const char *wanted = getenv("WEIR_SEEDS");
    return wanted ? strtoull(wanted, NULL, 10) : 6;
}

static void test_any_cut(void **state)
{
    (void)state;
    static const uint32_t cuts[] = {1, 7, 64, 256, 0};
    static struct result seen;
    struct journal *journal = malloc(sizeof *journal);
    assert_non_null(journal);
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        const char *config = worlds[seed % 2];
        struct result *first = first_run(seed, config, journal);
        check_secrets(first);
        check_lines(first);
        see(&seen, first);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            struct result *other = run(config, journal, cuts[i], 0, seed);
            check_equal(first, other);
            result_free(other);
        }
        result_free(first);
    }
    check_seen(&seen);
    free(journal);
}

static void test_state_is_all_there_is(void **state)
{
    (void)state;
    struct journal *journal = malloc(sizeof *journal);
    assert_non_null(journal);
    for (uint64_t seed = 11; seed <= 12; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        const char *config = worlds[seed % 2];
        struct result *first = first_run(seed, config, journal);
        struct result *other = run(config, journal, 13, 8, seed);
        check_equal(first, other);
        result_free(other);
        result_free(first);
    }
    free(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_state_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
