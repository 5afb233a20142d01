/* The topics of a ledger: the journal is made if it is missing, and what a topic's configuration
 * could destroy is refused before anything is written; see kafka_ledger_parts.h.
 *
 * A compacted topic loses records that recovery needs; a topic that takes less than an output's
 * largest size would make transactions fail for ever.  The broker may forbid that its configuration
 * is read: then one warning says what was not checked. */
#include "base/kafka_wait.h"
#include "base/log.h"
#include "sinks/kafka_ledger_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_TIMEOUT_MS = 5000, TOPICS_MAX = 128 };

/* The brokers' standard for max.message.bytes. */
static const int64_t message_bytes_standard = 1048588;

struct scene {
    rd_kafka_t *client;
    struct kafka_trouble *trouble;
    const struct ledger_setting *setting;
    struct ledger_limits *limits;
    bool warned;
};

/* Neither the cluster's word nor a lasting state: what one hears in an outage. */
static bool may_pass(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
           error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION ||
           error == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
           error == RD_KAFKA_RESP_ERR_NOT_CONTROLLER ||
           error == RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE;
}

/* Waits for the answer to an admin request; NULL: there is none (RETRY: it may come the next time),
 * or no use of it. */
static rd_kafka_event_t *await(rd_kafka_queue_t *queue, struct failure *failure)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * REQUEST_TIMEOUT_MS);
    if (event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    failure_set(failure,
                !event || may_pass(rd_kafka_event_error(event)) ? STATUS_RETRY : STATUS_STOP, "%s",
                event ? rd_kafka_event_error_string(event) : "no answer from kafka");
    kafka_sentence(failure->text);
    rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_AdminOptions_t *admin_options(rd_kafka_t *client, rd_kafka_admin_op_t operation)
{
    char error[200];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_TIMEOUT_MS, error, sizeof error);
    return options;
}

/* ---- making the journal ---- */

static enum status judge_creation(rd_kafka_event_t *event, const char *journal,
                                  struct failure *failure)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t index = 0; index < count; index++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[index]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            log_info("kafka", "the journal's topic was made topic=%s partitions=1", journal);
        /* Another process of the pipeline was faster, or not all brokers know of it yet. */
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            continue;
        const char *why = rd_kafka_topic_result_error_string(results[index]);
        return failure_set(failure, may_pass(error) ? STATUS_RETRY : STATUS_STOP, "%s",
                           why ? why : rd_kafka_err2str(error));
    }
    return STATUS_OK;
}

