/* Says whether what kafka_ledger processes have written is right, with librdkafka and nothing of
 * weir: reads journal and outputs as `read_committed`.
 *
 *   kafka_ledger_check BROKERS GROUP
 *
 * The journal holds the sequences 1 to n, each once and in order; the outputs are those of its
 * entries, each once, with the mark of the attempt that committed; the group's offset of the input
 * is n.  Prints what is wrong, then a summary; exit code 1 if anything is. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 1 << 20, OUTPUTS_MAX = 8, TIMEOUT_MS = 15000 };

struct entry {
    char mark[48];
    unsigned outputs;
    unsigned char seen[OUTPUTS_MAX];
};

struct check {
    struct entry *entry; /* (ENTRIES_MAX), by sequence */
    unsigned long long last;
    uint64_t outputs, parted, wrong;
    size_t joined, size; /* of the series of parts that is being read */
    char head[160];
};

_Noreturn static void fail(const char *attempt, const char *why)
{
    fprintf(stderr, "kafka_ledger_check: could not %s: %s\n", attempt, why);
    exit(2);
}

static void blame(struct check *check, const char *what, unsigned long long sequence)
{
    if (check->wrong++ < 20)
        printf("wrong: %s, sequence %llu\n", what, sequence);
}

static void check_entry(struct check *check, size_t size)
{
    unsigned long long sequence = 0;
    struct entry entry = {.outputs = 0};
    size_t told = 0;
    int fields =
        sscanf(check->head, "{\"sequence\":%llu,\"outputs\":%u,\"mark\":\"%47[^\"]\",\"size\":%zu}",
               &sequence, &entry.outputs, entry.mark, &told);
    if (fields != 4 || told != size)
        blame(check, "an entry is not whole", sequence);
    else if (sequence != check->last + 1 || sequence >= ENTRIES_MAX)
        blame(check, "an entry does not follow the one before", sequence);
    else
        check->entry[check->last = sequence] = entry;
}

static void check_journal(struct check *check, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *value = "1/1";
    size_t size = 3;
    unsigned part = 1, part_count = 1;
    char text[32] = "";
    if (!rd_kafka_message_headers(message, &headers))
        rd_kafka_header_get_last(headers, "part", &value, &size);
    memcpy(text, value, size < sizeof text ? size : sizeof text - 1);
    if (sscanf(text, "%u/%u", &part, &part_count) != 2)
        blame(check, "a part is not named", check->last);
    if (part == 1) {
        check->joined = 0;
        snprintf(check->head, sizeof check->head, "%.*s",
                 (int)(message->len < 150 ? message->len : 150), (const char *)message->payload);
    }
    check->joined += message->len;
    check->parted += part_count > 1 && part == 1;
    if (part == part_count)
        check_entry(check, check->joined);
}

static void check_output(struct check *check, const rd_kafka_message_t *message)
{
    unsigned long long sequence = 0;
    unsigned index = 0;
    char text[160], mark[48] = "";
    snprintf(text, sizeof text, "%.*s", (int)message->len, (const char *)message->payload);
    int fields =
        sscanf(text, "{\"id\":\"%llu-%u\",\"mark\":\"%47[^\"]\"}", &sequence, &index, mark);
    struct entry *entry = &check->entry[sequence < ENTRIES_MAX ? sequence : 0];
    check->outputs++;
    if (fields != 3 || sequence == 0 || sequence > check->last || index >= entry->outputs)
        blame(check, "an output belongs to no entry", sequence);
    else if (strcmp(mark, entry->mark) != 0)
        blame(check, "an output is of another attempt", sequence);
    else if (entry->seen[index]++ > 0)
        blame(check, "an output is there twice", sequence);
}

static rd_kafka_t *open_client(const char *brokers, const char *group)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},        {"group.id", group},
        {"enable.auto.commit", "false"},       {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"}, {"auto.offset.reset", "error"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t index = 0; index < sizeof settings / sizeof settings[0]; index++)
        if (rd_kafka_conf_set(conf, settings[index][0], settings[index][1], error, sizeof error))
            fail("configure", error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (!client)
        fail("make a client", error);
    rd_kafka_poll_set_consumer(client);
    return client;
}

static void read_topic(rd_kafka_t *client, const char *topic, int partition_count,
                       void (*each)(struct check *, const rd_kafka_message_t *),
                       struct check *check)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partition_count);
    for (int partition = 0; partition < partition_count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(client, list))
        fail("read", topic);
    rd_kafka_topic_partition_list_destroy(list);
    while (partition_count > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            fail("read", "no answer");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            partition_count--;
        else if (message->err)
            fail("read", rd_kafka_message_errstr(message));
        else
            each(check, message);
        rd_kafka_message_destroy(message);
    }
}

static void check_missing(struct check *check)
{
    for (unsigned long long sequence = 1; sequence <= check->last; sequence++)
        for (unsigned index = 0; index < check->entry[sequence].outputs; index++)
            if (check->entry[sequence].seen[index] == 0)
                blame(check, "an output is missing", sequence);
}

static void check_offset(rd_kafka_t *client, struct check *check)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "ledger-in", 0);
    if (rd_kafka_committed(client, list, TIMEOUT_MS))
        fail("read", "the group's offsets");
    if (list->elems[0].offset != (int64_t)check->last)
        blame(check, "the group's offset is another", (unsigned long long)list->elems[0].offset);
    rd_kafka_topic_partition_list_destroy(list);
}

int main(int argument_count, char **arguments)
{
    struct check check = {.last = 0};
    if (argument_count != 3) {
        fprintf(stderr, "usage: kafka_ledger_check BROKERS GROUP\n");
        return 2;
    }
    check.entry = calloc(ENTRIES_MAX, sizeof *check.entry);
    if (!check.entry)
        fail("check", "out of memory");
    rd_kafka_t *client = open_client(arguments[1], arguments[2]);
    read_topic(client, "ledger-journal", 1, check_journal, &check);
    read_topic(client, "ledger-out", 3, check_output, &check);
    read_topic(client, "ledger-alerts", 1, check_output, &check);
    check_missing(&check);
    check_offset(client, &check);
    printf("entries=%llu parted=%llu outputs=%llu wrong=%llu\n", check.last,
           (unsigned long long)check.parted, (unsigned long long)check.outputs,
           (unsigned long long)check.wrong);
    rd_kafka_destroy(client);
    free(check.entry);
    return check.wrong > 0;
}
