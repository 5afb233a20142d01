/* Merging lanes by time: a binary heap of the lanes that have a record waiting; see inputs.h.  A
 * record costs log(lanes) comparisons. */
#include "ingest/inputs.h"
#include "base/assert.h"
#include <stdio.h>
#include <string.h>

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
    struct input *input = &inputs->input[inputs->count++];
    input->source = source;
    input->role = role;
    input->payload_max = payload_max;
    snprintf(input->name, sizeof input->name, "%s", name);
}

static uint32_t lanes_known(const struct inputs *inputs, uint32_t input)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < inputs->lane_count; i++)
        count += inputs->lane[i].input == input;
    return count;
}

/* Sources get lanes while they run (partitions that are assigned to them). */
static enum status add_lanes(struct inputs *inputs, struct failure *failure)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct source *source = &inputs->input[i].source;
        uint32_t count = source->kind->lane_count(source->self);
        for (uint32_t lane = lanes_known(inputs, i); lane < count; lane++) {
            if (inputs->lane_count == LANES_MAX)
                return failure_set(failure, STATUS_STOP,
                                   "could not read %s: there are more than %d partitions in all",
                                   inputs->input[i].name, LANES_MAX);
            inputs->lane[inputs->lane_count++] =
                (struct lane){.input = i, .lane = lane, .next_offset = -1};
        }
    }
    return STATUS_OK;
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
        if (lane->waiting || lane->ended)
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
    return lanes_known(inputs, input) > 0;
}

static bool all_ended(const struct inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        if (!inputs_has_ended(inputs, i))
            return false;
    return true;
}

/* Whether the order may be decided now. */
static bool may_choose(const struct inputs *inputs)
{
    for (uint32_t i = 0; inputs->whole && i < inputs->lane_count; i++)
        if (!inputs->lane[i].waiting && !inputs->lane[i].ended)
            return false;
    return inputs->waiting_count > 0;
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
    if (large)
        batch_refuse(batch, row, "the record is larger than payload_max, %u bytes",
                     input->payload_max);
    return true;
}

/* Takes the first waiting record, which is in the batch now, and shows its lane's next one. */
static enum status advance(struct inputs *inputs, struct failure *failure)
{
    struct lane *lane = &inputs->lane[inputs->waiting[0]];
    const struct source *source = &inputs->input[lane->input].source;
    source->kind->take(source->self, lane->lane);
    lane->next_offset = lane->record.offset + 1;
    inputs->taken++;
    enum status status = peek_lane(inputs, lane, failure);
    if (!lane->waiting)
        inputs->waiting[0] = inputs->waiting[--inputs->waiting_count];
    if (inputs->waiting_count)
        sift_down(inputs, 0);
    return status;
}

enum status inputs_fill(struct inputs *inputs, struct batch *batch, uint32_t records_max,
                        struct failure *failure)
{
    if (add_lanes(inputs, failure) != STATUS_OK || peek_lanes(inputs, failure) != STATUS_OK)
        return STATUS_STOP;
    uint32_t before = batch->count;
    while (may_choose(inputs) && batch->count < records_max &&
           add_record(inputs, batch, &inputs->lane[inputs->waiting[0]]))
        if (advance(inputs, failure) == STATUS_STOP)
            break; /* the lane will say so again, when what is here has gone its way */
    if (batch->count > before)
        return STATUS_OK;
    return all_ended(inputs) ? STATUS_END : STATUS_RETRY;
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
