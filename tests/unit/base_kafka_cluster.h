/* librdkafka's broker in the process, for the tests of those who talk to one. */
#ifndef TESTS_UNIT_BASE_KAFKA_CLUSTER_H
#define TESTS_UNIT_BASE_KAFKA_CLUSTER_H

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct kafka_cluster {
    rd_kafka_t *client; /* that the broker lives in */
    rd_kafka_mock_cluster_t *broker;
    json_t *properties; /* as the configuration's `kafka` names it */
};

static inline void cluster_open(struct kafka_cluster *cluster, const char *topic,
                                int partition_count)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", error, sizeof error);
    cluster->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    cluster->broker = rd_kafka_mock_cluster_new(cluster->client, 1);
    assert_non_null(cluster->broker);
    rd_kafka_mock_topic_create(cluster->broker, topic, partition_count, 1);
    cluster->properties =
        json_pack("{s:s}", "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster->broker));
}

static inline void cluster_close(struct kafka_cluster *cluster)
{
    rd_kafka_mock_cluster_destroy(cluster->broker);
    rd_kafka_destroy(cluster->client);
    json_decref(cluster->properties);
}

#endif
