/* What the Kafka client alone can do, for weir's figures to be compared with, and the probes that
 * measure both alike; with librdkafka and nothing of weir.
 *
 *   kafka_ceiling pump BROKERS INPUT OUTPUT COMMIT_MS COUNT
 *       takes COUNT records of INPUT from its begin, puts the first 200 bytes of each to OUTPUT, in
 *       a transaction with the offsets every COMMIT_MS; no other work.  COUNT 0: from the end on,
 *       until SIGTERM.  Prints "ready" on standard error, at the end CPU time a record.
 *   kafka_ceiling rate BROKERS TOPIC FROM_MS
 *       how fast the committed records of TOPIC were produced that are not older than FROM_MS (wall
 *       clock, by the records' own timestamps): between the first and the last tenth of that time,
 *       so that neither the start nor the last commit counts.
 *   kafka_ceiling probe BROKERS INPUT OUTPUT RATE SECONDS FILE
 *       sends lines of FILE to INPUT, RATE a second, and waits for a committed record of OUTPUT
 *       with the same id: quantiles of the time from handing the record to the client until the
 *       answer was there.  The first second does not count. */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 15000, OUTPUT_SIZE = 200, BATCH = 1000, PARTITIONS_MAX = 64 };

static volatile sig_atomic_t ended;

_Noreturn static void fail(const char *attempt, const char *why)
{
    fprintf(stderr, "kafka_ceiling: could not %s: %s\n", attempt, why);
    exit(2);
}

static void must(rd_kafka_error_t *error, const char *attempt)
{
    if (error)
        fail(attempt, rd_kafka_error_string(error));
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Without a delivery report a commit would look for its end every 10 ms only. */
static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client, (void)opaque;
    if (message->err)
        fail("deliver a record", rd_kafka_err2str(message->err));
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *const (*settings)[2])
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    for (; (*settings)[0]; settings++)
        if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], error, sizeof error))
            fail("configure", error);
    rd_kafka_t *client = rd_kafka_new(type, conf, error, sizeof error);
    if (!client)
        fail("make a client", error);
    return client;
}

/* ---- clients ---- */

static rd_kafka_t *open_consumer(const char *brokers)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},         {"group.id", "kafka_ceiling"},
        {"enable.auto.commit", "false"},        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},       {"fetch.wait.max.ms", "10"},
        {"queued.min.messages", "10000000"},    {"queued.max.messages.kbytes", "200000"},
        {"fetch.message.max.bytes", "4000000"}, {NULL, NULL},
    };
    rd_kafka_t *client = open_client(RD_KAFKA_CONSUMER, settings);
    rd_kafka_poll_set_consumer(client);
    return client;
}

static rd_kafka_t *open_producer(const char *brokers, const char *id)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"linger.ms", id ? "5" : "0"},
        {"queue.buffering.max.messages", "1000000"},
        {"batch.num.messages", "100000"},
        {"socket.nagle.disable", "true"},
        {"compression.type", id ? "lz4" : "none"},
        {id ? "transactional.id" : NULL, id},
        {NULL, NULL},
    };
    return open_client(RD_KAFKA_PRODUCER, settings);
}

static int assign_all(rd_kafka_t *client, const char *topic, int64_t offset)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (error || metadata->topics[0].err)
        fail("ask for the topic", rd_kafka_err2str(error ? error : metadata->topics[0].err));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (count > PARTITIONS_MAX)
        fail("read", "it has too many partitions");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++) {
        int64_t low, high = offset;
        if (offset == RD_KAFKA_OFFSET_END) /* where it ends now, not when the fetch begins */
            rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high, TIMEOUT_MS);
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = high;
    }
    rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

/* ---- pump ---- */

struct pump {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *output;
    rd_kafka_topic_partition_list_t *offsets; /* of the open transaction: all partitions seen */
    const char *input;
    int64_t commit_ns, committed_ns;
    uint64_t records, open_records, commits;
};

