/* Reads a whole topic and counts: an independent verifier, with librdkafka and nothing of weir.
 *
 *   kafka_reader BROKERS TOPIC [--committed] [--field NAME]
 *
 * Reads every partition from its first offset to the end as it was at the start, and prints one
 * object:
 * {"records":200020,"distinct":200000,"duplicates":20,"without_id":0,"digest":"91a0..."}.  The id
 * is the text of the first member NAME (standard: id) of the record's JSON; a record's partition
 * does not matter. The digest is a sum over the distinct ids, so two topics with the same ids have
 * the same digest.
 * --committed: leaves out what belongs to aborted transactions.  Exit code 2 if the topic could not
 * be read. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 15000 };

struct id_set {
    uint64_t *slots; /* (capacity), open addressing, 0 is empty */
    size_t capacity, count;
    uint64_t digest; /* sum of all hashes: any order */
};

struct tally {
    uint64_t records, without_id;
    struct id_set ids;
};

_Noreturn static void fail(const char *attempt, const char *why)
{
    fprintf(stderr, "kafka_reader: could not %s: %s\n", attempt, why);
    exit(2);
}

/* FNV-1a, 64 bits, as Fowler, Noll and Vo published it; with a million ids two of them meet with a
 * probability of 3 in 100 million. */
static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t index = 0; index < size; index++)
        hash = (hash ^ (uint8_t)text[index]) * UINT64_C(1099511628211);
    return hash == 0 ? 1 : hash;
}

static void set_insert(struct id_set *set, uint64_t hash)
{
    size_t at = (hash ^ hash >> 32) & (set->capacity - 1);
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->capacity - 1);
    if (set->slots[at] == hash)
        return;
    set->count++;
    set->digest += hash;
    set->slots[at] = hash;
}

static void set_grow(struct id_set *set)
{
    struct id_set larger = {.capacity = set->capacity == 0 ? 1 << 16 : 2 * set->capacity};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        fail("count", "out of memory");
    for (size_t index = 0; index < set->capacity; index++)
        if (set->slots[index] != 0)
            set_insert(&larger, set->slots[index]);
    free(set->slots);
    *set = larger;
}

/* The text of the first "name":"..." of the record; good enough for ids without escapes. */
static bool find_id(const char *bytes, size_t size, const char *name, const char **id,
                    size_t *id_size)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "\"%s\"", name);
    const char *end = bytes + size, *at = memmem(bytes, size, wanted, strlen(wanted));
    if (!at)
        return false;
    at += strlen(wanted);
    while (at < end && (*at == ' ' || *at == ':'))
        at++;
    if (at == end || *at != '"')
        return false;
    const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (!quote)
        return false;
    *id = at + 1;
    *id_size = (size_t)(quote - at - 1);
    return true;
}

static void count_record(struct tally *tally, const rd_kafka_message_t *message, const char *name)
{
    const char *id;
    size_t size;
    tally->records++;
    if (!message->payload || !find_id(message->payload, message->len, name, &id, &size)) {
        tally->without_id++;
        return;
    }
    if (2 * tally->ids.count >= tally->ids.capacity)
        set_grow(&tally->ids);
    set_insert(&tally->ids, hash_text(id, size));
}

static rd_kafka_t *open_client(const char *brokers, bool committed)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"group.id", "kafka_reader"},
        {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"},
        {"isolation.level", committed ? "read_committed" : "read_uncommitted"},
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

static int count_partitions(rd_kafka_t *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (error)
        fail("ask for the topic", rd_kafka_err2str(error));
    if (metadata->topics[0].err)
        fail("ask for the topic", rd_kafka_err2str(metadata->topics[0].err));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* The end is found by end-of-partition, because control records make offsets unequal to counts. */
static void read_all(rd_kafka_t *client, int open_partitions, const char *name, struct tally *tally)
{
    while (open_partitions > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            fail("read", "no answer");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open_partitions--;
        else if (message->err)
            fail("read", rd_kafka_message_errstr(message));
        else
            count_record(tally, message, name);
        rd_kafka_message_destroy(message);
    }
}

static void read_topic(const char *brokers, const char *topic, bool committed, const char *name,
                       struct tally *tally)
{
    rd_kafka_t *client = open_client(brokers, committed);
    int count = count_partitions(client, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t error = rd_kafka_assign(client, list);
    if (error)
        fail("read", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    read_all(client, count, name, tally);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

int main(int argument_count, char **arguments)
{
    const char *name = "id";
    bool committed = false;
    if (argument_count < 3) {
        fprintf(stderr, "usage: kafka_reader BROKERS TOPIC [--committed] [--field NAME]\n");
        return 2;
    }
    for (int index = 3; index < argument_count; index++) {
        if (strcmp(arguments[index], "--committed") == 0)
            committed = true;
        else if (strcmp(arguments[index], "--field") == 0 && index + 1 < argument_count)
            name = arguments[++index];
        else
            fail("understand", arguments[index]);
    }
    struct tally tally = {0};
    set_grow(&tally.ids);
    read_topic(arguments[1], arguments[2], committed, name, &tally);
    uint64_t distinct = tally.ids.count;
    printf("{\"records\":%llu,\"distinct\":%llu,\"duplicates\":%llu,\"without_id\":%llu,"
           "\"digest\":\"%016llx\"}\n",
           (unsigned long long)tally.records, (unsigned long long)distinct,
           (unsigned long long)(tally.records - tally.without_id - distinct),
           (unsigned long long)tally.without_id, (unsigned long long)tally.ids.digest);
    free(tally.ids.slots);
    return 0;
}
