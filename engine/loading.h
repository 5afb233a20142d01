/* What the commands that run a pipeline share: reading and building with printed findings, and
 * opening sources and sinks by hand. */
#ifndef ENGINE_LOADING_H
#define ENGINE_LOADING_H

#include "engine/pipeline.h"
#include "ingest/inputs.h"
#include "sinks/ledger.h"

/* Reads and builds.  If there are findings it prints them to standard error, closes both again and
 * returns false. */
bool loading_build(struct config *config, struct pipeline *pipeline, const char *path);

/* Fills a kind's options from "name", "value" pairs of texts (NULL-terminated); owned by the
 * caller. */
void *loading_options(const struct option *table, size_t size, const char *const *pairs);

/* Opens a file as a source of events, or of requests, and adds it to the inputs. */
enum status loading_add_file(struct inputs *inputs, const struct config *config, const char *path,
                             enum record_kind role, struct failure *failure);

/* Opens the configured sources and adds them; `placed`: they stand still until a journal's node
 * places them. */
enum status loading_add_inputs(struct inputs *inputs, struct config *config,
                               const struct clock *clock, bool placed, struct failure *failure);

/* The ledger of the configured cluster; as a member of the group, or only to read the journal. */
enum status loading_open_ledger(struct ledger *ledger, const struct config *config, bool member,
                                struct failure *failure);

/* Where snapshots of the pipeline lie: in a folder of its name in `instead` (may be NULL) or the
 * configured directory. */
void loading_state_directory(const struct config *config, const char *instead, char *path,
                             size_t size);

/* The header line of the first event source, or NULL. */
const char *loading_header(const struct inputs *inputs);

/* Sends a stream to a file instead of where the configuration says; path NULL: nowhere. */
void loading_output_file(struct config *config, enum stream stream, const char *path);

/* Uses these brokers for everything the configuration says about Kafka. */
void loading_use_brokers(struct config *config, const char *bootstrap);

#endif
