/* Records from a Kafka topic.  All partitions are assigned by hand; each has a queue of its own and
 * is a lane (the lane's number is the partition's).  The group only keeps the committed offsets.
 *
 * Nothing here waits, except opening, closing, and the moment when partitions are added.  One event
 * descriptor wakes the loop for all queues: librdkafka writes to it when a queue stops being empty.
 *
 * When a journal places the lanes, each is assigned at that moment, and the group's offsets are
 * never written: the transaction that holds the journal's entry does that. */
#include "base/assert.h"
#include "base/kafka_wait.h"
#include "base/log.h"
#include "ingest/inputs.h"
#include "ingest/kafka_lane.h"
#include "ingest/kafka_partitions.h"
#include "ingest/source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ADD_TIMEOUT_MS = 2000, CLOSE_TIMEOUT_MS = 5000 };

/* librdkafka 2.0 sleeps a second when a partition's read-ahead is full, so all of it together is
 * what can be read in a second out of a backlog.  A record costs some 400 bytes beside its own. */
enum { READ_AHEAD_KILOBYTES = 128 << 10 };

/* A commit is a request to the broker: batches are decided far more often than that is worth. */
static const uint64_t commit_interval_ns = 100000000;

struct kafka_source_option {
    char topic[250], group[250];
    int start;
};

enum start { START_EARLIEST, START_LATEST };

struct kafka_source {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    rd_kafka_t *client;
    rd_kafka_queue_t *queue; /* of the client's callbacks */
    const struct clock *clock;
    char topic[250], group[250];
    enum start start;
    int64_t wait_ms; /* for brokers that are away, when opening */
    int event;
    bool placed;         /* lanes stand still until kafka_place */
    bool assigned;       /* something is: what follows is assigned beside it */
    bool found;          /* where the lanes begin that have no place in the journal */
    bool has_begun;      /* the group had an offset for one of them */
    bool committing;     /* a commit is on its way */
    uint64_t commit_ns;  /* when the last one was sent */
    struct failure lost; /* STOP once it cannot go on, else OK */
    uint32_t partitions; /* as the statistics saw them last */
    uint32_t lane_count;
    struct kafka_lane lane[LANES_MAX];
};

/* The partitions that librdkafka knows stand in its statistics, which come by themselves: asking
 * for metadata would wait for the broker. */
static int statistics_read(rd_kafka_t *client, char *text, size_t size, void *opaque)
{
    struct kafka_source *source = opaque;
    (void)client;
    uint32_t count = kafka_partitions_seen(text, size, source->topic);
    if (count > source->partitions)
        source->partitions = count;
    return 0;
}

static enum status source_lose(struct kafka_source *source, const char *why)
{
    return failure_set(&source->lost, STATUS_STOP, "topic %s, group %s: %s", source->topic,
                       source->group, why);
}

/* What was not committed is sent again with the next commit. */
static void commit_judge(struct kafka_source *source, rd_kafka_resp_err_t error)
{
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    const char *refusal = kafka_partitions_refusal(error);
    if (refusal) {
        source_lose(source, refusal);
        return;
    }
    char text[384];
    snprintf(text, sizeof text, "could not commit offsets of topic %s: %s", source->topic,
             rd_kafka_err2str(error));
    kafka_complain(&source->trouble, text);
}

static void commit_report(rd_kafka_t *client, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct kafka_source *source = opaque;
    (void)client;
    rd_kafka_resp_err_t cause = error;
    source->committing = false;
    for (int index = 0; offsets && index < offsets->cnt; index++) {
        const rd_kafka_topic_partition_t *offset = &offsets->elems[index];
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR && offset->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        source->lane[offset->partition].sent = -1;
        cause = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : offset->err;
    }
    commit_judge(source, cause);
}

