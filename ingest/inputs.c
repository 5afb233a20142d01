/* Merging lanes by time: a binary heap of the lanes that have a record waiting; see inputs.h.  A
 * record costs log(lanes) comparisons. */
#include "ingest/inputs.h"
#include "base/assert.h"
#include "base/buffer.h"
#include "base/hash.h"
#include <stdio.h>
#include <string.h>

static const int64_t hold_slack_ms = 1000;

/* ---- the order ---- */

static bool goes_before(const struct inputs *inputs, uint32_t first, uint32_t second)
{
    const struct lane *a = &inputs->lane[first], *b = &inputs->lane[second];
    if (a->record.timestamp_ms != b->record.timestamp_ms)
        return a->record.timestamp_ms < b->record.timestamp_ms;
    bool a_label = inputs->input[a->input].role == RECORD_LABEL;
    bool b_label = inputs->input[b->input].role == RECORD_LABEL;
    if (a_label != b_label)
        return a_label;
    if (a->input != b->input)
        return a->input < b->input;
    if (a->record.partition != b->record.partition)
        return a->record.partition < b->record.partition;
    return a->lane < b->lane;
}

static void sift_down(struct inputs *inputs, uint32_t at)
{
    uint32_t *heap = inputs->waiting, moving = heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= inputs->waiting_count)
            break;
        if (child + 1 < inputs->waiting_count && goes_before(inputs, heap[child + 1], heap[child]))
            child++;
        if (!goes_before(inputs, heap[child], moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void sift_up(struct inputs *inputs, uint32_t at)
{
    uint32_t *heap = inputs->waiting, moving = heap[at];
    while (at > 0 && goes_before(inputs, moving, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = moving;
}

/* ---- lanes ---- */

void inputs_add(struct inputs *inputs, struct source source, enum record_kind role,
                const char *name, uint32_t payload_max)
{
    ASSERT(inputs->count < INPUTS_MAX);
    ASSERT(payload_max <= BATCH_PAYLOAD_MAX);
    ASSERT(!inputs->placed || source.kind->place);
    inputs->merging = inputs->merging || !inputs->placed;
    struct input *input = &inputs->input[inputs->count++];
    input->source = source;
    input->role = role;
    input->payload_max = payload_max;
    snprintf(input->name, sizeof input->name, "%s", name);
    input->fingerprint = hash_fingerprint(name, strlen(name));
}

static void add_lane(struct inputs *inputs, uint32_t input)
{
    uint32_t lane = inputs->input[input].lane_count++;
    inputs->input[input].lane[lane] = (uint16_t)inputs->lane_count;
    inputs->lane[inputs->lane_count++] =
        (struct lane){.input = input, .lane = lane, .next_offset = -1, .placed = !inputs->placed};
}

/* Sources get lanes while they run (partitions that are assigned to them). */
static enum status add_lanes(struct inputs *inputs, struct failure *failure)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct input *input = &inputs->input[i];
        uint32_t count = input->source.kind->lane_count(input->source.self);
        while (input->lane_count < count) {
            if (inputs->lane_count == LANES_MAX)
                return inputs_check(inputs, failure);
            add_lane(inputs, i);
        }
    }
    return STATUS_OK;
}

enum status inputs_check(const struct inputs *inputs, struct failure *failure)
{
    char text[300];
    struct buffer list;
    uint32_t all = 0;
    buffer_init(&list, text, sizeof text - 1);
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct input *input = &inputs->input[i];
        uint32_t count = input->source.kind->lane_count(input->source.self);
        buffer_format(&list, "%s%s %u", i > 0 ? ", " : "", input->name, count);
        all += count;
    }
    text[list.size] = '\0';
    if (all <= LANES_MAX)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "the inputs have %u partitions (%s), one process reads at most %d: lead the "
                       "records through topics with fewer, or split them between pipelines",
                       all, text, LANES_MAX);
}

