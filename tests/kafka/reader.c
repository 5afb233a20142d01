/* Reads what a pipeline left in Kafka and judges it: an independent verifier, with librdkafka and
 * nothing of weir.
 *
 *   kafka_reader BROKERS TOPIC [--committed] [--field NAME]   counts the records of a topic
 *   kafka_reader BROKERS --verify EVENTS DECISIONS ALERTS DEAD_LETTERS
 *   kafka_reader BROKERS --group GROUP TOPIC...               how far the group has come
 *   kafka_reader BROKERS --dump TOPIC                         its committed records, as they are
 *   kafka_reader BROKERS --follow TOPIC                       when committed records became visible
 *
 * A count is an object {"records":200020,"distinct":200000,"duplicates":20,"without_id":0,
 * "digest":"91a0..."}.  The id is the text of the first member NAME (standard: id) of the record's
 * JSON; a record's partition does not matter.  The digest is a sum over the distinct ids, so two
 * topics with the same ids have the same digest.  --committed: leaves out what belongs to aborted
 * transactions; the other forms always do.
 *
 * --verify: each record of EVENTS must be decided, once, by its id, or be a dead letter, once, by
 * its partition and offset; an alert for each decision whose outcome is not allow, and no other;
 * within a partition of DECISIONS the events of one partition must come in the order of their
 * offsets. Exit code 0 if all of that is so, 1 if not.
 *
 * --group prints a line "TOPIC PARTITION NEXT END" for each partition; exit code 0 if each NEXT is
 * END, 1 if not.  NEXT is -1 if nothing was committed and nothing is there.
 *
 * --dump writes of each record, as 8 bytes each, low byte first: partition, offset, size of the
 * header, size; then the value of its first header and its bytes.
 *
 * --follow writes a line "MILLISECONDS RECORDS" (wall clock, total so far) whenever some came after
 * a pause of 2 ms; it goes on until it is killed, whatever happens to the brokers.
 *
 * A topic is read to its end as it was when it was reached.  Exit code 2 if it could not be read.
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 15000, PARTITIONS_MAX = 64, PAUSE_MS = 2 };

_Noreturn static void fail(const char *attempt, const char *why)
{
    fprintf(stderr, "kafka_reader: could not %s: %s\n", attempt, why);
    exit(2);
}

/* ---- what is known of each id ---- */

struct known {
    uint64_t id; /* its hash; 0: an empty slot */
    uint32_t events, dead, decisions, alerts;
    uint32_t alarms;    /* decisions that ask for an alert */
    uint32_t partition; /* of the first event */
    int64_t offset;
};

struct id_table {
    struct known *slots; /* (capacity), open addressing */
    size_t capacity, count;
    uint64_t digest; /* sum of all hashes: any order */
};

/* FNV-1a, 64 bits, as Fowler, Noll and Vo published it; with a million ids two of them meet with a
 * probability of 3 in 100 million. */
static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t index = 0; index < size; index++)
        hash = (hash ^ (uint8_t)text[index]) * UINT64_C(1099511628211);
    return hash == 0 ? 1 : hash;
}

static struct known *table_slot(const struct id_table *table, uint64_t id)
{
    size_t at = (id ^ id >> 32) & (table->capacity - 1);
    while (table->slots[at].id != 0 && table->slots[at].id != id)
        at = (at + 1) & (table->capacity - 1);
    return &table->slots[at];
}

static void table_grow(struct id_table *table)
{
    struct id_table larger = *table;
    larger.capacity = table->capacity == 0 ? 1 << 16 : 2 * table->capacity;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        fail("count", "out of memory");
    for (size_t index = 0; index < table->capacity; index++)
        if (table->slots[index].id != 0)
            *table_slot(&larger, table->slots[index].id) = table->slots[index];
    free(table->slots);
    *table = larger;
}

static struct known *table_find(struct id_table *table, uint64_t id)
{
    if (2 * table->count >= table->capacity)
        table_grow(table);
    struct known *known = table_slot(table, id);
    if (known->id == 0) {
        known->id = id;
        table->count++;
        table->digest += id;
    }
    return known;
}

/* ---- members of a record, good enough for what we write ourselves ---- */

/* What follows "name": in the record, or NULL. */
static const char *find_member(const rd_kafka_message_t *message, const char *name)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "\"%s\"", name);
    const char *bytes = message->payload, *end = bytes + message->len;
    const char *at = bytes ? memmem(bytes, message->len, wanted, strlen(wanted)) : NULL;
    if (!at)
        return NULL;
    at += strlen(wanted);
    while (at < end && (*at == ' ' || *at == ':'))
        at++;
    return at < end ? at : NULL;
}