static enum status open_client(struct kafka_source *source, const json_t *properties,
                               uint32_t partition_count, struct failure *failure)
{
    char kilobytes[16];
    snprintf(kilobytes, sizeof kilobytes, "%u", READ_AHEAD_KILOBYTES / partition_count + 1024);
    const struct kafka_property standards[] = {
        {"queued.min.messages", "10000000"}, /* the bytes alone are the limit */
        {"queued.max.messages.kbytes", kilobytes},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "100"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    const struct kafka_property musts[] = {
        {"group.id", source->group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_committed"},
        {"check.crcs", "true"},
        {"enable.partition.eof", "true"},
        {"statistics.interval.ms", "10000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf =
        kafka_conf_make(properties, NULL, standards, musts, &source->trouble, failure);
    if (!conf)
        return STATUS_STOP;
    rd_kafka_conf_set_stats_cb(conf, statistics_read);
    rd_kafka_conf_set_offset_commit_cb(conf, commit_report);
    return kafka_client_open(&source->client, RD_KAFKA_CONSUMER, conf, failure);
}

static enum status open_event(struct kafka_source *source, struct failure *failure)
{
    source->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (source->event < 0)
        return failure_set(failure, STATUS_STOP, "could not make an event descriptor: %s",
                           strerror(errno));
    rd_kafka_poll_set_consumer(source->client);
    source->queue = rd_kafka_queue_get_consumer(source->client);
    return STATUS_OK;
}

static void watch_queue(const struct kafka_source *source, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, source->event, &one, sizeof one);
}

/* The forwarding to the common queue is cut before the partition is assigned, so that no record can
 * take the other way. */
static void add_lane(struct kafka_source *source)
{
    struct kafka_lane *lane = &source->lane[source->lane_count];
    lane->queue =
        rd_kafka_queue_get_partition(source->client, source->topic, (int32_t)source->lane_count);
    rd_kafka_queue_forward(lane->queue, NULL);
    watch_queue(source, lane->queue);
    lane->begin = RD_KAFKA_OFFSET_BEGINNING;
    lane->wanted = lane->sent = lane->next = -1;
    source->lane_count++;
}

/* Where the partitions [from, to) go on; those that are added later are read whole. */
static enum status find_offsets(struct kafka_source *source, uint32_t from, uint32_t to,
                                int timeout_ms, rd_kafka_topic_partition_list_t **list,
                                struct failure *failure)
{
    *list = rd_kafka_topic_partition_list_new((int)(to - from));
    for (uint32_t partition = from; partition < to; partition++)
        rd_kafka_topic_partition_list_add(*list, source->topic, (int32_t)partition);
    bool latest = source->start == START_LATEST && !source->assigned;
    return kafka_partitions_find(source->client, source->group, latest, timeout_ms, *list, failure);
}

static enum status assign(struct kafka_source *source, const rd_kafka_topic_partition_list_t *list,
                          struct failure *failure)
{
    enum status status = kafka_partitions_assign(source->client, !source->assigned, list, failure);
    source->assigned = source->assigned || status == STATUS_OK;
    return status;
}

static enum status add_lanes(struct kafka_source *source, uint32_t count, int timeout_ms,
                             struct failure *failure)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    enum status status = STATUS_OK;
    if (!source->placed)
        status = find_offsets(source, source->lane_count, count, timeout_ms, &list, failure);
    while (status == STATUS_OK && source->lane_count < count)
        add_lane(source);
    if (status == STATUS_OK && list)
        status = assign(source, list, failure);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum status check_partitions(const struct kafka_source *source, struct failure *failure)
{
    return source->partitions <= LANES_MAX
               ? STATUS_OK
               : failure_set(failure, STATUS_STOP,
                             "topic %s has %u partitions, at most %d are read", source->topic,
                             source->partitions, LANES_MAX);
}

static enum status count_partitions(struct kafka_source *source, struct failure *failure)
{
    int32_t count;
    if (kafka_partition_count(source->client, source->topic, source->wait_ms, &source->trouble,
                              &count, failure) != STATUS_OK)
        return STATUS_STOP;
    source->partitions = (uint32_t)count;
    return check_partitions(source, failure);
}

/* A first client only counts the partitions, because the second one's limits depend on their
 * number. The second one asks again, which teaches it the partitions' leaders: its first fetch
 * would wait a second for them otherwise. */
static enum status open_clients(struct kafka_source *source, const json_t *properties,
                                struct failure *failure)
{
    if (open_client(source, properties, 1, failure) != STATUS_OK ||
        count_partitions(source, failure) != STATUS_OK)
        return STATUS_STOP;
    rd_kafka_destroy(source->client);
    source->client = NULL;
    if (open_client(source, properties, source->partitions, failure) != STATUS_OK)
        return STATUS_STOP;
    return count_partitions(source, failure);
}

/* The group's coordinator may be away longer than its topics. */
static enum status add_first_lanes(struct kafka_source *source, struct failure *failure)
{
    struct kafka_wait wait;
    enum status status;
    kafka_wait_begin(&wait, source->wait_ms);
    do
        status = add_lanes(source, source->partitions, ADD_TIMEOUT_MS, failure);
    while (status == STATUS_RETRY && kafka_wait_on(&wait, failure));
    if (status == STATUS_OK)
        kafka_wait_end(&wait);
    return status;
}

static enum status open_parts(struct kafka_source *source, const json_t *properties,
                              struct failure *failure)
{
    if (open_clients(source, properties, failure) != STATUS_OK ||
        open_event(source, failure) != STATUS_OK)
        return STATUS_STOP;
    watch_queue(source, source->queue);
    return add_first_lanes(source, failure);
}

/* Partitions were added to the topic: they become lanes; if the broker is away just now, later. */
static enum status follow_partitions(struct kafka_source *source, struct failure *failure)
{
    uint32_t before = source->lane_count;
    if (source->partitions <= before)
        return STATUS_OK;
    if (check_partitions(source, failure) != STATUS_OK)
        return STATUS_STOP;
    if (add_lanes(source, source->partitions, ADD_TIMEOUT_MS, failure) != STATUS_OK) {
        if (source->lane_count > before)
            return STATUS_STOP;
        source->partitions = before; /* the next statistics bring it up again */
        kafka_complain(&source->trouble, failure->text);
        return STATUS_OK;
    }
    log_info("kafka", "new partitions topic=%s count=%u", source->topic, source->lane_count);
    return STATUS_OK;
}

static rd_kafka_topic_partition_list_t *commit_list(struct kafka_source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->lane_count);
    for (uint32_t index = 0; index < source->lane_count; index++) {
        struct kafka_lane *lane = &source->lane[index];
        if (lane->wanted <= lane->sent)
            continue;
        rd_kafka_topic_partition_list_add(list, source->topic, (int32_t)index)->offset =
            lane->wanted;
        lane->sent = lane->wanted;
    }
    return list;
}

static void commit_send(struct kafka_source *source)
{
    uint64_t now_ns = clock_monotonic_ns(source->clock);
    if (source->committing || now_ns - source->commit_ns < commit_interval_ns)
        return;
    rd_kafka_topic_partition_list_t *list = commit_list(source);
    if (list->cnt > 0) {
        source->commit_ns = now_ns;
        source->committing = true;
        rd_kafka_resp_err_t error = rd_kafka_commit(source->client, list, 1);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            commit_report(source->client, error, list, source);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* STOP for what does not heal; RETRY, logged now and then, for what librdkafka tries again itself.
 */
static enum status judge_error(struct kafka_source *source, const rd_kafka_message_t *message)
{
    char text[384];
    const char *why = message->payload ? message->payload : rd_kafka_err2str(message->err);
    switch (kafka_partitions_judge(message->err)) {
    case PARTITION_LACKS_RECORDS:
        snprintf(
            text, sizeof text,
            "the record to read next in partition %d, offset %lld, is not there (retention "
            "was shorter than the pause, or the topic was made anew): to accept the loss reset "
            "the group's offsets to earliest (kafka-consumer-groups.sh)%s",
            message->partition, (long long)message->offset,
            source->placed ? " and begin anew by `weir run --cold-start`" : "");
        return source_lose(source, text);
    case PARTITION_LOST:
        snprintf(text, sizeof text, "could not read partition %d: %s", message->partition, why);
        return source_lose(source, text);
    case PARTITION_TROUBLED:
        break;
    }
    snprintf(text, sizeof text, "topic %s, partition %d: %s", source->topic, message->partition,
             why);
    kafka_complain(&source->trouble, text);
    return STATUS_RETRY;
}

/* Lets the client's callbacks run and sends the commit that is due. */
static enum status serve(struct kafka_source *source, struct failure *failure)
{
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(source->client, 0))) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            source_lose(source, "a record arrived outside its partition's queue");
        else
            judge_error(source, message);
        rd_kafka_message_destroy(message);
    }
    if (source->lost.status == STATUS_OK && source->trouble.fatal)
        source_lose(source, source->trouble.text);
    if (source->lost.status != STATUS_OK) {
        *failure = source->lost;
        return STATUS_STOP;
    }
    commit_send(source);
    return follow_partitions(source, failure);
}

static void kafka_close(void *self);

static enum status kafka_open(void **self, const struct source_setting *setting,
                              struct failure *failure)
{
    const struct kafka_source_option *option = setting->options;
    struct kafka_source *source = calloc(1, sizeof *source);
    if (!source)
        return failure_set(failure, STATUS_STOP, "could not open source kafka: out of memory");
    source->event = -1;
    source->clock = setting->clock;
    source->start = (enum start)option->start;
    source->placed = setting->placed;
    source->wait_ms = setting->wait_ms;
    memcpy(source->topic, option->topic, sizeof source->topic);
    snprintf(source->group, sizeof source->group, "%s",
             option->group[0] ? option->group : setting->group);
    if (open_parts(source, setting->kafka, failure) != STATUS_OK) {
        kafka_close(source);
        return STATUS_STOP;
    }
    *self = source;
    return STATUS_OK;
}

/* Who follows a journal asks only the lanes that it names, and waits for one that it is the first
 * to name: that the topic has grown must show without another lane being asked. */
static uint32_t kafka_lane_count(void *self)
{
    struct kafka_source *source = self;
    struct failure failure; /* shows again in the next peek */
    if (source->placed)
        serve(source, &failure);
    return source->lane_count;
}

/* Not when opening: a leader that was killed may have left a transaction open that holds offsets,
 * and who claims the journal ends it before lanes are placed without one. */
static enum status find_begin(struct kafka_source *source, struct failure *failure)
{
    if (source->found)
        return STATUS_OK;
    rd_kafka_topic_partition_list_t *list;
    enum status status =
        find_offsets(source, 0, source->lane_count, ADD_TIMEOUT_MS, &list, failure);
    for (int index = 0; status == STATUS_OK && index < list->cnt; index++) {
        source->lane[index].begin = list->elems[index].offset;
        source->has_begun = source->has_begun || list->elems[index].offset >= 0;
    }
    source->found = status == STATUS_OK;
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum status kafka_place(void *self, uint32_t index, int64_t *offset, struct failure *failure)
{
    struct kafka_source *source = self;
    ASSERT(source->placed && index < source->lane_count && *offset >= -1);
    struct kafka_lane *lane = &source->lane[index];
    ASSERT(!lane->placed);
    enum status status = STATUS_OK;
    if (*offset < 0) {
        status = find_begin(source, failure);
        *offset = lane->begin;
    }
    if (status == STATUS_OK)
        status = kafka_partitions_resolve(source->client, source->topic, (int32_t)index,
                                          ADD_TIMEOUT_MS, offset, failure);
    if (status != STATUS_OK) {
        *offset = -1;
        return status;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, source->topic, (int32_t)index)->offset = *offset;
    status = assign(source, list, failure);
    lane->placed = status == STATUS_OK;
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static bool kafka_has_begun(void *self)
{
    return ((struct kafka_source *)self)->has_begun;
}

/* A lane that is asked again although it was dry: the caller has come around.  Only now is the
 * descriptor drained, and every lane counts as not yet asked; a record that arrives at another lane
 * after this keeps the descriptor readable until that lane is asked. */
static enum status come_around(struct kafka_source *source, struct failure *failure)
{
    uint64_t wakes;
    if (read(source->event, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
        return failure_set(failure, STATUS_STOP, "could not read an event descriptor: %s",
                           strerror(errno));
    for (uint32_t index = 0; index < source->lane_count; index++)
        source->lane[index].dry = false;
    return serve(source, failure);
}

static enum status next_message(struct kafka_source *source, struct kafka_lane *lane,
                                struct failure *failure)
{
    rd_kafka_message_t *trouble;
    while ((trouble = kafka_lane_next(lane))) {
        judge_error(source, trouble);
        rd_kafka_message_destroy(trouble);
    }
    if (source->lost.status == STATUS_OK)
        return lane->message ? STATUS_OK : STATUS_RETRY;
    *failure = source->lost;
    return STATUS_STOP;
}

static enum status kafka_peek(void *self, uint32_t index, struct record *record,
                              struct failure *failure)
{
    struct kafka_source *source = self;
    struct kafka_lane *lane = &source->lane[index];
    enum status status = STATUS_OK;
    if (lane->dry)
        status = come_around(source, failure);
    if (status == STATUS_OK && !lane->message)
        status = next_message(source, lane, failure);
    if (status != STATUS_OK)
        return status;
    *record = kafka_lane_record(lane);
    return STATUS_OK;
}

static void kafka_take(void *self, uint32_t index)
{
    kafka_lane_take(&((struct kafka_source *)self)->lane[index]);
}

static bool kafka_has_more(void *self, uint32_t index)
{
    struct kafka_source *source = self;
    return kafka_lane_has_more(&source->lane[index], source->client, source->topic, (int32_t)index,
                               clock_monotonic_ns(source->clock));
}

static int kafka_descriptor(void *self)
{
    return ((struct kafka_source *)self)->event;
}

static enum status kafka_commit(void *self, const int64_t *next_offsets, struct failure *failure)
{
    struct kafka_source *source = self;
    for (uint32_t index = 0; !source->placed && index < source->lane_count; index++)
        if (next_offsets[index] > source->lane[index].wanted)
            source->lane[index].wanted = next_offsets[index];
    return serve(source, failure);
}

/* Waits for the last commit, but not for ever: what it misses is only read and decided again. */
static void commit_last(struct kafka_source *source)
{
    for (uint32_t index = 0; index < source->lane_count; index++)
        source->lane[index].sent = -1;
    rd_kafka_topic_partition_list_t *list = commit_list(source);
    if (list->cnt > 0) {
        rd_kafka_resp_err_t error = kafka_partitions_commit(source->client, CLOSE_TIMEOUT_MS, list);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            log_warning("kafka", "last offsets not committed topic=%s reason=\"%s\"", source->topic,
                        rd_kafka_err2str(error));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void kafka_close(void *self)
{
    struct kafka_source *source = self;
    if (source->client) {
        commit_last(source);
        for (uint32_t index = 0; index < source->lane_count; index++)
            kafka_lane_close(&source->lane[index]);
        if (source->queue) {
            rd_kafka_queue_io_event_enable(source->queue, -1, NULL, 0);
            rd_kafka_queue_destroy(source->queue);
            rd_kafka_consumer_close(source->client);
        }
        rd_kafka_destroy(source->client);
    }
    if (source->event >= 0)
        close(source->event);
    free(source);
}

static const struct option kafka_options[] = {
    {.name = "topic",
     .help = "the topic to read, all of its partitions",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct kafka_source_option, topic),
     .size = sizeof(((struct kafka_source_option *)0)->topic)},
    {.name = "group",
     .help = "the consumer group that keeps the offsets, if it is not the pipeline's name",
     .type = OPTION_TEXT,
     .standard = "",
     .offset = offsetof(struct kafka_source_option, group),
     .size = sizeof(((struct kafka_source_option *)0)->group)},
    {.name = "start",
     .help = "where a group that has no offsets yet begins",
     .type = OPTION_CHOICE,
     .standard = "earliest",
     .offset = offsetof(struct kafka_source_option, start),
     .choices = (const char *const[]){"earliest", "latest", NULL}},
    OPTION_END,
};

const struct source_kind kafka_source = {
    .name = "kafka",
    .summary = "the records of a Kafka topic",
    .options = kafka_options,
    .option_size = sizeof(struct kafka_source_option),
    .open = kafka_open,
    .lane_count = kafka_lane_count,
    .peek = kafka_peek,
    .take = kafka_take,
    .has_more = kafka_has_more,
    .place = kafka_place,
    .has_begun = kafka_has_begun,
    .descriptor = kafka_descriptor,
    .commit = kafka_commit,
    .close = kafka_close,
};
