/* A ledger on librdkafka's broker in the process, for the tests of what it writes. */
#ifndef TESTS_UNIT_SINKS_KAFKA_SCENE_H
#define TESTS_UNIT_SINKS_KAFKA_SCENE_H

#include "base/clock.h"
#include "sinks/ledger.h"
#include "tests/unit/base_kafka_cluster.h"
#include <poll.h>
#include <string.h>

enum { WAIT_MAX_S = 40 };

struct scene {
    struct kafka_cluster cluster;
    struct ledger ledger;
    bool claimed;
    uint64_t sequence;
    const struct output *outputs; /* of every transaction */
    uint32_t output_count;
};

static const struct ledger_offset offsets[] = {{"in", 0, 7}, {"in", 1, 9}};

static inline struct ledger_setting setting_of(const struct scene *scene)
{
    static const char *const inputs[] = {"in", NULL};
    return (struct ledger_setting){
        .kafka = scene->cluster.properties,
        .pipeline = "test",
        .group = "test",
        .journal = "journal",
        .topic = {[STREAM_DECISIONS] = "out"},
        .message_max = {[STREAM_DECISIONS] = 900 << 10},
        .inputs = inputs,
        .member = true,
    };
}

/* ---- waiting, by the descriptor ---- */

static inline uint64_t deadline_ns(void)
{
    return clock_monotonic_ns(&system_clock) + WAIT_MAX_S * UINT64_C(1000000000);
}

static inline void wait_for_news(const struct ledger *ledger, uint64_t until_ns)
{
    struct pollfd readable = {ledger->kind->descriptor(ledger->self), POLLIN, 0};
    poll(&readable, 1, 100);
    assert_true(clock_monotonic_ns(&system_clock) < until_ns);
}

/* The first claim that ends; RETRY only if `once`. */
static inline enum status claim(struct scene *scene, bool once, struct failure *failure)
{
    const struct ledger *ledger = &scene->ledger;
    uint64_t until_ns = deadline_ns();
    enum status status;
    while (true) {
        wait_for_news(ledger, until_ns);
        if (!ledger->kind->owns(ledger->self))
            continue;
        status = ledger->kind->claim(ledger->self, failure);
        bool under_way = status == STATUS_RETRY && strstr(failure->text, "under way");
        if (status != STATUS_RETRY || (once && !under_way))
            break;
    }
    scene->claimed = status == STATUS_OK;
    return status;
}

static inline void claim_well(struct scene *scene)
{
    struct failure failure = {0};
    if (!scene->claimed && claim(scene, false, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
}

static inline void submit(struct scene *scene, const void *entry, size_t size)
{
    struct transaction transaction = {
        .sequence = ++scene->sequence,
        .outputs = scene->outputs,
        .output_count = scene->output_count,
        .entry = entry,
        .entry_size = size,
        .offsets = offsets,
        .offset_count = sizeof offsets / sizeof offsets[0],
    };
    scene->ledger.kind->submit(scene->ledger.self, &transaction);
    memset(&transaction, 0xa5, sizeof transaction);
}

static inline enum settlement settle(struct scene *scene, const void *entry, size_t size,
                                     int64_t *at, struct failure *failure)
{
    const struct ledger *ledger = &scene->ledger;
    uint64_t until_ns = deadline_ns();
    enum settlement settlement;
    claim_well(scene);
    submit(scene, entry, size);
    while ((settlement = ledger->kind->settlement(ledger->self, at, failure)) ==
           SETTLEMENT_RUNNING) {
        wait_for_news(ledger, until_ns);
        ledger->kind->owns(ledger->self);
    }
    if (settlement == SETTLEMENT_DOUBTFUL)
        scene->claimed = false;
    return settlement;
}

static inline int64_t settle_well(struct scene *scene, const void *entry, size_t size)
{
    struct failure failure = {0};
    int64_t at = -1;
    if (settle(scene, entry, size, &at, &failure) != SETTLEMENT_COMMITTED)
        fail_msg("%s", failure.text);
    return at;
}

static inline int64_t count_records(const struct scene *scene, const char *topic,
                                    int partition_count)
{
    char error[256];
    int64_t count = 0, low, high;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers",
                      rd_kafka_mock_cluster_bootstraps(scene->cluster.broker), error, sizeof error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    for (int partition = 0; partition < partition_count; partition++) {
        assert_int_equal(
            rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high, 10000), 0);
        count += high;
    }
    rd_kafka_destroy(client);
    return count;
}

#endif
