/* What the Kafka source asks of librdkafka about the partitions of its topic: how many there are,
 * where each begins, to read them and to commit their offsets.  Nobody else includes this. */
#ifndef INGEST_KAFKA_PARTITIONS_H
#define INGEST_KAFKA_PARTITIONS_H

#include "base/kafka_conf.h"

/* How many partitions of the topic stand in librdkafka's statistics. */
uint32_t kafka_partitions_seen(const char *statistics, size_t size, const char *topic);

/* Where each partition of the list goes on: at the group's committed offset, else at the topic's
 * end if `latest` is true and the group has no offset at all, else at its beginning.  RETRY: the
 * group's coordinator cannot be reached just now, or a transaction holds offsets that are neither
 * committed nor aborted. */
enum status kafka_partitions_find(rd_kafka_t *client, const char *group, bool latest,
                                  int timeout_ms, rd_kafka_topic_partition_list_t *list,
                                  struct failure *failure);

/* Makes a number of librdkafka's marks for beginning and end: the journal names the offset, so that
 * whoever goes on begins there, too.  RETRY: the broker does not answer. */
enum status kafka_partitions_resolve(rd_kafka_t *client, const char *topic, int32_t partition,
                                     int timeout_ms, int64_t *offset, struct failure *failure);

/* Begins to read the partitions of the list where it says; `first`: none were assigned before. */
enum status kafka_partitions_assign(rd_kafka_t *client, bool first,
                                    const rd_kafka_topic_partition_list_t *list,
                                    struct failure *failure);

/* Commits the offsets of the list and waits for the answer. */
rd_kafka_resp_err_t kafka_partitions_commit(rd_kafka_t *client, int timeout_ms,
                                            const rd_kafka_topic_partition_list_t *list);

/* Why a commit was refused for good; NULL: the next one may pass. */
const char *kafka_partitions_refusal(rd_kafka_resp_err_t error);

/* What an error in place of a record means. */
enum partition_trouble {
    PARTITION_TROUBLED,      /* librdkafka tries again itself */
    PARTITION_LACKS_RECORDS, /* what is to be read next is not there */
    PARTITION_LOST,
};

enum partition_trouble kafka_partitions_judge(rd_kafka_resp_err_t error);

#endif
