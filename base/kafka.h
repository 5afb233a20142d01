/* What the Kafka source, the Kafka sink and the simulator share: properties, log, and a plain
 * writer.
 *
 * A `kafka` object of the configuration is handed to librdkafka member by member (TLS, SASL, ...),
 * except those that exactness depends on: they are refused, with the reason. */
#ifndef BASE_KAFKA_H
#define BASE_KAFKA_H

#include "base/option.h"
#include "base/status.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Checks the members of a kafka object: unknown to librdkafka, of a wrong value, or refused (each
 * with its reason) become findings under `path`. */
void kafka_check(const json_t *properties, const char *path, struct findings *findings);

/* A producer for programs that only write (the simulator): idempotent, acknowledged by all. */
struct kafka_writer;

/* `properties` may be NULL; bootstrap (host:port,...) overrides its bootstrap.servers if
 * not NULL. */
enum status kafka_writer_open(struct kafka_writer **result, const char *bootstrap,
                              const json_t *properties, struct failure *failure);

/* Waits while the queue is full.  timestamp_ms becomes the record's (0: now); partition -1: by the
 * key's hash. */
enum status kafka_writer_put(struct kafka_writer *writer, const char *topic, int32_t partition,
                             const void *key, size_t key_size, const void *bytes, size_t size,
                             int64_t timestamp_ms, struct failure *failure);

/* Waits until everything is acknowledged or timeout_ms has passed (RETRY). */
enum status kafka_writer_flush(struct kafka_writer *writer, int timeout_ms,
                               struct failure *failure);
void kafka_writer_close(struct kafka_writer *writer);

#endif
