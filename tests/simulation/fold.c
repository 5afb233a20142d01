/* Folding, and comparing what the fold says with what readers see; see fold.h. */
#include "tests/simulation/fold.h"
#include "base/hash.h"
#include "engine/encode.h"
#include "engine/migrate.h"
#include "tests/simulation/simulation.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 1024, BODY_MAX = 1 << 16 };

/* ---- outputs ---- */

static bool is_visible(const struct broker *broker, const struct broker_output *output)
{
    return output->transaction == UINT32_MAX ||
           broker->transaction[output->transaction].state == TRANSACTION_COMMITTED;
}

/* The next output of a stream that a read_committed reader sees; NULL: no more. */
static const struct output *next_output(struct fold *fold, enum stream stream)
{
    const struct broker *broker = &fold->simulation->broker;
    while (fold->seen[stream] < broker->output_count) {
        const struct broker_output *output = &broker->output[fold->seen[stream]++];
        if (output->output.stream == stream && is_visible(broker, output))
            return &output->output;
    }
    return NULL;
}

static void expect(struct fold *fold, enum stream stream)
{
    const struct output *seen = next_output(fold, stream);
    ASSERT(!fold->key.overflow && !fold->body.overflow);
    fold->outputs++;
    if (!seen)
        violate(fold->simulation, "entry %" PRIu64 ": an output of %s was never seen: %.*s",
                fold->sequence, stream_name(stream), (int)fold->body.size, fold->body.bytes);
    else if (seen->key_size != fold->key.size || seen->size != fold->body.size ||
             memcmp(seen->key, fold->key.bytes, fold->key.size) != 0 ||
             memcmp(seen->bytes, fold->body.bytes, fold->body.size) != 0)
        violate(fold->simulation, "entry %" PRIu64 ": the fold gives in %s %.*s, readers see %.*s",
                fold->sequence, stream_name(stream), (int)fold->body.size, fold->body.bytes,
                (int)seen->size, seen->bytes);
    buffer_clear(&fold->key);
    buffer_clear(&fold->body);
}

static void expect_row(struct fold *fold, uint32_t row)
{
    const struct batch *batch = &fold->batch;
    const struct pipeline *pipeline = fold->pipeline;
    if (batch->dead[row]) {
        const char *input = batch->kind[row] == RECORD_CONTROL
                                ? "control"
                                : fold->simulation->topics.topic[batch->position[row].input].name;
        encode_dead_letter(pipeline, input, batch, row, &fold->body);
        expect(fold, STREAM_DEAD_LETTERS);
        return;
    }
    if (batch->kind[row] != RECORD_EVENT)
        return;
    encode_id(pipeline, batch, row, &fold->key);
    encode_decision(pipeline, batch, row, &fold->body);
    expect(fold, STREAM_DECISIONS);
    if (batch->late[row].entities) {
        encode_id(pipeline, batch, row, &fold->key);
        encode_late(pipeline, batch, row, &fold->body);
        expect(fold, STREAM_LATE);
    }
    if (batch->outcome[row] < pipeline->config->alert_outcome)
        return;
    encode_id(pipeline, batch, row, &fold->key);
    encode_alert(pipeline, batch, row, &fold->body);
    expect(fold, STREAM_ALERTS);
}

static void expect_event(struct fold *fold, const struct model_event *event)
{
    if (event->kind == MODEL_EVENT_SILENCE) {
        encode_silence(event, &fold->body);
        expect(fold, STREAM_ALERTS);
        return;
    }
    buffer_text(&fold->key, event->model);
    encode_model_event(event, &fold->body);
    expect(fold, STREAM_MODEL_EVENTS);
}

static void fold_batch(struct fold *fold)
{
    struct batch *batch = &fold->batch;
    if (batch->count == 0)
        return;
    step(fold->pipeline, batch);
    uint32_t next = 0;
    for (uint32_t row = 0; row < batch->count && !fold->simulation->violated; row++) {
        expect_row(fold, row);
        for (; next < batch->event_count && batch->events[next].row <= row; next++)
            expect_event(fold, &batch->events[next]);
    }
    batch_clear(batch);
}

/* ---- configurations ---- */

static void fold_leave(struct fold *fold, struct pipeline *pipeline, struct config *config)
{
    (void)fold;
    if (!pipeline)
        return;
    pipeline_close(pipeline);
    config_close(config);
    free(pipeline);
    free(config);
}