static enum status create_journal(struct scene *scene, struct failure *failure)
{
    static const char *const settings[][2] = {
        {"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}};
    const char *journal = scene->setting->journal;
    char error[200] = "";
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(journal, 1, -1, error, sizeof error);
    if (!topic)
        return failure_set(failure, STATUS_STOP, "%s", error);
    for (size_t index = 0; index < sizeof settings / sizeof settings[0]; index++)
        rd_kafka_NewTopic_set_config(topic, settings[index][0], settings[index][1]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(scene->client);
    rd_kafka_AdminOptions_t *options = admin_options(scene->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(scene->client, &topic, 1, options, queue);
    rd_kafka_event_t *event = await(queue, failure);
    enum status status = event ? judge_creation(event, journal, failure) : failure->status;
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return status;
}

static enum status find_journal(struct scene *scene, struct failure *failure)
{
    const char *journal = scene->setting->journal;
    enum status status =
        kafka_topic_find(scene->client, journal, scene->setting->wait_ms, scene->trouble, failure);
    if (status == STATUS_END) {
        status = create_journal(scene, failure);
        if (status != STATUS_OK) {
            failure_prefix(failure,
                           "could not make the journal's topic %s (1 partition, "
                           "cleanup.policy=delete, retention.ms=-1; make it yourself or "
                           "allow Create)",
                           journal);
            return status;
        }
        return failure_set(failure, STATUS_RETRY, "the brokers do not show topic %s yet", journal);
    }
    int32_t count = 0;
    if (status == STATUS_OK)
        status = kafka_partition_count(scene->client, journal, scene->setting->wait_ms,
                                       scene->trouble, &count, failure);
    if (status == STATUS_OK && count != 1)
        return failure_set(failure, STATUS_STOP,
                           "the journal's topic %s has %d partitions; it must have exactly 1: name "
                           "another one",
                           journal, count);
    return status;
}

static enum status find_outputs(struct scene *scene, struct failure *failure)
{
    int32_t count;
    enum status status = STATUS_OK;
    for (enum stream stream = 0; status == STATUS_OK && stream < STREAMS; stream++) {
        const char *topic = scene->setting->topic[stream];
        if (!topic)
            continue;
        status = kafka_partition_count(scene->client, topic, scene->setting->wait_ms,
                                       scene->trouble, &count, failure);
        if (status != STATUS_OK)
            failure_prefix(failure, "output %s", stream_name(stream));
    }
    return status;
}

/* ---- what the topics are set to ---- */

static const char *setting_of(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t index = 0; index < count; index++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[index]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[index]);
    return NULL;
}

static int64_t number_of(const rd_kafka_ConfigResource_t *resource, const char *name,
                         int64_t standard)
{
    const char *text = setting_of(resource, name);
    return text ? strtoll(text, NULL, 10) : standard;
}

static enum status check_cleanup(const rd_kafka_ConfigResource_t *resource, const char *what,
                                 struct failure *failure)
{
    const char *topic = rd_kafka_ConfigResource_name(resource);
    const char *policy = setting_of(resource, "cleanup.policy");
    if (!policy || !strstr(policy, "compact"))
        return STATUS_OK;
    return failure_set(
        failure, STATUS_STOP,
        "the %s %s has cleanup.policy=%s, which removes records that recovery needs; "
        "mend it: kafka-configs.sh --bootstrap-server HOST:PORT --alter "
        "--entity-type topics --entity-name %s --add-config cleanup.policy=delete",
        what, topic, policy, topic);
}

static void warn_retention(const rd_kafka_ConfigResource_t *resource)
{
    int64_t retention_ms = number_of(resource, "retention.ms", -1);
    int64_t retention_bytes = number_of(resource, "retention.bytes", -1);
    if (retention_ms < 0 && retention_bytes < 0)
        return;
    log_warning("kafka",
                "the journal is kept for a limited time only: a state older than it cannot "
                "be recovered, and only from its begin can the whole be replayed "
                "topic=%s retention.ms=%lld retention.bytes=%lld",
                rd_kafka_ConfigResource_name(resource), (long long)retention_ms,
                (long long)retention_bytes);
}

static enum status check_output(struct scene *scene, const rd_kafka_ConfigResource_t *resource,
                                enum stream stream, struct failure *failure)
{
    int64_t taken = number_of(resource, "max.message.bytes", message_bytes_standard);
    int64_t wanted = scene->setting->message_max[stream];
    if (taken < scene->limits->batch)
        scene->limits->batch = taken;
    if (wanted == 0 || taken >= wanted + LEDGER_RECORD_EXTRA)
        return STATUS_OK;
    const char *topic = scene->setting->topic[stream];
    return failure_set(
        failure, STATUS_STOP,
        "output %s: topic %s takes records of at most %lld bytes (max.message.bytes), outputs may "
        "have %lld and need %d more: set max.message.bytes=%lld for it with kafka-configs.sh, or "
        "message_max to %lld or less in the configuration",
        stream_name(stream), topic, (long long)taken, (long long)wanted, LEDGER_RECORD_EXTRA,
        (long long)wanted + LEDGER_RECORD_EXTRA, (long long)taken - LEDGER_RECORD_EXTRA);
}

/* One topic may serve several purposes. */
static enum status check_resource(struct scene *scene, const rd_kafka_ConfigResource_t *resource,
                                  struct failure *failure)
{
    const struct ledger_setting *setting = scene->setting;
    const char *name = rd_kafka_ConfigResource_name(resource);
    enum status status = STATUS_OK;
    if (strcmp(name, setting->journal) == 0) {
        warn_retention(resource);
        scene->limits->journal = number_of(resource, "max.message.bytes", message_bytes_standard);
        if (scene->limits->journal < scene->limits->batch)
            scene->limits->batch = scene->limits->journal;
        status = check_cleanup(resource, "journal's topic", failure);
    }
    for (const char *const *input = setting->inputs; input && *input; input++)
        if (status == STATUS_OK && strcmp(name, *input) == 0)
            status = check_cleanup(resource, "input topic", failure);
    for (enum stream stream = 0; status == STATUS_OK && stream < STREAMS; stream++)
        if (setting->topic[stream] && strcmp(name, setting->topic[stream]) == 0)
            status = check_output(scene, resource, stream, failure);
    return status;
}

static void warn_unchecked(struct scene *scene, const char *topic, const char *why)
{
    if (scene->warned)
        return;
    scene->warned = true;
    log_warning("kafka",
                "retention, compaction and record sizes of topics could not be checked (the right "
                "DescribeConfigs on the topics is needed) topic=%s reason=\"%s\"",
                topic, why);
}

static enum status check_resources(struct scene *scene, rd_kafka_event_t *event,
                                   struct failure *failure)
{
    size_t count;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    enum status status = STATUS_OK;
    for (size_t index = 0; status == STATUS_OK && index < count; index++) {
        rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[index]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            status = check_resource(scene, resources[index], failure);
        else
            warn_unchecked(scene, rd_kafka_ConfigResource_name(resources[index]),
                           rd_kafka_err2str(error));
    }
    return status;
}

/* The names, each once. */
static size_t list_topics(const struct ledger_setting *setting, const char *names[TOPICS_MAX])
{
    const char *candidate[TOPICS_MAX];
    size_t candidate_count = 0, count = 0;
    candidate[candidate_count++] = setting->journal;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (setting->topic[stream])
            candidate[candidate_count++] = setting->topic[stream];
    for (const char *const *input = setting->inputs; input && *input; input++)
        if (candidate_count < TOPICS_MAX)
            candidate[candidate_count++] = *input;
    for (size_t index = 0; index < candidate_count; index++) {
        size_t same = 0;
        while (same < count && strcmp(names[same], candidate[index]) != 0)
            same++;
        if (same == count)
            names[count++] = candidate[index];
    }
    return count;
}

static bool brokers_answer(const struct scene *scene)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(scene->client, 0, NULL, &metadata, REQUEST_TIMEOUT_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static enum status check_settings(struct scene *scene, struct failure *failure)
{
    const char *names[TOPICS_MAX];
    rd_kafka_ConfigResource_t *resources[TOPICS_MAX];
    size_t count = list_topics(scene->setting, names);
    for (size_t index = 0; index < count; index++)
        resources[index] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, names[index]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(scene->client);
    rd_kafka_AdminOptions_t *options =
        admin_options(scene->client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(scene->client, resources, count, options, queue);
    rd_kafka_event_t *event = await(queue, failure);
    enum status status = STATUS_OK;
    if (event)
        status = check_resources(scene, event, failure);
    else if (failure->status == STATUS_RETRY && !brokers_answer(scene))
        status = STATUS_RETRY;
    else
        warn_unchecked(scene, scene->setting->journal, failure->text);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    return status;
}

static enum status check_once(struct scene *scene, struct failure *failure)
{
    *scene->limits = (struct ledger_limits){message_bytes_standard, INT64_MAX};
    enum status status = find_journal(scene, failure);
    if (status == STATUS_OK)
        status = find_outputs(scene, failure);
    return status == STATUS_OK ? check_settings(scene, failure) : status;
}

/* Brokers may leave in the middle of it: then all of it is asked again. */
enum status ledger_topics_check(rd_kafka_t *client, struct kafka_trouble *trouble,
                                const struct ledger_setting *setting, struct ledger_limits *limits,
                                struct failure *failure)
{
    struct scene scene = {
        .client = client, .trouble = trouble, .setting = setting, .limits = limits};
    struct kafka_wait wait;
    enum status status;
    kafka_wait_begin(&wait, setting->wait_ms);
    do
        status = check_once(&scene, failure);
    while (status == STATUS_RETRY && kafka_wait_on(&wait, failure));
    if (status == STATUS_OK)
        kafka_wait_end(&wait);
    if (limits->batch == INT64_MAX)
        limits->batch = message_bytes_standard;
    return status;
}