static enum status place_lane(const struct inputs *inputs, struct lane *lane, int64_t offset,
                              struct failure *failure)
{
    if (lane->placed)
        return STATUS_OK;
    const struct source *source = &inputs->input[lane->input].source;
    enum status status = source->kind->place(source->self, lane->lane, &offset, failure);
    lane->placed = status == STATUS_OK;
    if (lane->placed)
        lane->next_offset = offset;
    return status;
}

/* What no journal has placed begins where a first reading does. */
static enum status place_lanes(struct inputs *inputs, struct failure *failure)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < inputs->lane_count && status == STATUS_OK; i++)
        status = place_lane(inputs, &inputs->lane[i], -1, failure);
    return status;
}

static enum status peek_lane(struct inputs *inputs, struct lane *lane, struct failure *failure)
{
    const struct input *input = &inputs->input[lane->input];
    enum status status =
        input->source.kind->peek(input->source.self, lane->lane, &lane->record, failure);
    lane->waiting = status == STATUS_OK;
    lane->ended = status == STATUS_END;
    return status;
}

/* Asks the lanes that had nothing. */
static enum status peek_lanes(struct inputs *inputs, struct failure *failure)
{
    for (uint32_t i = 0; i < inputs->lane_count; i++) {
        struct lane *lane = &inputs->lane[i];
        if (lane->waiting || lane->ended || !lane->placed)
            continue;
        enum status status = peek_lane(inputs, lane, failure);
        if (status == STATUS_STOP)
            return STATUS_STOP;
        if (status != STATUS_OK)
            continue;
        inputs->waiting[inputs->waiting_count] = i;
        sift_up(inputs, inputs->waiting_count++);
    }
    return STATUS_OK;
}

/* A source that has no lane yet may get one. */
bool inputs_has_ended(const struct inputs *inputs, uint32_t input)
{
    for (uint32_t i = 0; i < inputs->lane_count; i++)
        if (inputs->lane[i].input == input && !inputs->lane[i].ended)
            return false;
    return inputs->input[input].lane_count > 0;
}

static bool all_ended(const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        if (!inputs_has_ended(inputs, i))
            return false;
    return true;
}

static bool lane_is_empty(const struct inputs *inputs, const struct lane *lane)
{
    const struct source *source = &inputs->input[lane->input].source;
    return !lane->waiting && lane->placed &&
           (lane->ended || !source->kind->has_more ||
            !source->kind->has_more(source->self, lane->lane));
}

bool inputs_are_empty(const struct inputs *inputs, enum record_kind role)
{
    for (uint32_t i = 0; i < inputs->lane_count; i++)
        if (inputs->input[inputs->lane[i].input].role == role &&
            !lane_is_empty(inputs, &inputs->lane[i]))
            return false;
    return true;
}

/* How far the merge may go without the lane.  One that has shown no record yet holds up all. */
static int64_t lane_holds_ms(const struct inputs *inputs, const struct lane *lane)
{
    const struct source *source = &inputs->input[lane->input].source;
    if (lane->waiting || lane->ended || !lane->placed || !source->kind->has_more ||
        !source->kind->has_more(source->self, lane->lane))
        return INT64_MAX;
    return lane->record.timestamp_ms + hold_slack_ms;
}

static void hold(struct inputs *inputs, const struct lane *lane)
{
    int64_t holds_ms = lane_holds_ms(inputs, lane);
    inputs->held_ms = holds_ms < inputs->held_ms ? holds_ms : inputs->held_ms;
}

static void hold_all(struct inputs *inputs)
{
    inputs->held_ms = INT64_MAX;
    for (uint32_t i = 0; i < inputs->lane_count; i++)
        hold(inputs, &inputs->lane[i]);
}

/* Whether the order may be decided now. */
static bool may_choose(const struct inputs *inputs)
{
    for (uint32_t i = 0; inputs->whole && i < inputs->lane_count; i++)
        if (!inputs->lane[i].waiting && !inputs->lane[i].ended)
            return false;
    return inputs->waiting_count > 0 &&
           inputs->lane[inputs->waiting[0]].record.timestamp_ms <= inputs->held_ms;
}

/* ---- filling ---- */

