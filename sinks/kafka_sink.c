/* Outputs as records of Kafka topics: one idempotent producer for all streams, so each record is
 * written once and in order as long as this process lives.  The outputs' bytes are not copied: the
 * outbox keeps them until their entry has settled. */
#include "base/kafka_conf.h"
#include "sinks/sink.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ENTRIES_MAX = 1 << 14 };

struct kafka_sink_option {
    char topic[250];
};

/* An entry with outputs on their way.  Those without any are covered by the one before them. */
struct sink_entry {
    uint64_t covers; /* the last sequence that is safe once nothing is outstanding; 0: still open */
    uint32_t outstanding;
};

struct kafka_sink {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    rd_kafka_t *client;
    rd_kafka_topic_t *topic[STREAMS];
    rd_kafka_queue_t *queue;
    int event;
    bool open;            /* the newest entry in the ring takes outputs */
    uint64_t first, next; /* positions in the ring; never wrap */
    uint64_t settled;
    struct failure lost; /* STOP once an output was lost for good, else OK */
    struct sink_entry entry[ENTRIES_MAX];
};

static struct sink_entry *entry_at(struct kafka_sink *sink, uint64_t position)
{
    return &sink->entry[position % ENTRIES_MAX];
}

static void delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct kafka_sink *sink = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        entry_at(sink, (uintptr_t)message->_private)->outstanding--;
        return;
    }
    if (sink->lost.status == STATUS_OK)
        failure_set(&sink->lost, STATUS_STOP, "could not write %zu bytes to topic %s: %s%s%s",
                    message->len, rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err),
                    sink->trouble.text[0] ? "; " : "", sink->trouble.text);
}

static enum status sink_state(const struct kafka_sink *sink, struct failure *failure)
{
    return kafka_producer_state("kafka sink", &sink->lost, &sink->trouble, failure);
}

