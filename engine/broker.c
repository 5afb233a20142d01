/* The broker inside the process; see broker.h. */
#include "engine/broker.h"
#include "base/kafka_conf.h"
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct broker {
    struct kafka_trouble trouble;
    rd_kafka_t *client; /* the cluster lives on a client's threads */
    rd_kafka_mock_cluster_t *cluster;
};

static enum status open_cluster(struct broker *broker, struct failure *failure)
{
    /* This client itself never connects: no address, and no complaint about that. */
    static const struct kafka_property musts[] = {{"log_level", "3"}, {NULL, NULL}};
    rd_kafka_conf_t *conf = kafka_conf_make(NULL, "none", NULL, musts, &broker->trouble, failure);
    if (!conf)
        return STATUS_STOP;
    char error[256];
    rd_kafka_conf_set(conf, "bootstrap.servers", "", error, sizeof error);
    if (kafka_client_open(&broker->client, RD_KAFKA_PRODUCER, conf, failure) != STATUS_OK)
        return STATUS_STOP;
    broker->cluster = rd_kafka_mock_cluster_new(broker->client, 1);
    if (!broker->cluster)
        return failure_set(failure, STATUS_STOP, "could not start the embedded broker: no port");
    return STATUS_OK;
}

static enum status make_topics(struct broker *broker, const struct broker_topic *topics,
                               size_t count, struct failure *failure)
{
    for (size_t index = 0; index < count; index++) {
        rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(broker->cluster, topics[index].name,
                                                               topics[index].partition_count, 1);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            return failure_set(failure, STATUS_STOP, "could not make topic %s: %s",
                               topics[index].name, rd_kafka_err2str(error));
    }
    return STATUS_OK;
}

enum status broker_open(struct broker **result, const struct broker_topic *topics, size_t count,
                        struct failure *failure)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (!broker)
        return failure_set(failure, STATUS_STOP,
                           "could not start the embedded broker: out of memory");
    if (open_cluster(broker, failure) != STATUS_OK ||
        make_topics(broker, topics, count, failure) != STATUS_OK) {
        broker_close(broker);
        return STATUS_STOP;
    }
    *result = broker;
    return STATUS_OK;
}

const char *broker_bootstrap(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

void broker_close(struct broker *broker)
{
    if (!broker)
        return;
    if (broker->cluster)
        rd_kafka_mock_cluster_destroy(broker->cluster);
    if (broker->client)
        rd_kafka_destroy(broker->client);
    free(broker);
}
