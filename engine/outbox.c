/* Entries, sinks and what they have settled; see outbox.h. */
#include "engine/outbox.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

enum {
    ENTRY_BYTES = 96 << 20, /* address space; memory comes as it is used */
    /* The most that one batch can write: every payload byte escaped to six in an alert and once
     * more for being late, frames, and each feature with its name. */
    FEATURE_BYTES = SCHEMA_NAME_MAX + 32,
    SILENCE_BYTES = 1024, /* names of keys, and the identifiers' 55 bytes escaped */
    BATCH_OUTPUT_BYTES = BATCH_BYTES_MAX * 12 +
                         BATCH_RECORDS_MAX * (16384 + CONFIG_FEATURES_MAX * FEATURE_BYTES) +
                         BATCH_RECORDS_MAX * BATCH_SILENCES_MAX * SILENCE_BYTES,
    BATCH_OUTPUTS = BATCH_RECORDS_MAX * 3 + BATCH_EVENTS_MAX,
    ENTRY_OUTPUTS = 1 << 17,
    KEY_SIZE_MAX =
        512, /* bytes of an id that become an output's key; it stands whole in the body */
};

static struct entry *entry_at(const struct outbox *outbox, uint64_t sequence)
{
    return (struct entry *)&outbox->entry[sequence % OUTBOX_ENTRIES];
}

static void entry_begin(struct outbox *outbox)
{
    struct entry *entry = entry_at(outbox, ++outbox->newest);
    entry->sequence = outbox->newest;
    entry->closed = entry->told = false;
    buffer_clear(&entry->bytes);
    entry->output_count = entry->output_put = entry->sinks_told = 0;
    entry->taken = outbox->inputs ? outbox->inputs->taken : 0;
    entry->opened_ns = 0;
    entry->final = false;
    entry->records = 0;
    entry->offset_count = 0;
}

static bool entry_open(struct entry *entry, bool by_ledger)
{
    char *bytes = malloc(ENTRY_BYTES);
    entry->outputs = malloc(ENTRY_OUTPUTS * sizeof *entry->outputs);
    entry->next_offsets = malloc(LANES_MAX * sizeof *entry->next_offsets);
    buffer_init(&entry->bytes, bytes, ENTRY_BYTES);
    if (!by_ledger)
        return bytes && entry->outputs && entry->next_offsets;
    char *record = malloc(JOURNAL_ENTRY_MAX + JOURNAL_HEAD_SIZE);
    entry->offsets = malloc(JOURNAL_LANES_MAX * sizeof *entry->offsets);
    buffer_init(&entry->record, record, JOURNAL_ENTRY_MAX + JOURNAL_HEAD_SIZE);
    return bytes && entry->outputs && entry->next_offsets && record && entry->offsets;
}

/* One instance a kind serves all streams that name it. */
static enum status sinks_open(struct outbox *outbox, const struct config *config,
                              struct failure *failure)
{
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        const struct sink_kind *kind = config->output[stream].sink;
        if (!kind || outbox->route[stream] != ROUTE_NOWHERE)
            continue;
        struct sink_setting setting = {.kafka = config->kafka, .wait_ms = config->wait_ms};
        for (uint32_t other = stream; other < STREAMS; other++) {
            if (config->output[other].sink != kind)
                continue;
            setting.options[other] = config->output[other].options;
            outbox->route[other] = outbox->sink_count;
        }
        outbox->sink[outbox->sink_count].kind = kind;
        enum status status = kind->open(&outbox->sink[outbox->sink_count].self, &setting, failure);
        if (status != STATUS_OK)
            return status;
        outbox->sink_count++;
    }
    return STATUS_OK;
}

/* Where each stream goes that needs no sink.  A follower's outputs are wanted for their digest. */
static void routes_open(struct outbox *outbox, const struct config *config)
{
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        bool kafka = outbox->by_ledger && config_topic(config, (enum stream)stream);
        outbox->route[stream] = kafka ? ROUTE_LEDGER : ROUTE_NOWHERE;
        outbox->wanted[stream] = config->output[stream].sink != NULL;
    }
}

enum status outbox_open(struct outbox *outbox, const struct config *config, struct inputs *inputs,
                        const struct clock *clock, bool by_ledger, struct failure *failure)
{
    memset(outbox, 0, sizeof *outbox);
    outbox->clock = clock;
    outbox->inputs = inputs;
    outbox->by_ledger = by_ledger;
    outbox->message_max = (size_t)config->message_max;
    outbox->commit_ns = (uint64_t)config->commit_ms * 1000000U;
    outbox->commit_latency = calloc(1, sizeof *outbox->commit_latency);
    outbox->settled_offsets = malloc(LANES_MAX * sizeof *outbox->settled_offsets);
    bool whole = outbox->commit_latency && outbox->settled_offsets;
    for (uint32_t i = 0; i < OUTBOX_ENTRIES; i++)
        whole = entry_open(&outbox->entry[i], by_ledger) && whole;
    if (!whole)
        return failure_set(failure, STATUS_STOP, "could not allocate the outbox");
    outbox->oldest = 1;
    entry_begin(outbox);
    routes_open(outbox, config);
    return by_ledger ? STATUS_OK : sinks_open(outbox, config, failure);
}