static int64_t cpu_ns(void)
{
    return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void pump_record(struct pump *pump, const rd_kafka_message_t *message)
{
    char bytes[OUTPUT_SIZE];
    size_t size = message->len < OUTPUT_SIZE ? message->len : OUTPUT_SIZE;
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, message->payload, size);
    while (rd_kafka_produce(pump->output, message->partition, RD_KAFKA_MSG_F_COPY, bytes,
                            sizeof bytes, NULL, 0, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(pump->producer, 10);
    }
    rd_kafka_topic_partition_t *row =
        rd_kafka_topic_partition_list_find(pump->offsets, pump->input, message->partition);
    if (!row)
        row = rd_kafka_topic_partition_list_add(pump->offsets, pump->input, message->partition);
    row->offset = message->offset + 1;
    pump->open_records++;
}

static void pump_commit(struct pump *pump)
{
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(pump->consumer);
    must(rd_kafka_send_offsets_to_transaction(pump->producer, pump->offsets, group, TIMEOUT_MS),
         "send offsets");
    must(rd_kafka_commit_transaction(pump->producer, TIMEOUT_MS), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    must(rd_kafka_begin_transaction(pump->producer), "begin");
    pump->records += pump->open_records;
    pump->open_records = 0;
    pump->commits++;
    pump->committed_ns = now_ns(CLOCK_MONOTONIC);
}

static void pump_turn(struct pump *pump, uint64_t count)
{
    static rd_kafka_message_t *messages[BATCH];
    ssize_t got = rd_kafka_consume_batch_queue(pump->queue, 1, messages, BATCH);
    for (ssize_t index = 0; index < got; index++) {
        if (!messages[index]->err && (!count || pump->records + pump->open_records < count))
            pump_record(pump, messages[index]);
        rd_kafka_message_destroy(messages[index]);
    }
    rd_kafka_poll(pump->producer, 0);
    bool due = now_ns(CLOCK_MONOTONIC) - pump->committed_ns >= pump->commit_ns;
    bool whole = count && pump->records + pump->open_records >= count;
    if (pump->open_records && (due || whole))
        pump_commit(pump);
}

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static int run_pump(char **arguments)
{
    const char *brokers = arguments[0];
    uint64_t count = strtoull(arguments[4], NULL, 10);
    struct pump pump = {
        .consumer = open_consumer(brokers),
        .producer = open_producer(brokers, "kafka_ceiling"),
        .offsets = rd_kafka_topic_partition_list_new(PARTITIONS_MAX),
        .input = arguments[1],
        .commit_ns = strtoll(arguments[3], NULL, 10) * 1000000,
    };
    signal(SIGTERM, end);
    pump.queue = rd_kafka_queue_get_consumer(pump.consumer);
    pump.output = rd_kafka_topic_new(pump.producer, arguments[2], NULL);
    must(rd_kafka_init_transactions(pump.producer, TIMEOUT_MS), "begin");
    must(rd_kafka_begin_transaction(pump.producer), "begin");
    assign_all(pump.consumer, pump.input, count ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END);
    fprintf(stderr, "ready\n");
    int64_t begin_ns = cpu_ns();
    pump.committed_ns = now_ns(CLOCK_MONOTONIC);
    while (!ended && (!count || pump.records < count))
        pump_turn(&pump, count);
    printf("{\"records\":%llu,\"commits\":%llu,\"cpu_ns_per_record\":%.0f}\n",
           (unsigned long long)pump.records, (unsigned long long)pump.commits,
           (double)(cpu_ns() - begin_ns) / (double)(pump.records ? pump.records : 1));
    rd_kafka_abort_transaction(pump.producer, TIMEOUT_MS);
    return 0;
}

/* ---- rate ---- */

struct times {
    int64_t *ms; /* (capacity) */
    size_t count, capacity;
};

static void times_add(struct times *times, int64_t ms)
{
    if (times->count == times->capacity) {
        times->capacity = times->capacity ? 2 * times->capacity : 1 << 16;
        times->ms = realloc(times->ms, times->capacity * sizeof *times->ms);
        if (!times->ms)
            fail("measure", "out of memory");
    }
    times->ms[times->count++] = ms;
}

static int compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void print_rate(struct times *times)
{
    if (times->count < 2)
        fail("measure", "nothing was produced");
    qsort(times->ms, times->count, sizeof *times->ms, compare_times);
    int64_t first = times->ms[0], span = times->ms[times->count - 1] - first;
    int64_t from = first + span / 10, to = first + span - span / 10;
    size_t within = 0;
    for (size_t index = 0; index < times->count; index++)
        within += times->ms[index] >= from && times->ms[index] < to;
    printf("{\"records\":%zu,\"milliseconds\":%lld,\"records_per_second\":%.0f}\n", times->count,
           (long long)span, to > from ? (double)within * 1000 / (double)(to - from) : 0.0);
}

static int run_rate(char **arguments)
{
    struct times times = {0};
    int64_t from_ms = strtoll(arguments[2], NULL, 10);
    rd_kafka_t *client = open_consumer(arguments[0]);
    int open_partitions = assign_all(client, arguments[1], RD_KAFKA_OFFSET_BEGINNING);
    while (open_partitions > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            fail("read", "no answer");
        int64_t ms = rd_kafka_message_timestamp(message, NULL);
        if (message->err)
            open_partitions--;
        else if (ms >= from_ms)
            times_add(&times, ms);
        rd_kafka_message_destroy(message);
    }
    print_rate(&times);
    free(times.ms);
    rd_kafka_destroy(client);
    return 0;
}

/* ---- probe ---- */

struct probe {
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *input;
    FILE *lines;
    int64_t begin_ns, rate, count;
    int64_t sent, seen;
    int64_t *sent_ns;     /* (count) by number; 0: not sent, or answered */
    struct times latency; /* in us */
};

/* The number in "id":"t0000000012", or -1. */
static int64_t number_of(const char *bytes, size_t size)
{
    static const char wanted[] = "\"id\":\"t";
    char digits[24];
    const char *at = memmem(bytes, size, wanted, sizeof wanted - 1);
    if (!at)
        return -1;
    at += sizeof wanted - 1;
    snprintf(digits, sizeof digits, "%.*s", (int)(bytes + size - at), at);
    return strtoll(digits, NULL, 10);
}

static void probe_send(struct probe *probe)
{
    static char line[4096];
    if (!fgets(line, sizeof line, probe->lines))
        fail("read", "the file has too few lines");
    size_t size = strcspn(line, "\n");
    probe->sent_ns[probe->sent++] = now_ns(CLOCK_MONOTONIC);
    if (rd_kafka_produce(probe->input, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, line, size, NULL,
                         0, NULL) != 0)
        fail("send", rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_poll(probe->producer, 0);
}

static void probe_take(struct probe *probe, const rd_kafka_message_t *message)
{
    int64_t number = message->err ? -1 : number_of(message->payload, message->len);
    if (number < 0 || number >= probe->sent || probe->sent_ns[number] == 0)
        return;
    if (number >= probe->rate)
        times_add(&probe->latency, (now_ns(CLOCK_MONOTONIC) - probe->sent_ns[number]) / 1000);
    probe->sent_ns[number] = 0;
    probe->seen++;
}

static double quantile_ms(const struct times *times, double share)
{
    size_t at = (size_t)(share * (double)times->count);
    return (double)times->ms[at < times->count ? at : times->count - 1] / 1000;
}

static void probe_print(struct probe *probe)
{
    struct times *latency = &probe->latency;
    if (latency->count == 0)
        fail("measure", "no answer came");
    qsort(latency->ms, latency->count, sizeof *latency->ms, compare_times);
    printf("{\"sent\":%lld,\"seen\":%lld,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"p99_9_ms\":%.1f,"
           "\"maximum_ms\":%.1f}\n",
           (long long)probe->sent, (long long)probe->seen, quantile_ms(latency, 0.5),
           quantile_ms(latency, 0.99), quantile_ms(latency, 0.999), quantile_ms(latency, 1));
}

static void probe_turn(struct probe *probe)
{
    int64_t due = (now_ns(CLOCK_MONOTONIC) - probe->begin_ns) * probe->rate / 1000000000;
    while (probe->sent < probe->count && probe->sent < due)
        probe_send(probe);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(probe->consumer, 0);
    if (!message) {
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        return;
    }
    probe_take(probe, message);
    rd_kafka_message_destroy(message);
}

static int run_probe(char **arguments)
{
    struct probe probe = {
        .consumer = open_consumer(arguments[0]),
        .producer = open_producer(arguments[0], NULL),
        .lines = fopen(arguments[5], "r"),
        .rate = strtoll(arguments[3], NULL, 10),
    };
    probe.count = probe.rate * strtoll(arguments[4], NULL, 10);
    probe.sent_ns = calloc((size_t)probe.count, sizeof *probe.sent_ns);
    if (!probe.lines || !probe.sent_ns)
        fail("probe", "no such file, or out of memory");
    probe.input = rd_kafka_topic_new(probe.producer, arguments[1], NULL);
    assign_all(probe.consumer, arguments[2], RD_KAFKA_OFFSET_END);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(probe.consumer, 1000); /* connected */
    if (message)
        rd_kafka_message_destroy(message);
    probe.begin_ns = now_ns(CLOCK_MONOTONIC);
    int64_t give_up_ns = probe.begin_ns + (probe.count / probe.rate + 30) * 1000000000;
    while (probe.seen < probe.count && now_ns(CLOCK_MONOTONIC) < give_up_ns)
        probe_turn(&probe);
    probe_print(&probe);
    return probe.seen == probe.count ? 0 : 1;
}

int main(int argument_count, char **arguments)
{
    static const struct {
        const char *name;
        int argument_count;
        int (*run)(char **arguments);
    } modes[] = {{"pump", 5, run_pump}, {"rate", 3, run_rate}, {"probe", 6, run_probe}};
    for (size_t index = 0; index < sizeof modes / sizeof modes[0]; index++)
        if (argument_count == modes[index].argument_count + 2 &&
            strcmp(arguments[1], modes[index].name) == 0)
            return modes[index].run(arguments + 2);
    fprintf(stderr, "usage: kafka_ceiling pump BROKERS INPUT OUTPUT COMMIT_MS COUNT\n"
                    "       kafka_ceiling rate BROKERS TOPIC FROM_MS\n"
                    "       kafka_ceiling probe BROKERS INPUT OUTPUT RATE SECONDS FILE\n");
    return 2;
}