/* The member's hash; 0: it is no text or not there. */
static uint64_t read_text(const rd_kafka_message_t *message, const char *name)
{
    const char *end = (const char *)message->payload + message->len;
    const char *at = find_member(message, name);
    const char *quote = at && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
    return quote ? hash_text(at + 1, (size_t)(quote - at - 1)) : 0;
}

static int64_t read_integer(const rd_kafka_message_t *message, const char *name)
{
    const char *at = find_member(message, name);
    char digits[24] = "-1";
    if (at)
        snprintf(digits, sizeof digits, "%.*s",
                 (int)((const char *)message->payload + message->len - at), at);
    return strtoll(digits, NULL, 10);
}

/* ---- reading a topic ---- */

static rd_kafka_t *open_client(const char *brokers, const char *group, bool committed)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"group.id", group},
        {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"},
        {"fetch.wait.max.ms", "10"},
        {"reconnect.backoff.max.ms", "200"},
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
    if (count > PARTITIONS_MAX)
        fail("read", "it has too many partitions");
    return count;
}

/* All partitions, from `offset` on; how many there are. */
static int assign_all(rd_kafka_t *client, const char *topic, int64_t offset)
{
    int count = count_partitions(client, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t error = rd_kafka_assign(client, list);
    if (error)
        fail("read", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

typedef void visitor(void *self, const rd_kafka_message_t *message);

/* The end is found by end-of-partition, because control records make offsets unequal to counts. */
static void visit_all(const char *brokers, const char *topic, bool committed, visitor *visit,
                      void *self)
{
    rd_kafka_t *client = open_client(brokers, "kafka_reader", committed);
    int open_partitions = assign_all(client, topic, RD_KAFKA_OFFSET_BEGINNING);
    while (open_partitions > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            fail("read", "no answer");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open_partitions--;
        else if (message->err)
            fail("read", rd_kafka_message_errstr(message));
        else
            visit(self, message);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

/* ---- counting ---- */

struct tally {
    const char *name;
    uint64_t records, without_id;
    struct id_table ids;
};

static void count_record(void *self, const rd_kafka_message_t *message)
{
    struct tally *tally = self;
    uint64_t id = read_text(message, tally->name);
    tally->records++;
    if (id == 0)
        tally->without_id++;
    else
        table_find(&tally->ids, id);
}

static int run_count(const char *brokers, const char *topic, int option_count, char **options)
{
    struct tally tally = {.name = "id"};
    bool committed = false;
    for (int index = 0; index < option_count; index++) {
        if (strcmp(options[index], "--committed") == 0)
            committed = true;
        else if (strcmp(options[index], "--field") == 0 && index + 1 < option_count)
            tally.name = options[++index];
        else
            fail("understand", options[index]);
    }
    visit_all(brokers, topic, committed, count_record, &tally);
    uint64_t distinct = tally.ids.count;
    printf("{\"records\":%llu,\"distinct\":%llu,\"duplicates\":%llu,\"without_id\":%llu,"
           "\"digest\":\"%016llx\"}\n",
           (unsigned long long)tally.records, (unsigned long long)distinct,
           (unsigned long long)(tally.records - tally.without_id - distinct),
           (unsigned long long)tally.without_id, (unsigned long long)tally.ids.digest);
    free(tally.ids.slots);
    return 0;
}

/* ---- verifying ---- */

/* An event, by its place. */
struct place {
    uint64_t id; /* 0: it has none that can be read */
    uint32_t dead;
    bool present;
};

struct places {
    struct place *row; /* (capacity), by offset */
    int64_t capacity;
};

struct verdict {
    struct id_table ids;
    struct places events[PARTITIONS_MAX];
    const char *topic; /* of the events, as dead letters name it */
    int64_t last[PARTITIONS_MAX]
                [PARTITIONS_MAX]; /* of decisions, of events: last offset seen + 1 */
    uint64_t event_count, decision_count, alert_count, dead_count, other_dead;
    uint64_t lost, duplicated, unknown, out_of_order;
    uint64_t alerts_lost, alerts_duplicated, alerts_unknown;
};

static struct place *place_at(struct places *places, int64_t offset)
{
    if (offset >= places->capacity) {
        int64_t capacity = offset < 1 << 16 ? 1 << 17 : 2 * offset;
        places->row = realloc(places->row, (size_t)capacity * sizeof *places->row);
        if (!places->row)
            fail("verify", "out of memory");
        memset(places->row + places->capacity, 0,
               (size_t)(capacity - places->capacity) * sizeof *places->row);
        places->capacity = capacity;
    }
    return &places->row[offset];
}

static void take_event(void *self, const rd_kafka_message_t *message)
{
    struct verdict *verdict = self;
    struct place *place = place_at(&verdict->events[message->partition], message->offset);
    *place = (struct place){.id = read_text(message, "id"), .present = true};
    verdict->event_count++;
    if (place->id == 0)
        return;
    struct known *known = table_find(&verdict->ids, place->id);
    if (known->events++ == 0) {
        known->partition = (uint32_t)message->partition;
        known->offset = message->offset;
    }
}

static void check_order(struct verdict *verdict, const struct known *known, int32_t partition)
{
    int64_t *last = &verdict->last[partition][known->partition];
    if (known->events == 1 && known->decisions == 1) {
        verdict->out_of_order += known->offset < *last;
        *last = known->offset + 1;
    }
}

static void take_decision(void *self, const rd_kafka_message_t *message)
{
    static const char allow[] = "\"allow\"";
    struct verdict *verdict = self;
    const char *outcome = find_member(message, "outcome");
    struct known *known = table_find(&verdict->ids, read_text(message, "id"));
    verdict->decision_count++;
    known->decisions++;
    known->alarms += outcome && strncmp(outcome, allow, sizeof allow - 1) != 0;
    if (known->events == 0)
        verdict->unknown++;
    else
        check_order(verdict, known, message->partition);
}

static void take_alert(void *self, const rd_kafka_message_t *message)
{
    struct verdict *verdict = self;
    verdict->alert_count++;
    table_find(&verdict->ids, read_text(message, "id"))->alerts++;
}

static void take_dead_letter(void *self, const rd_kafka_message_t *message)
{
    struct verdict *verdict = self;
    int64_t partition = read_integer(message, "partition");
    int64_t offset = read_integer(message, "offset");
    if (read_text(message, "input") != hash_text(verdict->topic, strlen(verdict->topic))) {
        verdict->other_dead++;
        return;
    }
    verdict->dead_count++;
    struct place *place = NULL;
    if (partition >= 0 && partition < PARTITIONS_MAX && offset >= 0)
        place = place_at(&verdict->events[partition], offset);
    if (!place || !place->present) {
        verdict->unknown++;
        return;
    }
    verdict->duplicated += place->dead++ > 0;
    if (place->id != 0 && place->dead == 1)
        table_find(&verdict->ids, place->id)->dead++;
}

static void judge_id(struct verdict *verdict, const struct known *known)
{
    uint32_t ended = known->dead + known->decisions;
    if (known->events > 0 && ended < known->events)
        verdict->lost += known->events - ended;
    if (known->events > 0 && ended > known->events)
        verdict->duplicated += ended - known->events;
    if (known->decisions == 0)
        verdict->alerts_unknown += known->alerts;
    else if (known->alerts < known->alarms)
        verdict->alerts_lost += known->alarms - known->alerts;
    else
        verdict->alerts_duplicated += known->alerts - known->alarms;
}

static void judge_all(struct verdict *verdict)
{
    for (size_t index = 0; index < verdict->ids.capacity; index++)
        if (verdict->ids.slots[index].id != 0)
            judge_id(verdict, &verdict->ids.slots[index]);
    for (int partition = 0; partition < PARTITIONS_MAX; partition++) {
        struct places *places = &verdict->events[partition];
        for (int64_t offset = 0; offset < places->capacity; offset++)
            if (places->row[offset].present && places->row[offset].id == 0)
                verdict->lost += places->row[offset].dead == 0;
    }
}

static bool print_verdict(const struct verdict *verdict)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"events", verdict->event_count},
        {"decisions", verdict->decision_count},
        {"dead_letters", verdict->dead_count},
        {"other_dead_letters", verdict->other_dead},
        {"alerts", verdict->alert_count},
        {"lost", verdict->lost},
        {"duplicated", verdict->duplicated},
        {"unknown", verdict->unknown},
        {"out_of_order", verdict->out_of_order},
        {"alerts_lost", verdict->alerts_lost},
        {"alerts_duplicated", verdict->alerts_duplicated},
        {"alerts_unknown", verdict->alerts_unknown},
    };
    enum { FAULTS_FROM = 5 };
    uint64_t faults = 0;
    for (size_t index = 0; index < sizeof figures / sizeof figures[0]; index++) {
        printf("%s\"%s\":%llu", index ? "," : "{", figures[index].name,
               (unsigned long long)figures[index].value);
        faults += index >= FAULTS_FROM ? figures[index].value : 0;
    }
    printf("}\n");
    return faults == 0 && verdict->event_count > 0;
}

static int run_verify(const char *brokers, int topic_count, char **topics)
{
    static struct verdict verdict;
    if (topic_count != 4)
        fail("understand", "--verify takes four topics");
    verdict.topic = topics[0];
    table_grow(&verdict.ids);
    visit_all(brokers, topics[0], true, take_event, &verdict);
    visit_all(brokers, topics[1], true, take_decision, &verdict);
    visit_all(brokers, topics[2], true, take_alert, &verdict);
    visit_all(brokers, topics[3], true, take_dead_letter, &verdict);
    judge_all(&verdict);
    return print_verdict(&verdict) ? 0 : 1;
}

/* ---- the group's offsets ---- */

/* Prints where the group and the partitions of a topic stand; whether that is the same. */
static bool compare_offsets(rd_kafka_t *client, const char *topic)
{
    int count = count_partitions(client, topic);
    bool equal = true;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, TIMEOUT_MS);
    if (error)
        fail("ask for the group's offsets", rd_kafka_err2str(error));
    for (int index = 0; index < list->cnt; index++) {
        int32_t partition = list->elems[index].partition;
        int64_t low, high, next = list->elems[index].offset;
        error = rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high, TIMEOUT_MS);
        if (error)
            fail("ask for a partition's end", rd_kafka_err2str(error));
        next = next < 0 ? -1 : next;
        equal = equal && (next == high || (next == -1 && high == 0));
        printf("%s %d %lld %lld\n", topic, partition, (long long)next, (long long)high);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return equal;
}

static int run_group(const char *brokers, int argument_count, char **arguments)
{
    bool equal = true;
    if (argument_count < 2)
        fail("understand", "--group takes a group and topics");
    rd_kafka_t *client = open_client(brokers, arguments[0], true);
    for (int index = 1; index < argument_count; index++)
        equal = compare_offsets(client, arguments[index]) && equal;
    rd_kafka_destroy(client);
    return equal ? 0 : 1;
}

/* ---- dumping ---- */

static void dump_record(void *self, const rd_kafka_message_t *message)
{
    FILE *file = self;
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value = NULL;
    size_t size = 0;
    if (!rd_kafka_message_headers(message, &headers) && headers)
        rd_kafka_header_get_all(headers, 0, &name, &value, &size);
    const uint64_t head[] = {(uint64_t)message->partition, (uint64_t)message->offset, size,
                             message->len};
    fwrite(head, sizeof head, 1, file);
    fwrite(value ? value : "", 1, size, file);
    fwrite(message->payload ? message->payload : "", 1, message->len, file);
}

static int run_dump(const char *brokers, const char *topic)
{
    visit_all(brokers, topic, true, dump_record, stdout);
    if (fflush(stdout) != 0)
        fail("write", "standard output is closed");
    return 0;
}

/* ---- following ---- */

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

_Noreturn static void run_follow(const char *brokers, const char *topic)
{
    rd_kafka_t *client = open_client(brokers, "kafka_reader", true);
    uint64_t records = 0;
    int64_t last_ms = 0;
    assign_all(client, topic, RD_KAFKA_OFFSET_END);
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            continue;
        if (!message->err) {
            int64_t now_ms = wall_ms();
            records++;
            if (now_ms - last_ms >= PAUSE_MS)
                printf("%lld %llu\n", (long long)now_ms, (unsigned long long)records);
            last_ms = now_ms;
        }
        rd_kafka_message_destroy(message);
    }
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 3) {
        fprintf(stderr,
                "usage: kafka_reader BROKERS TOPIC [--committed] [--field NAME]\n"
                "       kafka_reader BROKERS --verify EVENTS DECISIONS ALERTS DEAD_LETTERS\n"
                "       kafka_reader BROKERS --group GROUP TOPIC...\n"
                "       kafka_reader BROKERS --dump TOPIC | --follow TOPIC\n");
        return 2;
    }
    const char *brokers = arguments[1], *mode = arguments[2];
    bool has_topic = argument_count == 4;
    if (strcmp(mode, "--verify") == 0)
        return run_verify(brokers, argument_count - 3, arguments + 3);
    if (strcmp(mode, "--group") == 0)
        return run_group(brokers, argument_count - 3, arguments + 3);
    if (strcmp(mode, "--dump") == 0 && has_topic)
        return run_dump(brokers, arguments[3]);
    if (strcmp(mode, "--follow") == 0 && has_topic) {
        setvbuf(stdout, NULL, _IOLBF, 1 << 12);
        run_follow(brokers, arguments[3]);
    }
    return run_count(brokers, mode, argument_count - 3, arguments + 3);
}
