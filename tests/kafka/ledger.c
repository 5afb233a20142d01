/* A node reduced to its ledger: it follows a journal, claims it when it owns it, and writes entries
 * with outputs until there are COUNT of them.  tests/kafka/ledger.sh starts several of them, kills
 * and stops them; tests/kafka/ledger_check.c says afterwards whether what is there is right.
 *
 *   kafka_ledger BROKERS NAME COUNT PAUSE_MS [OFFSET]
 *
 * Prints what happens, a line each, with the time in milliseconds; at the end (SIGTERM) how long
 * its commits took.  Every 40th entry is larger than a record may be.  An entry says how many
 * outputs it has and bears a mark of its writer and attempt, which its outputs bear as well. */
#include "sinks/ledger.h"
#include "base/assert.h"
#include "base/clock.h"
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUTPUTS_MAX = 8,
    ENTRY_MAX = 4 << 20,
    LARGE_SIZE = 2500000,
    LARGE_EVERY = 40,
    LATENCIES_MAX = 1 << 20,
    OUTPUT_MAX = 120,
};

struct node {
    struct ledger ledger;
    uint64_t count, sequence, attempts;
    int64_t at; /* of the last settled entry */
    uint64_t pause_ns, submitted_ns, next_ns;
    bool claimed, leading, running, first;
    struct transaction transaction;
    struct output outputs[OUTPUTS_MAX];
    struct ledger_offset offset;
    char text[OUTPUTS_MAX][OUTPUT_MAX], key[OUTPUTS_MAX][32];
    char entry[ENTRY_MAX];
    uint32_t latency_count, latency_us[LATENCIES_MAX];
};

static volatile sig_atomic_t ending;

static void end(int number)
{
    (void)number;
    ending = 1;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%lld ", (long long)clock_wall_ms(&system_clock));
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
}

_Noreturn static void stop(const struct failure *failure)
{
    say("stop %s", failure->text);
    exit(3);
}

/* ---- entries ---- */

static void build_outputs(struct node *node, const char *mark, uint64_t sequence)
{
    uint32_t count = (uint32_t)(sequence % OUTPUTS_MAX);
    for (uint32_t index = 0; index < count; index++) {
        int key_size = snprintf(node->key[index], sizeof node->key[index], "%llu-%u",
                                (unsigned long long)sequence, index);
        int size = snprintf(node->text[index], OUTPUT_MAX, "{\"id\":\"%s\",\"mark\":\"%s\"}",
                            node->key[index], mark);
        node->outputs[index] = (struct output){
            .stream = index % 3 == 2 ? STREAM_ALERTS : STREAM_DECISIONS,
            .key = node->key[index],
            .key_size = (uint32_t)key_size,
            .bytes = node->text[index],
            .size = (uint32_t)size,
        };
    }
    node->transaction.outputs = node->outputs;
    node->transaction.output_count = count;
}

/* The filling does not compress, so that parts are as large as they say. */
static void build(struct node *node)
{
    char mark[48];
    uint64_t sequence = node->sequence + 1, filling = sequence;
    snprintf(mark, sizeof mark, "%d-%llu", (int)getpid(), (unsigned long long)++node->attempts);
    build_outputs(node, mark, sequence);
    size_t size = sequence % LARGE_EVERY == 0 ? LARGE_SIZE : 200;
    int head = snprintf(node->entry, ENTRY_MAX,
                        "{\"sequence\":%llu,\"outputs\":%u,\"mark\":\"%s\",\"size\":%zu}",
                        (unsigned long long)sequence, node->transaction.output_count, mark, size);
    for (size_t index = (size_t)head; index < size; index++) {
        filling = filling * 6364136223846793005u + 1442695040888963407u;
        node->entry[index] = (char)(' ' + (filling >> 40) % 90);
    }
    node->offset = (struct ledger_offset){"ledger-in", 0, (int64_t)sequence};
    node->transaction.sequence = sequence;
    node->transaction.entry = node->entry;
    node->transaction.entry_size = size;
    node->transaction.offsets = &node->offset;
    node->transaction.offset_count = 1;
}

/* Entries that it has seen already come once more after a step down. */
static void take_entry(struct node *node, const struct ledger_record *record)
{
    unsigned long long sequence = 0;
    unsigned outputs;
    size_t size = 0;
    char mark[48], head[160];
    snprintf(head, sizeof head, "%.*s", (int)(record->size < 150 ? record->size : 150),
             (const char *)record->bytes);
    int fields =
        sscanf(head, "{\"sequence\":%llu,\"outputs\":%u,\"mark\":\"%47[^\"]\",\"size\":%zu}",
               &sequence, &outputs, mark, &size);
    if (fields != 4 || size != record->size || sequence > node->sequence + 1) {
        say("stop entry %llu of %zu bytes after %llu", sequence, record->size,
            (unsigned long long)node->sequence);
        exit(3);
    }
    if (sequence == node->sequence + 1)
        node->sequence = sequence;
    if (sequence == node->sequence)
        node->at = record->at;
}

/* ---- a turn ---- */