enum status outbox_lead(struct outbox *outbox, const struct config *config, struct failure *failure)
{
    return outbox->sink_count > 0 ? STATUS_OK : sinks_open(outbox, config, failure);
}

bool outbox_has_room(const struct outbox *outbox)
{
    const struct entry *entry = entry_at(outbox, outbox->newest);
    return !entry->closed && entry->bytes.capacity - entry->bytes.size >= BATCH_OUTPUT_BYTES &&
           entry->output_count + BATCH_OUTPUTS <= ENTRY_OUTPUTS;
}

bool outbox_wants(const struct outbox *outbox, enum stream stream)
{
    return outbox->wanted[stream];
}

struct buffer *outbox_begin(struct outbox *outbox, enum stream stream)
{
    struct entry *entry = entry_at(outbox, outbox->newest);
    ASSERT(!entry->closed && entry->output_count < ENTRY_OUTPUTS);
    if (entry->opened_ns == 0)
        entry->opened_ns = clock_monotonic_ns(outbox->clock);
    entry->outputs[entry->output_count] = (struct output){
        .stream = stream,
        .key = entry->bytes.bytes + entry->bytes.size,
    };
    outbox->outputs[stream]++;
    return &entry->bytes;
}

void outbox_body(struct outbox *outbox)
{
    struct entry *entry = entry_at(outbox, outbox->newest);
    struct output *output = &entry->outputs[entry->output_count];
    size_t start = (size_t)(output->key - entry->bytes.bytes);
    if (entry->bytes.size > start + KEY_SIZE_MAX)
        entry->bytes.size = start + KEY_SIZE_MAX;
    output->bytes = entry->bytes.bytes + entry->bytes.size;
    output->key_size = (uint32_t)(output->bytes - output->key);
}

/* A record that no topic takes would make its transaction fail for ever. */
static void output_shorten(struct entry *entry, struct output *output, size_t size)
{
    entry->bytes.size = (size_t)(output->bytes - entry->bytes.bytes);
    buffer_text(&entry->bytes, "{\"id\":");
    buffer_json(&entry->bytes, output->key, output->key_size < 256 ? output->key_size : 256);
    buffer_format(&entry->bytes, ",\"oversized\":%zu}", size);
}

void outbox_end(struct outbox *outbox)
{
    struct entry *entry = entry_at(outbox, outbox->newest);
    struct output *output = &entry->outputs[entry->output_count++];
    size_t size = (size_t)(entry->bytes.bytes + entry->bytes.size - output->bytes);
    if (size > outbox->message_max)
        output_shorten(entry, output, size);
    output->size = (uint32_t)(entry->bytes.bytes + entry->bytes.size - output->bytes);
    ASSERT(!entry->bytes.overflow);
}

struct entry *outbox_open_entry(struct outbox *outbox)
{
    struct entry *entry = entry_at(outbox, outbox->newest);
    return entry->closed ? NULL : entry;
}

struct entry *outbox_unsettled(struct outbox *outbox)
{
    for (uint64_t sequence = outbox->oldest; sequence <= outbox->newest; sequence++) {
        struct entry *entry = entry_at(outbox, sequence);
        if (entry->closed && !entry->final)
            return entry;
    }
    return NULL;
}

void outbox_discard(struct outbox *outbox)
{
    struct entry *entry = outbox_open_entry(outbox);
    ASSERT(entry);
    buffer_clear(&entry->bytes);
    entry->output_count = 0;
    entry->opened_ns = 0;
}

uint64_t outbox_digest(const struct entry *entry)
{
    uint64_t digest = hash_fingerprint(entry->bytes.bytes, entry->bytes.size);
    for (uint32_t i = 0; i < entry->output_count; i++) {
        const struct output *output = &entry->outputs[i];
        uint64_t shape = (uint64_t)output->stream << 60 ^ (uint64_t)output->key_size << 32 ^
                         (uint64_t)output->size;
        digest = (digest ^ shape) * 0x9E3779B97F4A7C15ULL;
        digest ^= digest >> 29;
    }
    return digest;
}

/* Hands outputs to their sinks in order, until one is full. */
static enum status entry_put(struct outbox *outbox, struct entry *entry, struct failure *failure)
{
    while (entry->output_put < entry->output_count) {
        const struct output *output = &entry->outputs[entry->output_put];
        uint32_t sink = outbox->route[output->stream];
        if (sink == ROUTE_LEDGER) { /* it was in the transaction */
            entry->output_put++;
            continue;
        }
        enum status status = outbox->sink[sink].kind->put(outbox->sink[sink].self, output, failure);
        if (status != STATUS_OK)
            return status;
        entry->output_put++;
    }
    return STATUS_OK;
}

