/* What the commands that run a pipeline share: reading and building with printed findings, and
 * opening sources and sinks by hand. */
#ifndef ENGINE_LOADING_H
#define ENGINE_LOADING_H

#include "engine/pipeline.h"
#include "ingest/inputs.h"

/* Reads and builds.  If there are findings it prints them to standard error, closes both again and
 * returns false. */
bool loading_build(struct config *config, struct pipeline *pipeline, const char *path);

/* Fills a kind's options from "name", "value" pairs of texts (NULL-terminated); owned by the
 * caller. */
void *loading_options(const struct option *table, size_t size, const char *const *pairs);

/* Opens a file as a source of events and adds it to the inputs. */
enum status loading_add_file(struct inputs *inputs, const struct config *config, const char *path,
                             struct failure *failure);

/* Opens the configured sources and adds them. */
enum status loading_add_inputs(struct inputs *inputs, struct config *config,
                               const struct clock *clock, struct failure *failure);

/* The header line of the first event source, or NULL. */
const char *loading_header(const struct inputs *inputs);

/* Sends a stream to a file instead of where the configuration says; path NULL: nowhere. */
void loading_output_file(struct config *config, enum stream stream, const char *path);

/* Uses these brokers for everything the configuration says about Kafka. */
void loading_use_brokers(struct config *config, const char *bootstrap);

#endif