static bool add_record(const struct inputs *inputs, struct batch *batch, const struct lane *lane)
{
    const struct input *input = &inputs->input[lane->input];
    const struct record *record = &lane->record;
    struct position position = {lane->input, record->partition, record->offset};
    bool large = record->size > input->payload_max;
    if (!batch_add(batch, input->role, position, record->bytes, large ? 0 : record->size))
        return false;
    uint32_t row = batch->count - 1;
    batch->time_ms[row] = record->timestamp_ms == INT64_MIN ? 0 : record->timestamp_ms;
    if (large) {
        batch->size[row] = record->size < UINT32_MAX ? (uint32_t)record->size : UINT32_MAX;
        batch_refuse(batch, row, "the record is larger than payload_max, %u bytes",
                     input->payload_max);
    }
    return true;
}

/* Takes the lane's record, which is in the batch now. */
static void take(struct inputs *inputs, struct lane *lane)
{
    const struct source *source = &inputs->input[lane->input].source;
    source->kind->take(source->self, lane->lane);
    lane->next_offset = lane->record.offset + 1;
    lane->waiting = false;
    inputs->taken++;
}

/* Takes the first waiting record and shows its lane's next one. */
static enum status advance(struct inputs *inputs, struct failure *failure)
{
    struct lane *lane = &inputs->lane[inputs->waiting[0]];
    take(inputs, lane);
    enum status status = peek_lane(inputs, lane, failure);
    if (!lane->waiting) {
        inputs->waiting[0] = inputs->waiting[--inputs->waiting_count];
        hold(inputs, lane);
    }
    if (inputs->waiting_count)
        sift_down(inputs, 0);
    return status;
}

enum status inputs_fill(struct inputs *inputs, struct batch *batch, uint32_t records_max,
                        struct failure *failure)
{
    ASSERT(inputs->merging || inputs->count == 0);
    if (add_lanes(inputs, failure) != STATUS_OK ||
        place_lanes(inputs, failure) == STATUS_STOP || /* RETRY: asked again with the next batch */
        peek_lanes(inputs, failure) != STATUS_OK)
        return STATUS_STOP;
    hold_all(inputs);
    uint32_t before = batch->count;
    while (may_choose(inputs) && batch->count < records_max &&
           add_record(inputs, batch, &inputs->lane[inputs->waiting[0]]))
        if (advance(inputs, failure) == STATUS_STOP)
            break; /* the lane will say so again, when what is here has gone its way */
    if (batch->count > before)
        return STATUS_OK;
    return all_ended(inputs) ? STATUS_END : STATUS_RETRY;
}

/* ---- in a journal's order ---- */

bool inputs_have_begun(const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        if (source->kind->has_begun && source->kind->has_begun(source->self))
            return true;
    }
    return false;
}

void inputs_follow(struct inputs *inputs)
{
    ASSERT(inputs->count == 0);
    inputs->placed = true;
}

static uint32_t input_find(const struct inputs *inputs, uint64_t fingerprint)
{
    uint32_t i = 0;
    while (i < inputs->count && inputs->input[i].fingerprint != fingerprint)
        i++;
    return i;
}

static bool has_lane(const struct input *input, int64_t partition)
{
    return partition >= 0 && partition < input->lane_count;
}

enum status inputs_lane(struct inputs *inputs, uint64_t fingerprint, int64_t partition,
                        int64_t offset, uint32_t *lane, struct failure *failure)
{
    ASSERT(inputs->placed);
    uint32_t index = input_find(inputs, fingerprint);
    if (index == inputs->count)
        return failure_set(failure, STATUS_RETRY,
                           "the journal names an input (%016llx) that the configuration does not "
                           "have, partition %lld",
                           (unsigned long long)fingerprint, (long long)partition);
    const struct input *input = &inputs->input[index];
    if (!has_lane(input, partition) && add_lanes(inputs, failure) != STATUS_OK)
        return STATUS_STOP;
    if (!has_lane(input, partition))
        return failure_set(failure, STATUS_RETRY,
                           "the journal names partition %lld of %s, which is not there yet; it has "
                           "%u partitions",
                           (long long)partition, input->name, input->lane_count);
    *lane = input->lane[partition];
    return place_lane(inputs, &inputs->lane[*lane], offset, failure);
}

