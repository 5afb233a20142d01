/* Partitions and their offsets; see kafka_partitions.h. */
#include "ingest/kafka_partitions.h"

uint32_t kafka_partitions_seen(const char *statistics, size_t size, const char *topic)
{
    json_t *root = json_loadb(statistics, size, 0, NULL);
    const json_t *entry = json_object_get(json_object_get(root, "topics"), topic);
    uint32_t count = 0;
    const char *name;
    json_t *partition;
    json_object_foreach(json_object_get(entry, "partitions"), name, partition) count +=
        name[0] != '-'; /* -1 is librdkafka's own */
    json_decref(root);
    return count;
}

static rd_kafka_resp_err_t first_error(rd_kafka_resp_err_t error,
                                       const rd_kafka_topic_partition_list_t *list)
{
    for (int index = 0; index < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; index++)
        error = list->elems[index].err;
    return error;
}

static bool may_heal(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        return true;
    default:
        return false;
    }
}

enum status kafka_partitions_find(rd_kafka_t *client, const char *group, bool latest,
                                  int timeout_ms, rd_kafka_topic_partition_list_t *list,
                                  struct failure *failure)
{
    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, timeout_ms);
    error = first_error(error, list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_set(failure, may_heal(error) ? STATUS_RETRY : STATUS_STOP,
                           "could not read the committed offsets of group %s: %s", group,
                           rd_kafka_err2str(error));
    /* A group that has an offset somewhere has begun: what came since belongs to it. */
    for (int index = 0; index < list->cnt; index++)
        latest = latest && list->elems[index].offset < 0;
    for (int index = 0; index < list->cnt; index++)
        if (list->elems[index].offset < 0)
            list->elems[index].offset = latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    return STATUS_OK;
}

enum status kafka_partitions_resolve(rd_kafka_t *client, const char *topic, int32_t partition,
                                     int timeout_ms, int64_t *offset, struct failure *failure)
{
    int64_t begin, end;
    if (*offset >= 0)
        return STATUS_OK;
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(client, topic, partition, &begin, &end, timeout_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_set(failure, STATUS_RETRY,
                           "could not ask where partition %d of topic %s begins: %s", partition,
                           topic, rd_kafka_err2str(error));
    *offset = *offset == RD_KAFKA_OFFSET_END ? end : begin;
    return STATUS_OK;
}

enum status kafka_partitions_assign(rd_kafka_t *client, bool first,
                                    const rd_kafka_topic_partition_list_t *list,
                                    struct failure *failure)
{
    const char *topic = list->elems[0].topic;
    if (first) {
        rd_kafka_resp_err_t error = rd_kafka_assign(client, list);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            return STATUS_OK;
        return failure_set(failure, STATUS_STOP, "could not read topic %s: %s", topic,
                           rd_kafka_err2str(error));
    }
    rd_kafka_error_t *error = rd_kafka_incremental_assign(client, list);
    if (!error)
        return STATUS_OK;
    failure_set(failure, STATUS_STOP, "could not read new partitions of topic %s: %s", topic,
                rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return STATUS_STOP;
}

rd_kafka_resp_err_t kafka_partitions_commit(rd_kafka_t *client, int timeout_ms,
                                            const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_commit_queue(client, list, queue, NULL, NULL);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    rd_kafka_resp_err_t error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return error;
}

const char *kafka_partitions_refusal(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return "offsets were refused because other consumers are members of the group; "
               "give this pipeline a group of its own";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "not allowed to commit offsets; the group needs the right to read";
    default:
        return NULL;
    }
}

enum partition_trouble kafka_partitions_judge(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return PARTITION_LACKS_RECORDS;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__FATAL:
        return PARTITION_LOST;
    default:
        return PARTITION_TROUBLED;
    }
}