static bool follow(struct node *node, bool owns)
{
    struct failure failure = {0};
    struct ledger_record record;
    const struct ledger_kind *kind = node->ledger.kind;
    enum status status;
    node->claimed = node->claimed && owns;
    if (owns && !node->claimed) {
        status = kind->claim(node->ledger.self, &failure);
        if (status == STATUS_STOP)
            stop(&failure);
        node->claimed = status == STATUS_OK;
        if (node->claimed)
            say("claimed sequence=%llu", (unsigned long long)node->sequence);
    }
    while ((status = kind->read(node->ledger.self, &record, &failure)) == STATUS_OK)
        take_entry(node, &record);
    if (status == STATUS_STOP)
        stop(&failure);
    if (status != STATUS_END || !node->claimed)
        return false;
    node->leading = node->first = true;
    say("leading sequence=%llu", (unsigned long long)node->sequence);
    return true;
}

static void step_down(struct node *node, const char *why)
{
    struct failure failure;
    say("down sequence=%llu %s", (unsigned long long)node->sequence, why);
    node->leading = node->claimed = node->running = false;
    if (node->ledger.kind->seek(node->ledger.self, node->at, &failure) != STATUS_OK)
        stop(&failure);
}

static void settled(struct node *node, int64_t at)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    node->sequence = node->transaction.sequence;
    node->at = at;
    if (node->latency_count < LATENCIES_MAX)
        node->latency_us[node->latency_count++] = (uint32_t)((now_ns - node->submitted_ns) / 1000);
    if (node->first || node->sequence == node->count)
        say("committed sequence=%llu at=%lld", (unsigned long long)node->sequence, (long long)at);
    node->first = false;
}

static void lead(struct node *node, bool owns)
{
    struct failure failure = {0};
    int64_t at;
    const struct ledger_kind *kind = node->ledger.kind;
    enum settlement settlement =
        node->running ? kind->settlement(node->ledger.self, &at, &failure) : SETTLEMENT_NONE;
    if (settlement == SETTLEMENT_RUNNING)
        return;
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    node->running = false;
    if (settlement == SETTLEMENT_COMMITTED)
        settled(node, at);
    if (failure.status == STATUS_STOP)
        stop(&failure);
    if (settlement == SETTLEMENT_DOUBTFUL) {
        step_down(node, failure.text);
    } else if (!owns) {
        step_down(node, "no owner");
    } else if (settlement == SETTLEMENT_ABORTED) {
        say("aborted sequence=%llu %s", (unsigned long long)node->transaction.sequence,
            failure.text);
        node->next_ns = now_ns + 50000000;
    } else if (now_ns >= node->next_ns && node->sequence < node->count) {
        build(node);
        node->submitted_ns = now_ns;
        node->next_ns = now_ns + node->pause_ns;
        node->running = true;
        kind->submit(node->ledger.self, &node->transaction);
    }
}

static void turn(struct node *node)
{
    static bool owned;
    bool owns = node->ledger.kind->owns(node->ledger.self);
    if (owns != owned)
        say("owns=%d", owns);
    owned = owns;
    if (node->leading)
        lead(node, owns);
    else if (follow(node, owns))
        return;
    struct pollfd wait = {.fd = node->ledger.kind->descriptor(node->ledger.self), .events = POLLIN};
    bool due = node->leading && !node->running && node->sequence < node->count;
    poll(&wait, 1, due ? 1 : 50);
}

/* ---- the frame ---- */

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void report(struct node *node)
{
    uint32_t count = node->latency_count;
    if (count == 0)
        return;
    qsort(node->latency_us, count, sizeof node->latency_us[0], compare);
    say("commits=%u us p50=%u p90=%u p99=%u max=%u", count, node->latency_us[count / 2],
        node->latency_us[count - 1 - count / 10], node->latency_us[count - 1 - count / 100],
        node->latency_us[count - 1]);
}

static void open_ledger(struct node *node, const char *brokers, const char *name, int64_t offset)
{
    static const char *const inputs[] = {"ledger-in", NULL};
    struct failure failure;
    json_t *kafka = json_pack("{s:s, s:s}", "bootstrap.servers", brokers, "client.id", "mine");
    const struct ledger_setting setting = {
        .kafka = kafka,
        .pipeline = name,
        .group = name,
        .journal = "ledger-journal",
        .topic = {[STREAM_DECISIONS] = "ledger-out", [STREAM_ALERTS] = "ledger-alerts"},
        .message_max = {[STREAM_DECISIONS] = 900 << 10, [STREAM_ALERTS] = 900 << 10},
        .inputs = inputs,
        .member = true,
    };
    if (kafka_ledger_open(&node->ledger, &setting, &failure) != STATUS_OK ||
        node->ledger.kind->seek(node->ledger.self, offset, &failure) != STATUS_OK)
        stop(&failure);
    node->ledger.kind->join(node->ledger.self);
    json_decref(kafka);
}

int main(int argument_count, char **arguments)
{
    static struct node node;
    if (argument_count != 5 && argument_count != 6) {
        fprintf(stderr, "usage: kafka_ledger BROKERS NAME COUNT PAUSE_MS [OFFSET]\n");
        return 2;
    }
    signal(SIGTERM, end);
    node.count = strtoull(arguments[3], NULL, 10);
    node.pause_ns = strtoull(arguments[4], NULL, 10) * 1000000;
    open_ledger(&node, arguments[1], arguments[2],
                argument_count == 6 ? strtoll(arguments[5], NULL, 10) : 0);
    say("open");
    while (!ending)
        turn(&node);
    report(&node);
    say("closing");
    node.ledger.kind->close(node.ledger.self);
    say("closed");
    return 0;
}
