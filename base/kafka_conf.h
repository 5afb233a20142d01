/* Shared by those who talk to librdkafka (source, sink, ledger, writer): its configuration made
 * from a `kafka` object, its log lines led into ours, its errors remembered.  Nobody else includes
 * this. */
#ifndef BASE_KAFKA_CONF_H
#define BASE_KAFKA_CONF_H

#include "base/status.h"
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* Ends with a name of NULL. */
struct kafka_property {
    const char *name, *value;
};

/* What a client has complained about.  Written by the error callback, which librdkafka calls only
 * from our own polls, so no lock. */
struct kafka_trouble {
    bool fatal;
    bool refused;   /* the brokers did not take the credentials */
    bool quiet;     /* somebody else tells it: only remembered */
    char text[256]; /* the last complaint; "" if none */
    uint64_t
        logged_ns; /* when the last line was written, so that an outage does not fill the log */
    uint32_t suppressed; /* complaints since then */
};

/* Why the property may not be set by the user; NULL if it may. */
const char *kafka_refusal(const char *name);

/* A scalar as librdkafka writes it; false for anything else. */
bool kafka_property_text(const json_t *value, char number[64], const char **text);

/* Makes one of librdkafka's sentences fit ours: no capital at the start, no full stop, no history
 * (" (after 0ms in state CONNECT, ..."). */
void kafka_sentence(char *text);

/* Order: standards (may be overridden), the user's properties, then musts (may not).  `bootstrap`
 * overrides bootstrap.servers if not NULL.  The trouble must outlive the client.  NULL: failure. */
rd_kafka_conf_t *kafka_conf_make(const json_t *properties, const char *bootstrap,
                                 const struct kafka_property *standards,
                                 const struct kafka_property *musts, struct kafka_trouble *trouble,
                                 struct failure *failure);

/* Makes the client, the configuration is used up either way. */
enum status kafka_client_open(rd_kafka_t **client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                              struct failure *failure);

/* Remembers a complaint and logs it, at most once in ten seconds. */
void kafka_complain(struct kafka_trouble *trouble, const char *text);

/* STOP with what went wrong for good: a record that was lost, or a client that has given up; `who`
 * begins its sentence. */
enum status kafka_producer_state(const char *who, const struct failure *lost,
                                 const struct kafka_trouble *trouble, struct failure *failure);

/* The number of partitions of a topic.  Waits for brokers that are away (wait_ms as in
 * kafka_wait.h), and a little for a topic that is just being made; STOP when the time has passed,
 * or at once when there is no hope. */
enum status kafka_partition_count(rd_kafka_t *client, const char *topic, int64_t wait_ms,
                                  struct kafka_trouble *trouble, int32_t *count,
                                  struct failure *failure);

/* OK: the topic exists.  END: it does not, and the failure says so. */
enum status kafka_topic_find(rd_kafka_t *client, const char *topic, int64_t wait_ms,
                             struct kafka_trouble *trouble, struct failure *failure);

#endif