/* A fresh pipeline under this text. */
static bool fold_start(struct fold *fold, const void *text, size_t size)
{
    struct findings findings = {0};
    struct failure failure;
    fold->config = calloc(1, sizeof *fold->config);
    fold->pipeline = calloc(1, sizeof *fold->pipeline);
    ASSERT(fold->config && fold->pipeline);
    bool good = config_read_journalled(fold->config, &fold->own, text, size, &findings) &&
                pipeline_build(fold->pipeline, fold->config, &findings) &&
                pipeline_start(fold->pipeline, NULL, &failure) == STATUS_OK;
    findings_close(&findings);
    batch_close(&fold->batch);
    memset(&fold->batch, 0, sizeof fold->batch);
    good = good && pipeline_batch(fold->pipeline, &fold->batch, &failure) == STATUS_OK;
    if (!good)
        violate(fold->simulation, "entry %" PRIu64 ": its configuration cannot be used",
                fold->sequence);
    else
        batch_clear(&fold->batch);
    return good;
}

static void fold_configuration(struct fold *fold, const void *text, size_t size)
{
    struct pipeline *before = fold->pipeline;
    struct config *config = fold->config;
    struct migration_report report = {0};
    if (fold_start(fold, text, size) && fold->sequence > 1)
        migrate(fold->pipeline, before, &report);
    migration_report_close(&report);
    fold_leave(fold, before, config);
}

static void fold_cold(struct fold *fold)
{
    struct pipeline *before = fold->pipeline;
    struct config *config = fold->config;
    char *text = config_journalled(config);
    if (fold_start(fold, text, strlen(text)))
        state_set_journal(&fold->pipeline->state, fold->sequence - 1, fold->chain);
    free(text);
    fold_leave(fold, before, config);
}

/* ---- entries ---- */

static enum topic find_topic(const struct fold *fold, uint64_t input)
{
    int topic = 0;
    while (topic < TOPICS) {
        const char *name = fold->simulation->topics.topic[topic].name;
        if (hash_fingerprint(name, strlen(name)) == input)
            break;
        topic++;
    }
    return (enum topic)topic;
}

static void fold_record(struct fold *fold, enum topic topic, int64_t partition,
                        const struct topic_record *record)
{
    struct batch *batch = &fold->batch;
    const struct position position = {topic, (int32_t)partition, record->offset};
    static const enum record_kind kind[TOPICS] = {RECORD_EVENT, RECORD_LABEL, RECORD_REQUEST};
    bool added =
        batch_add(batch, kind[topic], position, record->size ? record->bytes : NULL, record->size);
    ASSERT(added);
    batch->time_ms[batch->count - 1] = record->timestamp_ms;
    batch->arrival_ms[batch->count - 1] = fold->arrival_ms;
    if (batch->count == BATCH_RECORDS_MAX / 2)
        fold_batch(fold);
}

/* Each record once, and none left out. */
static void fold_run(struct fold *fold, const struct journal_item *item)
{
    struct simulation *simulation = fold->simulation;
    enum topic topic = find_topic(fold, item->input);
    if (topic == TOPICS || item->partition < 0 ||
        item->partition >= simulation->topics.topic[topic].partition_count) {
        violate(simulation, "entry %" PRIu64 " names an input that is not there", fold->sequence);
        return;
    }
    const struct topic_log *log = &simulation->topics.topic[topic];
    const struct topic_partition *partition = &log->partition[item->partition];
    uint32_t *next = &fold->next[topic][item->partition];
    for (uint64_t i = 0; i < item->count && !simulation->violated; i++) {
        const struct topic_record *record = &partition->record[*next];
        if (*next == partition->count || record->offset < item->from || record->offset >= item->to)
            violate(simulation,
                    "entry %" PRIu64 " takes %" PRIu64 " records of %s/%" PRId64 " in [%" PRId64
                    ", %" PRId64 "), but the next to be taken is %" PRId64,
                    fold->sequence, item->count, log->name, item->partition, item->from, item->to,
                    *next < partition->count ? record->offset : -1);
        else
            fold_record(fold, topic, item->partition, record);
        ++*next;
    }
    if (!simulation->violated && *next < partition->count &&
        partition->record[*next].offset < item->to)
        violate(simulation, "entry %" PRIu64 " leaves out record %" PRId64 " of %s/%" PRId64,
                fold->sequence, partition->record[*next].offset, log->name, item->partition);
}

/* A lane begins where the one before it ended, or behind what nobody could read any more. */
static void fold_lane(struct fold *fold, const struct journal_item *item)
{
    enum topic topic = find_topic(fold, item->input);
    if (topic == TOPICS || item->partition < 0 || item->partition >= TOPIC_PARTITIONS_MAX)
        return; /* its runs are judged */
    const struct topic_partition *partition =
        &fold->simulation->topics.topic[topic].partition[item->partition];
    uint32_t *next = &fold->next[topic][item->partition];
    while (*next < partition->deleted && partition->record[*next].offset < item->from)
        ++*next;
}

