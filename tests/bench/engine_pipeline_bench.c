/* What an event costs, stage by stage: JSON in memory to an encoded decision, one core, a million
 * cards, 20 windows over four entities that really expire, logistic regression that learns every
 * event and half-space trees.  Prints JSON lines.
 *
 *     engine_pipeline_bench [EVENTS] */
#include "base/random.h"
#include "engine/encode.h"
#include "engine/loading.h"
#include "engine/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After the warm-up nearly every card has been seen and the windows expire. */
enum { PAYLOAD_BYTES = 320, STEP_MS = 2000, WARM_UP = 256 * 12000, ROUNDS = 11 };

enum stage {
    STAGE_ARRIVE,
    STAGE_DECODE,
    STAGE_JOIN,
    STAGE_EXTRACT,
    STAGE_ROWS,
    STAGE_ENCODE,
    STAGES
};

static const char *const stage_name[STAGES] = {
    "arrive", "decode", "join", "features", "score_decide_learn", "encode"};

/* One text whose digits are written anew for each event. */
struct payload {
    char text[PAYLOAD_BYTES];
    int size;
};

/* Time on the processor, not on the wall: other processes share the machine. */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void payload_make(struct payload *payload, struct random *random, uint64_t number)
{
    static const char *const channel[] = {"pos", "web", "atm"};
    payload->size = snprintf(
        payload->text, sizeof payload->text,
        "{\"time\":%013llu,\"id\":\"tx-%09llu\",\"card\":\"c%07llu\",\"merchant\":\"m%05llu\","
        "\"terminal\":\"t%05llu\",\"amount\":%llu.%02llu,\"currency\":\"EUR\",\"country\":\"FR\","
        "\"lat\":48.85,\"lon\":2.35,\"device\":\"d%07llu\","
        "\"channel\":\"%s\",\"status\":\"approved\",\"mcc\":5411,\"fraud\":%s}",
        1600000000000ULL + (unsigned long long)number * STEP_MS, (unsigned long long)number,
        (unsigned long long)random_below(random, 1000000),
        (unsigned long long)random_below(random, 20000),
        (unsigned long long)random_below(random, 50000),
        (unsigned long long)random_below(random, 1000),
        (unsigned long long)random_below(random, 100),
        (unsigned long long)random_below(random, 1000000), channel[random_below(random, 3)],
        random_below(random, 200) == 0 ? "true" : "false");
}

static void batch_fill(struct batch *batch, const struct payload *payloads, uint64_t first,
                       uint32_t count)
{
    batch_clear(batch);
    for (uint32_t i = 0; i < count; i++) {
        const struct position position = {.offset = (int64_t)(first + i)};
        batch_add(batch, RECORD_EVENT, position, payloads[i].text, (size_t)payloads[i].size);
    }
}

static size_t encode_all(const struct pipeline *pipeline, const struct batch *batch)
{
    static char bytes[1 << 20];
    struct buffer buffer;
    buffer_init(&buffer, bytes, sizeof bytes);
    for (uint32_t row = 0; row < batch->count; row++)
        encode_decision(pipeline, batch, row, &buffer);
    return buffer.size;
}

static void run(struct pipeline *pipeline, struct batch *batch, struct random *random,
                uint64_t first, uint64_t count, uint64_t *spent_ns)
{
    static struct payload payloads[BATCH_RECORDS_MAX];
    uint32_t records = (uint32_t)pipeline->config->batch;
    for (uint64_t at = first; at < first + count; at += records) {
        uint64_t mark[STAGES + 1];
        for (uint32_t i = 0; i < records; i++)
            payload_make(&payloads[i], random, at + i);
        mark[0] = now_ns();
        batch_fill(batch, payloads, at, records);
        mark[1] = now_ns();
        step_decode(pipeline, batch);
        mark[2] = now_ns();
        join(pipeline, batch);
        mark[3] = now_ns();
        step_extract(pipeline, batch);
        mark[4] = now_ns();
        step_rows(pipeline, batch);
        mark[5] = now_ns();
        encode_all(pipeline, batch);
        mark[6] = now_ns();
        for (int i = 0; i < STAGES; i++)
            spent_ns[i] += mark[i + 1] - mark[i];
    }
}

/* Rounds, quickest first: neighbours on the machine slow some down by half, all stages alike. */
struct round {
    uint64_t spent_ns[STAGES], total_ns;
};

static int round_compare(const void *one, const void *other)
{
    uint64_t a = ((const struct round *)one)->total_ns, b = ((const struct round *)other)->total_ns;
    return (a > b) - (a < b);
}

static void print_round(const char *name, const struct round *round, uint64_t count)
{
    printf("\"%s\":{", name);
    for (int i = 0; i < STAGES; i++)
        printf("\"%s\":%.0f,", stage_name[i], (double)round->spent_ns[i] / (double)count);
    printf("\"all\":%.0f,\"events_per_second\":%.0f}", (double)round->total_ns / (double)count,
           (double)count * 1e9 / (double)round->total_ns);
}

static void print_result(const struct pipeline *pipeline, struct round *rounds, uint64_t count,
                         int size)
{
    qsort(rounds, ROUNDS, sizeof *rounds, round_compare);
    printf("{\"bench\":\"pipeline\",\"payload_bytes\":%d,\"rounds\":%d,\"events\":%llu,", size,
           ROUNDS, (unsigned long long)count);
    print_round("ns_best", &rounds[0], count);
    printf(",");
    print_round("ns_median", &rounds[ROUNDS / 2], count);
    printf(",\"state_hash\":\"%016llx\"}\n", (unsigned long long)state_hash(&pipeline->state));
}

int main(int argument_count, char **arguments)
{
    uint64_t count = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
    static struct config config;
    static struct pipeline pipeline;
    static struct batch batch;
    struct failure failure = {0};
    if (!loading_build(&config, &pipeline, "tests/bench/pipeline.json"))
        return 2;
    if (pipeline_start(&pipeline, NULL, &failure) != STATUS_OK ||
        pipeline_batch(&pipeline, &batch, &failure) != STATUS_OK) {
        fprintf(stderr, "%s\n", failure.text);
        return 1;
    }
    struct random random;
    random_seed(&random, 1);
    uint64_t warm_ns[STAGES] = {0};
    static struct round rounds[ROUNDS];
    count = count / ROUNDS / (uint64_t)config.batch * (uint64_t)config.batch;
    run(&pipeline, &batch, &random, 0, WARM_UP, warm_ns);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        run(&pipeline, &batch, &random, WARM_UP + i * count, count, rounds[i].spent_ns);
        for (int stage = 0; stage < STAGES; stage++)
            rounds[i].total_ns += rounds[i].spent_ns[stage];
    }
    struct payload sample;
    payload_make(&sample, &random, 0);
    print_result(&pipeline, rounds, count, sample.size);
    batch_close(&batch);
    pipeline_close(&pipeline);
    config_close(&config);
    return 0;
}
