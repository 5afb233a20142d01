/* Properties for librdkafka: which are refused and why, and checking the others; see kafka.h. */
#include "base/kafka.h"
#include "base/assert.h"
#include "base/kafka_conf.h"
#include "base/suggest.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static const char reason_commit[] =
    "offsets are committed by weir itself, once every output they caused is acknowledged";
static const char reason_group[] =
    "the group is the pipeline's name, or the source's option 'group'";
static const char reason_assignment[] = "weir takes all partitions of its topics by itself";
static const char reason_acknowledged[] =
    "an output counts as written only when all replicas have acknowledged it, once and in order";
static const char reason_transaction[] = "weir does not write in transactions of the user's naming";
static const char reason_callback[] = "weir serves librdkafka's events in its own loop";

/* What exactness depends on, aliases included: librdkafka takes either name. */
static const struct kafka_property refused_property[] = {
    {"enable.auto.commit", reason_commit},
    {"auto.commit.enable", reason_commit},
    {"auto.commit.interval.ms", reason_commit},
    {"enable.auto.offset.store", reason_commit},
    {"offset.store.method", reason_commit},
    {"offset.store.path", reason_commit},
    {"offset.store.sync.interval.ms", reason_commit},
    {"auto.offset.reset",
     "weir starts at the group's committed offsets, without any at the earliest "
     "record; a reset while running would lose records silently"},
    {"isolation.level", "it is read_committed: records of aborted transactions never happened"},
    {"check.crcs", "damaged records must not be decided"},
    {"group.id", reason_group},
    {"group.instance.id", reason_assignment},
    {"group.protocol.type", reason_assignment},
    {"partition.assignment.strategy", reason_assignment},
    {"enable.partition.eof", reason_callback},
    {"enabled_events", reason_callback},
    {"log.queue", reason_callback},
    {"statistics.interval.ms", "weir reads the statistics itself, to find new partitions"},
    {"delivery.report.only.error", reason_acknowledged},
    {"acks", reason_acknowledged},
    {"request.required.acks", reason_acknowledged},
    {"enable.idempotence", reason_acknowledged},
    {"enable.gapless.guarantee", reason_acknowledged},
    {"max.in.flight", reason_acknowledged},
    {"max.in.flight.requests.per.connection", reason_acknowledged},
    {"message.send.max.retries", reason_acknowledged},
    {"retries", reason_acknowledged},
    {"queuing.strategy", reason_acknowledged},
    {"transactional.id", reason_transaction},
    {"test.mock.num.brokers",
     "every client would talk to a broker of its own; weir run --embedded-broker has one for all"},
    {NULL, NULL},
};

const char *kafka_refusal(const char *name)
{
    for (const struct kafka_property *property = refused_property; property->name; property++)
        if (strcmp(property->name, name) == 0)
            return property->value;
    return NULL;
}

bool kafka_property_text(const json_t *value, char number[64], const char **text)
{
    *text = number;
    if (json_is_string(value))
        *text = json_string_value(value);
    else if (json_is_boolean(value))
        *text = json_is_true(value) ? "true" : "false";
    else if (json_is_integer(value))
        snprintf(number, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, 64, "%.15g", json_real_value(value));
    else
        return false;
    return true;
}

void kafka_sentence(char *text)
{
    char *history = strstr(text, " (after ");
    if (history)
        *history = '\0';
    size_t size = strlen(text);
    if (size > 1 && isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    if (size > 0 && text[size - 1] == '.')
        text[size - 1] = '\0';
}

/* librdkafka shows its properties as a table for people, "name | C/P | range ..."; there is no
 * other list that has those without a value. */
static void find_unknown(const char *name, const char *path, struct findings *findings)
{
    char *table = NULL, *rest = NULL, best[128] = "";
    const char *nearest = NULL;
    size_t size, distance = 0;
    FILE *stream = open_memstream(&table, &size);
    ASSERT(stream);
    rd_kafka_conf_properties_show(stream);
    ASSERT(fclose(stream) == 0);
    for (char *line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t length = strcspn(line, " ");
        if (!strstr(line, " | "))
            continue;
        line[length] = '\0';
        if (!kafka_refusal(line))
            suggest_offer(name, line, &nearest, &distance);
    }
    if (nearest)
        snprintf(best, sizeof best, "; did you mean '%s'?", nearest);
    findings_add_key(findings, path, "librdkafka knows no property '%s'%s", name, best);
    free(table);
}

/* Behind the ':' of a broker's port, as librdkafka finds it: nothing behind a '/', and of several
 * colons without brackets each is one of a bare IPv6 address.  NULL: it names none. */
static const char *port_of(const char *host, const char **end)
{
    const char *path = memchr(host, '/', (size_t)(*end - host));
    *end = path ? path : *end;
    const char *first = memchr(host, ':', (size_t)(*end - host));
    const char *last = memrchr(host, ':', (size_t)(*end - host));
    return last && (last == first || last[-1] == ']') ? last + 1 : NULL;
}

/* "host:9092, [::1]:9092, SSL://host": where in the list the port of a broker is none; SIZE_MAX:
 * nowhere.  librdkafka would take it and never come through. */
static size_t wrong_port(const char *list)
{
    for (const char *at = list; *at; at += *at == ',') {
        const char *end = at + strcspn(at, ","), *scheme = strstr(at, "://");
        const char *host = scheme && scheme < end ? scheme + 3 : at;
        at = end;
        const char *number = port_of(host, &end);
        if (!number)
            continue;
        char *behind;
        long port = strtol(number, &behind, 10);
        behind += strspn(behind, " ");
        if (!isdigit((unsigned char)*number) || behind != end || port < 1 || port > PORT_MAX)
            return (size_t)(number - list);
    }
    return SIZE_MAX;
}

static void check_ports(const char *name, const char *text, const char *path,
                        struct findings *findings)
{
    bool brokers =
        strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0;
    size_t column = brokers ? wrong_port(text) : SIZE_MAX;
    if (column != SIZE_MAX)
        findings_add_formula(findings, path, text, (uint32_t)column,
                             "expected a port from 1 to 65535 behind the ':'");
}

static void check_member(rd_kafka_conf_t *conf, const char *name, const json_t *value,
                         const char *path, struct findings *findings)
{
    char number[64], error[384] = "";
    const char *text, *reason = kafka_refusal(name);
    if (reason) {
        findings_add_key(findings, path, "'%s' cannot be set: %s", name, reason);
        return;
    }
    if (!kafka_property_text(value, number, &text)) {
        findings_add(findings, path, 0, "expected a text, a number or a boolean");
        return;
    }
    switch (rd_kafka_conf_set(conf, name, text, error, sizeof error)) {
    case RD_KAFKA_CONF_OK:
        check_ports(name, text, path, findings);
        break;
    case RD_KAFKA_CONF_UNKNOWN:
        find_unknown(name, path, findings);
        break;
    default:
        kafka_sentence(error);
        findings_add(findings, path, 0, "%s", error);
    }
}

void kafka_check(const json_t *properties, const char *path, struct findings *findings)
{
    if (!properties)
        return;
    if (!json_is_object(properties)) {
        findings_add(findings, path, 0, "expected an object of librdkafka properties");
        return;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)properties, name, value)
    {
        char member[FINDING_PATH_MAX];
        path_member(member, path, name);
        check_member(conf, name, value, member, findings);
    }
    rd_kafka_conf_destroy(conf);
}
