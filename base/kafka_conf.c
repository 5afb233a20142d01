/* librdkafka's configuration made from ours, its log and its errors; see kafka_conf.h. */
#include "base/kafka_conf.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/kafka_wait.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

static const char *client_name(const rd_kafka_t *client)
{
    return rd_kafka_type(client) == RD_KAFKA_CONSUMER ? "consumer" : "producer";
}

/* librdkafka never puts records into its log lines.  Its failures reach error_remember as well. One
 * configuration serves consumers and producers, so that the other's properties are ignored is no
 * news. */
static void log_lead(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    if (strcmp(facility, "FAIL") == 0 ||
        (strcmp(facility, "CONFWARN") == 0 && strstr(text, "will be ignored by this")))
        return;
    enum log_level ours = level <= 3   ? LOG_ERROR
                          : level == 4 ? LOG_WARNING
                          : level <= 6 ? LOG_INFO
                                       : LOG_DEBUG;
    log_line(ours, "kafka", "%s %s: %s", client_name(client), facility, text);
}

void kafka_complain(struct kafka_trouble *trouble, const char *text)
{
    static const uint64_t silence_ns = 10000000000u;
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    snprintf(trouble->text, sizeof trouble->text, "%s", text);
    kafka_sentence(trouble->text);
    if (trouble->quiet)
        return;
    if (trouble->logged_ns != 0 && now_ns - trouble->logged_ns < silence_ns) {
        trouble->suppressed++;
        return;
    }
    log_warning("kafka", "%s repeated=%u", trouble->text, trouble->suppressed);
    trouble->logged_ns = now_ns;
    trouble->suppressed = 0;
}

static void error_remember(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    struct kafka_trouble *trouble = opaque;
    trouble->refused = trouble->refused || error == RD_KAFKA_RESP_ERR__AUTHENTICATION;
    /* "1/1 brokers are down" only follows what was said of each. */
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble->text[0])
        return;
    if (error != RD_KAFKA_RESP_ERR__FATAL) {
        /* A fatal sentence must stay: the others are only its consequences. */
        if (!trouble->fatal)
            kafka_complain(trouble, reason);
        return;
    }
    char text[200];
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text, sizeof text);
    trouble->fatal = true;
    snprintf(trouble->text, sizeof trouble->text, "%s (%s)", text, rd_kafka_err2name(cause));
}

enum status kafka_producer_state(const char *who, const struct failure *lost,
                                 const struct kafka_trouble *trouble, struct failure *failure)
{
    if (lost->status != STATUS_OK) {
        *failure = *lost;
        return STATUS_STOP;
    }
    if (trouble->fatal)
        return failure_set(failure, STATUS_STOP, "%s: %s", who, trouble->text);
    return STATUS_OK;
}

static bool set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct failure *failure)
{
    char error[384];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) == RD_KAFKA_CONF_OK)
        return true;
    kafka_sentence(error);
    failure_set(failure, STATUS_STOP, "kafka property '%s': %s", name, error);
    return false;
}

static bool set_own(rd_kafka_conf_t *conf, const struct kafka_property *list,
                    struct failure *failure)
{
    for (; list && list->name; list++)
        if (!set_property(conf, list->name, list->value, failure))
            return false;
    return true;
}

static bool set_members(rd_kafka_conf_t *conf, const json_t *properties, struct failure *failure)
{
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)properties, name, value)
    {
        char number[64];
        const char *text, *reason = kafka_refusal(name);
        if (reason) {
            failure_set(failure, STATUS_STOP, "kafka property '%s' cannot be set: %s", name,
                        reason);
            return false;
        }
        if (!kafka_property_text(value, number, &text)) {
            failure_set(failure, STATUS_STOP,
                        "kafka property '%s': expected a text, a number or a boolean", name);
            return false;
        }
        if (!set_property(conf, name, text, failure))
            return false;
    }
    return true;
}

static bool require_bootstrap(const rd_kafka_conf_t *conf, struct failure *failure)
{
    size_t size = 0;
    if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &size) == RD_KAFKA_CONF_OK && size > 1)
        return true;
    failure_set(failure, STATUS_STOP,
                "no broker is named: set bootstrap.servers in the configuration's 'kafka'");
    return false;
}

