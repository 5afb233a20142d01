/* weir simulate: card payments with known fraud, as JSON lines on standard output with the truth in
 * them, or to Kafka with the truth following later on a topic of its own. */
#include "base/calendar.h"
#include "base/clock.h"
#include "base/kafka.h"
#include "engine/command.h"
#include "ingest/number.h"
#include "ingest/simulator.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_SIZE = 1 << 20, PROGRESS_NS = 200000000, SLEEP_MAX_NS = 100000000, FLUSH_MS = 60000 };

struct simulate_flags {
    int64_t count, seed, rate, speed, customers, terminals, start_ms, label_delay_ms;
    const char *drift_at, *kafka, *topic, *labels_topic;
};

/* A truth that is not known yet. */
struct late_label {
    int64_t known_ms, number;
    uint32_t customer;
    bool fraud;
};

struct simulation {
    struct simulate_flags flags;
    struct simulator *simulator;
    struct kafka_writer *writer; /* NULL: standard output */
    bool progress;
    uint64_t started_ns, shown_ns;
    int64_t first_ms; /* time of the first transaction */
    int64_t events, frauds;
    size_t label_count, label_capacity;
    struct late_label *label; /* a binary heap by the time they become known */
};

/* ---- labels that wait ---- */

static bool known_before(const struct late_label *a, const struct late_label *b)
{
    return a->known_ms < b->known_ms || (a->known_ms == b->known_ms && a->number < b->number);
}

static enum status label_push(struct simulation *self, struct late_label label,
                              struct failure *failure)
{
    if (self->label_count == self->label_capacity) {
        size_t capacity = self->label_capacity ? self->label_capacity * 2 : 1024;
        struct late_label *grown = realloc(self->label, capacity * sizeof *grown);
        if (!grown)
            return failure_set(failure, STATUS_STOP,
                               "could not keep %zu labels until they are due: out of memory; give "
                               "a shorter --label-delay",
                               self->label_count);
        self->label = grown;
        self->label_capacity = capacity;
    }
    size_t at = self->label_count++;
    for (; at > 0 && known_before(&label, &self->label[(at - 1) / 2]); at = (at - 1) / 2)
        self->label[at] = self->label[(at - 1) / 2];
    self->label[at] = label;
    return STATUS_OK;
}

static struct late_label label_pop(struct simulation *self)
{
    struct late_label *heap = self->label, first = heap[0], moving = heap[--self->label_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->label_count)
            break;
        if (child + 1 < self->label_count && known_before(&heap[child + 1], &heap[child]))
            child++;
        if (!known_before(&heap[child], &moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
    return first;
}

/* ---- pace and progress ---- */

static void show_progress(struct simulation *self, uint64_t now_ns, bool last)
{
    if (!self->progress || (!last && now_ns - self->shown_ns < PROGRESS_NS))
        return;
    self->shown_ns = now_ns;
    double seconds = (double)(now_ns - self->started_ns) * 1e-9;
    fprintf(stderr, "\r%" PRId64 " transactions, %" PRId64 " frauds, %.0f a second%s", self->events,
            self->frauds, seconds > 0 ? (double)self->events / seconds : 0.0, last ? "\n" : " ");
}

/* When the transaction is to go out, in ns after the start; 0: at once. */
static double due_ns(const struct simulation *self, int64_t time_ms)
{
    const struct simulate_flags *flags = &self->flags;
    double by_speed = 0, by_rate = 0;
    if (flags->speed > 0)
        by_speed = (double)(time_ms - self->first_ms) * 1e6 / (double)flags->speed;
    if (flags->rate > 0)
        by_rate = (double)self->events * 1e9 / (double)flags->rate;
    return by_speed > by_rate ? by_speed : by_rate;
}

static void wait_until_due(struct simulation *self, int64_t time_ms)
{
    double due = due_ns(self, time_ms);
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns(&system_clock);
        show_progress(self, now_ns, false);
        double left = due - (double)(now_ns - self->started_ns);
        if (left <= 0)
            return;
        if (!self->writer)
            fflush(stdout);
        struct timespec nap = {.tv_nsec = left < SLEEP_MAX_NS ? (long)left : SLEEP_MAX_NS};
        nanosleep(&nap, NULL);
    }
}

/* ---- writing ---- */

static enum status write_line(const struct transaction *transaction, struct failure *failure)
{
    char bytes[TRANSACTION_TEXT_MAX];
    struct buffer line;
    buffer_init(&line, bytes, sizeof bytes);
    transaction_write(&line, transaction, true);
    buffer_text(&line, "\n");
    if (fwrite(line.bytes, 1, line.size, stdout) == line.size)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "could not write to standard output: %s",
                       strerror(errno));
}