static enum status open_client(struct kafka_sink *sink, const json_t *properties,
                               struct failure *failure)
{
    static const struct kafka_property standards[] = {
        {"linger.ms", "2"},
        {"compression.type", "lz4"},
        {"queue.buffering.max.messages", "200000"},
        {"queue.buffering.max.kbytes", "65536"},
        {NULL, NULL},
    };
    static const struct kafka_property musts[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf =
        kafka_conf_make(properties, NULL, standards, musts, &sink->trouble, failure);
    if (!conf)
        return STATUS_STOP;
    rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
    return kafka_client_open(&sink->client, RD_KAFKA_PRODUCER, conf, failure);
}

/* Asking for the topic now tells early that it is not there, and spares its first record a second.
 */
static enum status open_topic(struct kafka_sink *sink, enum stream stream, const char *name,
                              int64_t wait_ms, struct failure *failure)
{
    int32_t partition_count;
    if (kafka_partition_count(sink->client, name, wait_ms, &sink->trouble, &partition_count,
                              failure) != STATUS_OK)
        return STATUS_STOP;
    sink->topic[stream] = rd_kafka_topic_new(sink->client, name, NULL);
    if (!sink->topic[stream])
        return failure_set(failure, STATUS_STOP, "topic %s: %s", name,
                           rd_kafka_err2str(rd_kafka_last_error()));
    return STATUS_OK;
}

static enum status open_event(struct kafka_sink *sink, struct failure *failure)
{
    static const uint64_t one = 1;
    sink->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (sink->event < 0)
        return failure_set(failure, STATUS_STOP, "could not make an event descriptor: %s",
                           strerror(errno));
    sink->queue = rd_kafka_queue_get_main(sink->client);
    rd_kafka_queue_io_event_enable(sink->queue, sink->event, &one, sizeof one);
    return STATUS_OK;
}

/* Without a flush: the engine has settled what matters, and what has not is written again after the
 * next start, because its offsets are not committed. */
static void kafka_close(void *self)
{
    struct kafka_sink *sink = self;
    if (sink->queue) {
        rd_kafka_queue_io_event_enable(sink->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(sink->queue);
    }
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (sink->topic[stream])
            rd_kafka_topic_destroy(sink->topic[stream]);
    if (sink->client)
        rd_kafka_destroy(sink->client);
    if (sink->event >= 0)
        close(sink->event);
    free(sink);
}

static enum status open_parts(struct kafka_sink *sink, const struct sink_setting *setting,
                              struct failure *failure)
{
    enum status status = open_client(sink, setting->kafka, failure);
    for (enum stream stream = 0; status == STATUS_OK && stream < STREAMS; stream++) {
        const struct kafka_sink_option *option = setting->options[stream];
        if (!option)
            continue;
        status = open_topic(sink, stream, option->topic, setting->wait_ms, failure);
        if (status != STATUS_OK)
            failure_prefix(failure, "output %s", stream_name(stream));
    }
    return status == STATUS_OK ? open_event(sink, failure) : status;
}

static enum status kafka_open(void **self, const struct sink_setting *setting,
                              struct failure *failure)
{
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return failure_set(failure, STATUS_STOP, "could not open sink kafka: out of memory");
    sink->event = -1;
    if (open_parts(sink, setting, failure) != STATUS_OK) {
        kafka_close(sink);
        return STATUS_STOP;
    }
    *self = sink;
    return STATUS_OK;
}

/* RETRY: too many entries are on their way. */
static enum status begin_entry(struct kafka_sink *sink, struct failure *failure)
{
    if (sink->open)
        return STATUS_OK;
    if (sink->next - sink->first == ENTRIES_MAX)
        return failure_set(failure, STATUS_RETRY, "%d entries are not yet acknowledged",
                           ENTRIES_MAX);
    *entry_at(sink, sink->next++) = (struct sink_entry){0};
    sink->open = true;
    return STATUS_OK;
}

static enum status kafka_put(void *self, const struct output *output, struct failure *failure)
{
    struct kafka_sink *sink = self;
    enum status status = sink_state(sink, failure);
    if (status == STATUS_OK)
        status = begin_entry(sink, failure);
    if (status != STATUS_OK)
        return status;
    uint64_t position = sink->next - 1;
    if (rd_kafka_produce(sink->topic[output->stream], RD_KAFKA_PARTITION_UA, 0,
                         (void *)(uintptr_t)output->bytes, output->size, output->key,
                         output->key_size, (void *)(uintptr_t)position) == 0) {
        entry_at(sink, position)->outstanding++;
        return STATUS_OK;
    }
    rd_kafka_resp_err_t error = rd_kafka_last_error();
    status = error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? STATUS_RETRY : STATUS_STOP;
    return failure_set(failure, status, "could not write %u bytes to topic %s: %s", output->size,
                       rd_kafka_topic_name(sink->topic[output->stream]), rd_kafka_err2str(error));
}

static enum status kafka_settle(void *self, uint64_t sequence, struct failure *failure)
{
    struct kafka_sink *sink = self;
    (void)failure;
    if (sink->next == sink->first)
        sink->settled = sequence;
    else
        entry_at(sink, sink->next - 1)->covers = sequence;
    sink->open = false;
    return STATUS_OK;
}

static enum status kafka_settled(void *self, uint64_t *sequence, struct failure *failure)
{
    struct kafka_sink *sink = self;
    uint64_t wakes;
    if (read(sink->event, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
        return failure_set(failure, STATUS_STOP, "could not read an event descriptor: %s",
                           strerror(errno));
    rd_kafka_poll(sink->client, 0);
    for (; sink->first < sink->next; sink->first++) {
        const struct sink_entry *entry = entry_at(sink, sink->first);
        if (entry->covers == 0 || entry->outstanding > 0)
            break;
        sink->settled = entry->covers;
    }
    *sequence = sink->settled;
    return sink_state(sink, failure);
}

static int kafka_descriptor(void *self)
{
    return ((struct kafka_sink *)self)->event;
}

static const struct option kafka_options[] = {
    {.name = "topic",
     .help = "the topic to write to; the key, which chooses the partition, is the event's id",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct kafka_sink_option, topic),
     .size = sizeof(((struct kafka_sink_option *)0)->topic)},
    OPTION_END,
};

const struct sink_kind kafka_sink = {
    .name = "kafka",
    .summary = "records of a Kafka topic",
    .options = kafka_options,
    .option_size = sizeof(struct kafka_sink_option),
    .open = kafka_open,
    .put = kafka_put,
    .settle = kafka_settle,
    .settled = kafka_settled,
    .descriptor = kafka_descriptor,
    .close = kafka_close,
};