static void fold_item(struct fold *fold, const struct journal_item *item)
{
    bool added;
    switch (item->kind) {
    case JOURNAL_RUN:
        fold_run(fold, item);
        break;
    case JOURNAL_ARRIVAL:
        fold->arrival_ms = item->arrival_ms;
        break;
    case JOURNAL_CONTROL:
        added = batch_add_control(&fold->batch, position_nowhere, item->bytes, item->size);
        ASSERT(added);
        fold->batch.arrival_ms[fold->batch.count - 1] = fold->arrival_ms;
        fold_batch(fold);
        break;
    case JOURNAL_CONFIGURATION:
        fold_batch(fold);
        fold_configuration(fold, item->bytes, item->size);
        break;
    case JOURNAL_COLD:
        fold_cold(fold);
        break;
    case JOURNAL_LANE:
        fold_lane(fold, item);
        break;
    case JOURNAL_STATE_HASH: /* oracle.c has collected them */
        break;
    }
}

static bool check_head(struct fold *fold, const struct journal_reader *reader)
{
    const struct journal_head *head = &reader->head;
    if (head->sequence == fold->sequence + 1 && head->previous == fold->chain)
        return true;
    violate(fold->simulation, "the chain is broken: entry %" PRIu64 " follows entry %" PRIu64 "%s",
            head->sequence, fold->sequence,
            head->previous == fold->chain ? "" : ", but was not made after it");
    return false;
}

void fold_entry(struct fold *fold, const void *bytes, size_t size)
{
    static struct journal_reader reader;
    struct failure failure;
    struct journal_item item;
    uint64_t before = fold->outputs;
    if (journal_read(&reader, bytes, size, &failure) != STATUS_OK) {
        violate(fold->simulation, "an entry cannot be read: %s", failure.text);
        return;
    }
    if (!check_head(fold, &reader))
        return;
    fold->sequence = reader.head.sequence;
    fold->arrival_ms = INT64_MIN;
    bool first = fold->sequence == 1;
    enum status status = STATUS_OK;
    journal_read_lanes(&reader, &fold->pipeline->lanes, &fold->pipeline->state);
    while (!fold->simulation->violated &&
           (status = journal_read_item(&reader, &item, &failure)) == STATUS_OK) {
        if (first && item.kind != JOURNAL_CONFIGURATION)
            violate(fold->simulation, "the journal does not begin with a configuration");
        else
            fold_item(fold, &item);
        first = false;
    }
    if (fold->simulation->violated)
        return;
    if (status == STATUS_STOP)
        violate(fold->simulation, "entry %" PRIu64 ": %s", fold->sequence, failure.text);
    fold_batch(fold);
    journal_read_apply(&reader, &fold->pipeline->lanes, &fold->pipeline->state);
    fold->chain = reader.chain;
    if (fold->outputs - before != reader.head.output_count)
        violate(fold->simulation,
                "entry %" PRIu64 " has %" PRIu64 " outputs by its head and %" PRIu64 " by the fold",
                fold->sequence, reader.head.output_count, fold->outputs - before);
}

void fold_end(struct fold *fold)
{
    for (int stream = 0; stream < STREAMS && !fold->simulation->violated; stream++) {
        const struct output *more = next_output(fold, (enum stream)stream);
        if (more)
            violate(fold->simulation, "readers see in %s what no entry explains: %.*s",
                    stream_name((enum stream)stream), (int)more->size, more->bytes);
    }
}

void fold_open(struct fold *fold, struct simulation *simulation)
{
    const char *text = simulation->version[0];
    struct findings findings = {0};
    memset(fold, 0, sizeof *fold);
    fold->simulation = simulation;
    bool good = config_read_text(&fold->own, "simulation", text, strlen(text), &findings);
    ASSERT(good);
    findings_close(&findings);
    char *key = malloc(KEY_MAX), *body = malloc(BODY_MAX);
    ASSERT(key && body);
    buffer_init(&fold->key, key, KEY_MAX);
    buffer_init(&fold->body, body, BODY_MAX);
    char *journalled = config_journalled(&fold->own);
    good = fold_start(fold, journalled, strlen(journalled));
    ASSERT(good);
    free(journalled);
}

void fold_close(struct fold *fold)
{
    batch_close(&fold->batch);
    fold_leave(fold, fold->pipeline, fold->config);
    config_close(&fold->own);
    free(fold->key.bytes);
    free(fold->body.bytes);
}