static enum status put(struct simulation *self, const char *topic, uint32_t customer,
                       const struct buffer *text, int64_t time_ms, struct failure *failure)
{
    char card[CARD_DIGITS];
    transaction_card(customer, card);
    return kafka_writer_put(self->writer, topic, -1, card, sizeof card, text->bytes, text->size,
                            time_ms, failure);
}

/* Sends the labels that are known before the time. */
static enum status send_labels(struct simulation *self, int64_t before_ms, struct failure *failure)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && self->label_count && self->label[0].known_ms < before_ms) {
        struct late_label label = label_pop(self);
        char bytes[TRANSACTION_TEXT_MAX];
        struct buffer text;
        buffer_init(&text, bytes, sizeof bytes);
        transaction_write_label(&text, label.number, label.fraud, label.known_ms);
        status =
            put(self, self->flags.labels_topic, label.customer, &text, label.known_ms, failure);
    }
    return status;
}

static enum status send_payment(struct simulation *self, const struct transaction *transaction,
                                struct failure *failure)
{
    char bytes[TRANSACTION_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes);
    transaction_write(&text, transaction, false);
    struct late_label label = {transaction->known_ms, transaction->number, transaction->customer,
                               transaction->scenario != SCENARIO_NONE};
    enum status status = send_labels(self, transaction->time_ms, failure);
    if (status == STATUS_OK)
        status = put(self, self->flags.topic, transaction->customer, &text, transaction->time_ms,
                     failure);
    return status == STATUS_OK ? label_push(self, label, failure) : status;
}

static enum status simulate(struct simulation *self, struct failure *failure)
{
    struct transaction transaction;
    enum status status = STATUS_OK;
    self->started_ns = clock_monotonic_ns(&system_clock);
    while (status == STATUS_OK && simulator_next(self->simulator, &transaction)) {
        if (self->events == 0)
            self->first_ms = transaction.time_ms;
        bool paced = self->flags.rate > 0 || self->flags.speed > 0;
        if (paced || self->events % 1024 == 0)
            wait_until_due(self, transaction.time_ms);
        status = self->writer ? send_payment(self, &transaction, failure)
                              : write_line(&transaction, failure);
        self->events++;
        self->frauds += transaction.scenario != SCENARIO_NONE;
    }
    if (status == STATUS_OK && self->writer)
        status = send_labels(self, INT64_MAX, failure);
    if (status == STATUS_OK && self->writer)
        status = kafka_writer_flush(self->writer, FLUSH_MS, failure);
    if (status == STATUS_OK && !self->writer && fflush(stdout) != 0)
        status = failure_set(failure, STATUS_STOP, "could not write to standard output: %s",
                             strerror(errno));
    show_progress(self, clock_monotonic_ns(&system_clock), true);
    return status;
}

/* ---- the command ---- */

static enum status open_simulation(struct simulation *self, struct failure *failure)
{
    const struct simulate_flags *flags = &self->flags;
    struct simulator_setting setting;
    simulator_standard(&setting);
    setting.count = flags->count;
    setting.seed = (uint64_t)flags->seed;
    setting.customers = flags->customers;
    setting.terminals = flags->terminals;
    setting.start_ms = flags->start_ms;
    setting.label_delay_ms = flags->label_delay_ms;
    if (!number_parse(flags->drift_at, strlen(flags->drift_at), &setting.drift_at) ||
        !(setting.drift_at >= 0 && setting.drift_at <= 1))
        return failure_set(failure, STATUS_STOP,
                           "--drift-at: expected a share from 0 to 1, found '%s'", flags->drift_at);
    if (flags->rate < 0 || flags->speed < 0 || flags->start_ms < 0)
        return failure_set(failure, STATUS_STOP,
                           "--rate, --speed and --start must not be negative (a time before 1970)");
    if (simulator_open(&self->simulator, &setting, failure) != STATUS_OK)
        return STATUS_STOP;
    self->progress = isatty(STDERR_FILENO) && (flags->kafka || !isatty(STDOUT_FILENO));
    if (!flags->kafka)
        return STATUS_OK;
    return kafka_writer_open(&self->writer, flags->kafka, NULL, failure);
}

static void close_simulation(struct simulation *self)
{
    if (self->writer)
        kafka_writer_close(self->writer);
    simulator_close(self->simulator);
    free(self->label);
}

