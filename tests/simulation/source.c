/* Reading the simulated topics; see source.h. */
#include "tests/simulation/simulation.h"
#include <stdlib.h>
#include <string.h>

struct sim_lane {
    bool placed;
    uint32_t next;           /* index of the record on offer or to come */
    uint32_t fetched;        /* records before this index have been fetched */
    uint64_t empty_until_ns; /* nothing is fetched before */
};

struct sim_source {
    struct process *process;
    enum topic topic;
    uint32_t lane_count, fetch; /* fetch: records that one fetch brings at most */
    bool has_begun;             /* the group had an offset for a lane */
    uint64_t looked_ns;         /* when the partitions were last counted */
    struct sim_lane lane[TOPIC_PARTITIONS_MAX];
};

static const struct topic_partition *partition_of(const struct sim_source *source, uint32_t lane)
{
    return &source->process->simulation->topics.topic[source->topic].partition[lane];
}

/* A consumer learns of new partitions only now and then. */
static uint32_t source_lane_count(void *self)
{
    struct sim_source *source = self;
    struct simulation *simulation = source->process->simulation;
    const struct topic_log *topic = &simulation->topics.topic[source->topic];
    if (process_enter(source->process, SEAM_SOURCE) || broker_is_away(simulation))
        return source->lane_count;
    while (source->lane_count < topic->partition_count &&
           topic->partition[source->lane_count].born_ms <= simulation_ms(simulation)) {
        if (chance_strikes(&simulation->chance, FAULT_PARTITION_UNSEEN, 0.5))
            break;
        source->lane_count++;
    }
    process_leave(source->process, SEAM_SOURCE);
    return source->lane_count;
}

/* Brings some more of what has come; false: nothing is there to be taken now.  True without more:
 * what comes next was deleted. */
static bool lane_fetch(struct sim_source *source, struct sim_lane *lane,
                       const struct topic_partition *partition)
{
    struct simulation *simulation = source->process->simulation;
    if (lane->next < lane->fetched)
        return true;
    if (lane->empty_until_ns > simulation->now_ns || broker_is_away(simulation))
        return false;
    if (chance_strikes(&simulation->chance, FAULT_FETCH_EMPTY, 0.05)) {
        lane->empty_until_ns =
            simulation->now_ns + milliseconds(chance_between(&simulation->chance, 1, 100));
        return false;
    }
    int64_t now_ms = simulation_ms(simulation);
    if (lane->next < partition->deleted)
        return true;
    for (uint32_t i = 0; i < source->fetch && lane->fetched < partition->count &&
                         partition->record[lane->fetched].visible_ms <= now_ms;
         i++)
        lane->fetched++;
    return lane->next < lane->fetched;
}

static enum status source_lost(struct sim_source *source, uint32_t at, struct failure *failure)
{
    source->process->denied = true;
    return failure_set(failure, STATUS_STOP, "the record to read next in lane %u is not there", at);
}

static enum status source_peek(void *self, uint32_t at, struct record *record,
                               struct failure *failure)
{
    struct sim_source *source = self;
    struct sim_lane *lane = &source->lane[at];
    const struct topic_partition *partition = partition_of(source, at);
    if (process_enter(source->process, SEAM_SOURCE) || !lane->placed ||
        !lane_fetch(source, lane, partition))
        return failure_set(failure, STATUS_RETRY, "nothing waits");
    if (lane->next == lane->fetched)
        return source_lost(source, at, failure);
    plant_peek(source->process, source->topic, partition, &lane->next);
    const struct topic_record *found = &partition->record[lane->next];
    *record = (struct record){
        .bytes = found->size ? found->bytes : NULL,
        .size = found->size,
        .partition = (int32_t)at,
        .offset = found->offset,
        .timestamp_ms = found->timestamp_ms,
    };
    process_leave(source->process, SEAM_SOURCE);
    return STATUS_OK;
}

static void source_take(void *self, uint32_t lane)
{
    struct sim_source *source = self;
    if (process_enter(source->process, SEAM_SOURCE))
        return;
    source->lane[lane].next++;
    process_leave(source->process, SEAM_SOURCE);
}

static enum status source_place(void *self, uint32_t at, int64_t *offset, struct failure *failure)
{
    struct sim_source *source = self;
    struct simulation *simulation = source->process->simulation;
    struct sim_lane *lane = &source->lane[at];
    if (process_enter(source->process, SEAM_SOURCE) || broker_is_away(simulation))
        return failure_set(failure, STATUS_RETRY, "no broker answers");
    if (at >= source->lane_count || lane->placed)
        violate(simulation, "process %u places lane %u of %s %s", source->process->index, at,
                simulation->topics.topic[source->topic].name,
                lane->placed ? "twice" : "before it was shown");
    /* The committed offsets are stable only when no transaction is under way. */
    if (*offset == -1 && !broker_is_stable(&simulation->broker))
        return failure_set(failure, STATUS_RETRY, "the committed offsets are not stable");
    if (*offset == -1) {
        *offset = simulation->broker.committed[source->topic][at];
        source->has_begun = source->has_begun || *offset >= 0;
    }
    if (*offset < 0)
        *offset = topic_partition_begin(partition_of(source, at));
    lane->placed = true;
    lane->next = topic_partition_find(partition_of(source, at), *offset);
    lane->fetched = lane->next;
    process_leave(source->process, SEAM_SOURCE);
    return STATUS_OK;
}

static bool source_has_begun(void *self)
{
    return ((struct sim_source *)self)->has_begun;
}

static enum status source_commit(void *self, const int64_t *next_offsets, struct failure *failure)
{
    struct sim_source *source = self;
    (void)next_offsets, (void)failure;
    violate(source->process->simulation, "process %u commits offsets outside of a transaction",
            source->process->index);
    return STATUS_OK;
}

static int source_descriptor(void *self)
{
    (void)self;
    return -1;
}

static const char *source_header(void *self)
{
    (void)self;
    return NULL;
}

static const struct source_kind sim_source_kind = {
    .name = "simulated",
    .lane_count = source_lane_count,
    .peek = source_peek,
    .take = source_take,
    .place = source_place,
    .has_begun = source_has_begun,
    .descriptor = source_descriptor,
    .commit = source_commit,
    .header = source_header,
    .close = free,
};

static void add_input(struct process *process, struct inputs *inputs,
                      const struct config_input *input, enum record_kind role, enum topic topic)
{
    struct sim_source *source = calloc(1, sizeof *source);
    ASSERT(source);
    source->process = process;
    source->topic = topic;
    source->fetch = (uint32_t)chance_between(&process->simulation->chance, 1, 40);
    inputs_add(inputs, (struct source){&sim_source_kind, source}, role, input->name,
               (uint32_t)input->payload_max);
}

enum status sim_sources_open(void *self, struct inputs *inputs, struct config *config,
                             struct failure *failure)
{
    struct process *process = self;
    (void)failure;
    add_input(process, inputs, &config->events, RECORD_EVENT, TOPIC_EVENTS);
    if (config->labels_input.present)
        add_input(process, inputs, &config->labels_input, RECORD_LABEL, TOPIC_LABELS);
    if (config->control.present)
        add_input(process, inputs, &config->control, RECORD_REQUEST, TOPIC_REQUESTS);
    return STATUS_OK;
}