/* Records without outputs (labels) move the positions too, and these are committed as soon as
 * others. */
static bool entry_is_due(const struct outbox *outbox, struct entry *entry, bool now)
{
    if (entry->closed || now)
        return !entry->closed;
    uint64_t now_ns = clock_monotonic_ns(outbox->clock);
    if (entry->opened_ns == 0 && outbox->inputs && outbox->inputs->taken > entry->taken)
        entry->opened_ns = now_ns;
    if (entry->opened_ns == 0)
        return false;
    return !outbox_has_room(outbox) || now_ns - entry->opened_ns >= outbox->commit_ns;
}

static void entry_close(struct outbox *outbox, struct entry *entry)
{
    entry->closed = true;
    entry->closed_ns = clock_monotonic_ns(outbox->clock);
    if (outbox->inputs)
        inputs_mark(outbox->inputs, entry->next_offsets);
}

void outbox_close_entry(struct outbox *outbox)
{
    entry_close(outbox, entry_at(outbox, outbox->newest));
}

static enum status entry_tell(struct outbox *outbox, struct entry *entry, struct failure *failure)
{
    for (; entry->sinks_told < outbox->sink_count; entry->sinks_told++) {
        uint32_t sink = entry->sinks_told;
        enum status status =
            outbox->sink[sink].kind->settle(outbox->sink[sink].self, entry->sequence, failure);
        if (status != STATUS_OK)
            return status;
    }
    entry->told = true;
    return STATUS_OK;
}

static enum status outbox_hand_on(struct outbox *outbox, bool now, struct failure *failure)
{
    for (uint64_t sequence = outbox->oldest; sequence <= outbox->newest; sequence++) {
        struct entry *entry = entry_at(outbox, sequence);
        if (outbox->by_ledger && !entry->final)
            break;
        if (!outbox->by_ledger && entry_is_due(outbox, entry, now))
            entry_close(outbox, entry);
        enum status status = entry_put(outbox, entry, failure);
        if (status == STATUS_OK && entry->closed && !entry->told)
            status = entry_tell(outbox, entry, failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* The last entry that every sink calls safe. */
static enum status outbox_settled(struct outbox *outbox, uint64_t *settled, struct failure *failure)
{
    *settled = UINT64_MAX;
    for (uint32_t i = 0; i < outbox->sink_count; i++) {
        uint64_t sequence = 0;
        enum status status =
            outbox->sink[i].kind->settled(outbox->sink[i].self, &sequence, failure);
        if (status == STATUS_STOP)
            return status;
        if (sequence < *settled)
            *settled = sequence;
    }
    return STATUS_OK;
}

static enum status outbox_commit(struct outbox *outbox, struct failure *failure)
{
    uint64_t settled;
    enum status status = outbox_settled(outbox, &settled, failure);
    if (status != STATUS_OK)
        return status;
    struct entry *last = NULL;
    while (outbox->oldest <= outbox->newest && outbox->oldest <= settled &&
           entry_at(outbox, outbox->oldest)->told) {
        last = entry_at(outbox, outbox->oldest++);
        if (last->output_count)
            histogram_add(outbox->commit_latency,
                          clock_monotonic_ns(outbox->clock) - last->opened_ns, last->output_count);
    }
    if (last && outbox->inputs) {
        memcpy(outbox->settled_offsets, last->next_offsets, LANES_MAX * sizeof(int64_t));
        outbox->uncommitted = true;
    }
    if (!outbox->uncommitted)
        return STATUS_OK;
    status = inputs_commit(outbox->inputs, outbox->settled_offsets, failure);
    outbox->uncommitted = status != STATUS_OK;
    return status;
}

enum status outbox_service(struct outbox *outbox, bool now, struct failure *failure)
{
    enum status status = outbox_hand_on(outbox, now, failure);
    if (status == STATUS_STOP)
        return status;
    status = outbox_commit(outbox, failure);
    bool closed = entry_at(outbox, outbox->newest)->closed;
    if (closed && outbox->newest + 1 - outbox->oldest < OUTBOX_ENTRIES)
        entry_begin(outbox);
    return status;
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->oldest == outbox->newest && !outbox->uncommitted &&
           entry_at(outbox, outbox->newest)->output_count == 0;
}

void outbox_close(struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->sink_count; i++)
        outbox->sink[i].kind->close(outbox->sink[i].self);
    for (uint32_t i = 0; i < OUTBOX_ENTRIES; i++) {
        free(outbox->entry[i].bytes.bytes);
        free(outbox->entry[i].outputs);
        free(outbox->entry[i].next_offsets);
        free(outbox->entry[i].record.bytes);
        free(outbox->entry[i].offsets);
    }
    free(outbox->commit_latency);
    free(outbox->settled_offsets);
    memset(outbox, 0, sizeof *outbox);
}