static int run_simulate(const struct command *command, int argument_count, char **arguments)
{
    static char output[OUTPUT_SIZE];
    struct simulator_setting standard;
    simulator_standard(&standard);
    struct simulation self = {
        .flags = {.count = standard.count,
                  .seed = (int64_t)standard.seed,
                  .customers = standard.customers,
                  .terminals = standard.terminals,
                  .start_ms = standard.start_ms,
                  .label_delay_ms = standard.label_delay_ms,
                  .drift_at = "0.5",
                  .topic = "transactions",
                  .labels_topic = "labels"},
    };
    if (command_parse(command, argument_count, arguments, &self.flags) < 0)
        return EXIT_USAGE;
    setvbuf(stdout, output, _IOFBF, sizeof output);
    struct failure failure;
    enum status status = open_simulation(&self, &failure);
    int usage = status != STATUS_OK;
    if (status == STATUS_OK)
        status = simulate(&self, &failure);
    if (status != STATUS_OK)
        fprintf(stderr, "weir simulate: %s\n", failure.text);
    close_simulation(&self);
    return status == STATUS_OK ? EXIT_GOOD : usage ? EXIT_USAGE : EXIT_FINDINGS;
}

#define FLAG_AT(member) .offset = offsetof(struct simulate_flags, member)

static const struct flag simulate_flags[] = {
    {.name = "count",
     .value_name = "N",
     .help = "transactions (100000); 0 never ends",
     .type = FLAG_INTEGER,
     FLAG_AT(count)},
    {.name = "seed",
     .value_name = "S",
     .help = "the same seed gives the same bytes (1)",
     .type = FLAG_INTEGER,
     FLAG_AT(seed)},
    {.name = "rate",
     .value_name = "R",
     .help = "at most so many transactions a second of real time (0: no limit)",
     .type = FLAG_INTEGER,
     FLAG_AT(rate)},
    {.name = "speed",
     .value_name = "X",
     .help = "at most so many simulated seconds a second of real time (0: no limit)",
     .type = FLAG_INTEGER,
     FLAG_AT(speed)},
    {.name = "customers",
     .value_name = "N",
     .help = "cards, each with about two payments a day (5000)",
     .type = FLAG_INTEGER,
     FLAG_AT(customers)},
    {.name = "terminals",
     .value_name = "N",
     .help = "terminals and online shops (10000)",
     .type = FLAG_INTEGER,
     FLAG_AT(terminals)},
    {.name = "start",
     .value_name = "T",
     .help = "time of the first transaction (2025-01-01)",
     .type = FLAG_TIME,
     FLAG_AT(start_ms)},
    {.name = "drift-at",
     .value_name = "SHARE",
     .help = "share of the count after which fraudsters change their ways (0.5); 1 never",
     .type = FLAG_TEXT,
     FLAG_AT(drift_at)},
    {.name = "label-delay",
     .value_name = "SPAN",
     .help = "median time, simulated, until the truth is known (1d); with --kafka",
     .type = FLAG_SPAN,
     FLAG_AT(label_delay_ms)},
    {.name = "kafka",
     .value_name = "HOST:PORT",
     .help = "write to Kafka instead of standard output",
     .type = FLAG_TEXT,
     FLAG_AT(kafka)},
    {.name = "topic",
     .value_name = "NAME",
     .help = "topic of the transactions (transactions)",
     .type = FLAG_TEXT,
     FLAG_AT(topic)},
    {.name = "labels-topic",
     .value_name = "NAME",
     .help = "topic of the truth (labels)",
     .type = FLAG_TEXT,
     FLAG_AT(labels_topic)},
    {.name = NULL},
};

extern const struct command command_simulate;
const struct command command_simulate = {
    .name = "simulate",
    .usage = "weir simulate [--count N] [--seed S] [--rate R] [--kafka HOST:PORT] ...",
    .summary = "simulated card payments with known fraud",
    .help =
        "Writes one JSON object a line with the truth in its member 'fraud'.  With --kafka the\n"
        "transactions go to a topic without it, keyed by card, and the truth follows on the "
        "labels\n"
        "topic when it becomes known: {\"id\":...,\"fraud\":true,\"time\":...}.\n"
        "\n"
        "Records carry the simulated time as their timestamp.  A topic that keeps records for a "
        "week\n"
        "drops those of last year at once: give --start, or the topic retention.ms=-1.\n"
        "\n"
        "Fraud: amounts above 220; terminals compromised for 28 days; cards stolen for 14 days, "
        "whose\n"
        "payments are five times as high.  After --drift-at instead of the first and the last: "
        "small\n"
        "amounts in quick repetition at night, online, from new devices, while all amounts rise.",
    .flags = simulate_flags,
    .argument_min = 0,
    .argument_max = 0,
    .run = run_simulate,
};