rd_kafka_conf_t *kafka_conf_make(const json_t *properties, const char *bootstrap,
                                 const struct kafka_property *standards,
                                 const struct kafka_property *musts, struct kafka_trouble *trouble,
                                 struct failure *failure)
{
    static const struct kafka_property common_standards[] = {
        {"client.id", "weir"},
        {"socket.nagle.disable", "true"},
        {"log.thread.name", "false"},
        {"log.connection.close", "false"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    *trouble = (struct kafka_trouble){.text = ""};
    rd_kafka_conf_set_opaque(conf, trouble);
    rd_kafka_conf_set_log_cb(conf, log_lead);
    rd_kafka_conf_set_error_cb(conf, error_remember);
    if (set_own(conf, common_standards, failure) && set_own(conf, standards, failure) &&
        set_members(conf, properties, failure) && set_own(conf, musts, failure) &&
        (!bootstrap || set_property(conf, "bootstrap.servers", bootstrap, failure)) &&
        require_bootstrap(conf, failure))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

enum status kafka_client_open(rd_kafka_t **client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                              struct failure *failure)
{
    char error[384];
    *client = rd_kafka_new(type, conf, error, sizeof error);
    if (*client)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    kafka_sentence(error);
    return failure_set(failure, STATUS_STOP, "could not make a kafka client: %s", error);
}

/* RETRY: no answer, or none that is final.  END: there is no such topic, or not yet. */
static enum status judge_topic(const struct rd_kafka_metadata_topic *topic, struct failure *failure)
{
    switch (topic->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        if (topic->partition_cnt > 0)
            return STATUS_OK;
        /* fall through */
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
        return failure_set(failure, STATUS_RETRY, "topic %s has no leader", topic->topic);
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
        return failure_set(failure, STATUS_RETRY, "topic %s: %s", topic->topic,
                           rd_kafka_err2str(topic->err));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return failure_set(failure, STATUS_END, "topic %s does not exist; create it first",
                           topic->topic);
    default:
        return failure_set(failure, STATUS_STOP, "topic %s: %s", topic->topic,
                           rd_kafka_err2str(topic->err));
    }
}

/* RETRY: no answer.  STOP: one that will not change, like refused credentials. */
static enum status judge_silence(rd_kafka_t *client, const struct kafka_trouble *trouble,
                                 rd_kafka_resp_err_t error, struct failure *failure)
{
    rd_kafka_poll(client, 0); /* the address that was tried is in the trouble's sentence, if any */
    const char *why = trouble->text[0] ? trouble->text : rd_kafka_err2str(error);
    if (trouble->refused)
        return failure_set(failure, STATUS_STOP,
                           "the brokers refuse the user: %s; mend sasl.* in the configuration's "
                           "'kafka'",
                           why);
    return failure_set(failure, STATUS_RETRY, "kafka did not answer: %s", why);
}

static enum status ask_topic(rd_kafka_t *client, rd_kafka_topic_t *topic,
                             const struct kafka_trouble *trouble, int32_t *count,
                             struct failure *failure)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, topic, &metadata, 1000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return judge_silence(client, trouble, error, failure);
    ASSERT(metadata->topic_cnt == 1);
    enum status status = judge_topic(&metadata->topics[0], failure);
    *count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return status;
}

/* Asks until there is an answer; `patience` is how often a topic may be unknown.  END: it does not
 * exist. */
static enum status ask_until_answered(rd_kafka_t *client, const char *topic, int64_t wait_ms,
                                      int patience, struct kafka_trouble *trouble, int32_t *count,
                                      struct failure *failure)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (!handle)
        return failure_set(failure, STATUS_STOP, "topic '%s': %s", topic,
                           rd_kafka_err2str(rd_kafka_last_error()));
    struct kafka_wait wait;
    enum status status;
    kafka_wait_begin(&wait, wait_ms);
    trouble->quiet = true; /* the wait tells it */
    while ((status = ask_topic(client, handle, trouble, count, failure)) == STATUS_RETRY ||
           status == STATUS_END) {
        if (status == STATUS_END && --patience <= 0)
            break;
        if (!kafka_wait_on(&wait, failure)) {
            status = STATUS_STOP;
            break;
        }
    }
    trouble->quiet = false;
    if (status != STATUS_STOP)
        kafka_wait_end(&wait);
    rd_kafka_topic_destroy(handle);
    return status;
}

enum status kafka_partition_count(rd_kafka_t *client, const char *topic, int64_t wait_ms,
                                  struct kafka_trouble *trouble, int32_t *count,
                                  struct failure *failure)
{
    enum { PATIENCE = 7 };
    enum status status =
        ask_until_answered(client, topic, wait_ms, PATIENCE, trouble, count, failure);
    if (status == STATUS_END)
        status = failure->status = STATUS_STOP;
    return status;
}

enum status kafka_topic_find(rd_kafka_t *client, const char *topic, int64_t wait_ms,
                             struct kafka_trouble *trouble, struct failure *failure)
{
    int32_t count;
    return ask_until_answered(client, topic, wait_ms, 1, trouble, &count, failure);
}