/* A gap in what the journal names is not passed over, nor is what it passed over taken. */
static enum status check_offset(const struct inputs *inputs, const struct lane *lane, int64_t from,
                                int64_t to, uint64_t count, struct failure *failure)
{
    int64_t offset = lane->record.offset;
    if (offset >= from && offset < to)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "%s, partition %d: the journal names %llu more records at offsets from %lld "
                       "to %lld, but the next record is at %lld; records have been deleted, or the "
                       "topic was made anew",
                       inputs->input[lane->input].name, lane->record.partition,
                       (unsigned long long)count, (long long)from, (long long)to - 1,
                       (long long)offset);
}

/* OK: the lane's next record waits, and it is one that the journal names. */
static enum status show_named(struct inputs *inputs, struct lane *lane, int64_t from, int64_t to,
                              uint64_t count, struct failure *failure)
{
    enum status status = lane->waiting ? STATUS_OK : peek_lane(inputs, lane, failure);
    if (status == STATUS_END)
        return failure_set(failure, STATUS_STOP,
                           "%s, partition %u: it has ended, but the journal names %llu more "
                           "records",
                           inputs->input[lane->input].name, lane->lane, (unsigned long long)count);
    if (status != STATUS_OK)
        return status;
    return check_offset(inputs, lane, from, to, count, failure);
}

enum status inputs_take(struct inputs *inputs, struct batch *batch, uint32_t lane, int64_t from,
                        int64_t to, uint64_t *count, uint32_t most, struct failure *failure)
{
    ASSERT(inputs->placed && lane < inputs->lane_count && inputs->lane[lane].placed);
    inputs->merging = false;
    struct lane *from_lane = &inputs->lane[lane];
    uint64_t wanted = *count < most ? *count : most, left = wanted;
    enum status status = STATUS_RETRY;
    for (; left > 0; left--, --*count) {
        status = show_named(inputs, from_lane, from, to, *count, failure);
        if (status != STATUS_OK)
            break;
        status = STATUS_RETRY; /* the batch is full */
        if (!add_record(inputs, batch, from_lane))
            break;
        take(inputs, from_lane);
    }
    return left < wanted ? STATUS_OK : status; /* a failure shows again with the next call */
}

enum status inputs_merge(struct inputs *inputs, struct failure *failure)
{
    if (inputs->merging)
        return STATUS_OK;
    if (add_lanes(inputs, failure) != STATUS_OK)
        return STATUS_STOP;
    enum status status = place_lanes(inputs, failure);
    if (status != STATUS_OK)
        return status;
    inputs->merging = true;
    inputs->waiting_count = 0;
    for (uint32_t i = 0; i < inputs->lane_count; i++) {
        if (!inputs->lane[i].waiting)
            continue;
        inputs->waiting[inputs->waiting_count] = i;
        sift_up(inputs, inputs->waiting_count++);
    }
    return STATUS_OK;
}

/* ---- committing ---- */

void inputs_mark(const struct inputs *inputs, int64_t *next_offsets)
{
    for (uint32_t i = 0; i < LANES_MAX; i++)
        next_offsets[i] = i < inputs->lane_count ? inputs->lane[i].next_offset : -1;
}

enum status inputs_commit(struct inputs *inputs, const int64_t *next_offsets,
                          struct failure *failure)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        if (!source->kind->commit)
            continue;
        int64_t of_source[LANES_MAX];
        memset(of_source, -1, sizeof of_source);
        for (uint32_t j = 0; j < inputs->lane_count; j++)
            if (inputs->lane[j].input == i)
                of_source[inputs->lane[j].lane] = next_offsets[j];
        enum status status = source->kind->commit(source->self, of_source, failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

void inputs_close(struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        inputs->input[i].source.kind->close(inputs->input[i].source.self);
    memset(inputs, 0, sizeof *inputs);
}
