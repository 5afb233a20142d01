/* The configuration's sections, each read by a file of its own (config_*.c), and what they share.
 * Each takes the root; each adds findings and goes on. */
#ifndef ENGINE_CONFIG_PARTS_H
#define ENGINE_CONFIG_PARTS_H

#include "engine/config.h"
#include "engine/kinds.h"

void config_read_events(struct config *config, struct findings *findings);
void config_read_control(struct config *config, struct findings *findings);
void config_read_labels(struct config *config, struct findings *findings);
void config_read_lists(struct config *config, struct findings *findings);
void config_read_entities(struct config *config, struct findings *findings);
void config_read_features(struct config *config, struct findings *findings);
void config_read_models(struct config *config, struct findings *findings);
void config_imply_features(struct config *config);
void config_read_decisions(struct config *config, struct findings *findings);
void config_read_monitor(struct config *config, struct findings *findings);
void config_read_outputs(struct config *config, struct findings *findings);
void config_read_delivery(struct config *config, struct findings *findings);

/* "classes" and "positive" of the labels. */
void config_read_classes(struct config_labels *labels, const json_t *object,
                         struct findings *findings);

/* What config_read_lists has allocated. */
void config_close_lists(struct config *config);

/* Where records come from: source and decoder with their options; `others` are the object's members
 * that are neither the source's nor common to all inputs. */
void config_read_input(struct config_input *input, const json_t *object, const char *path,
                       const char *const *others, struct findings *findings);

/* The fields of an object into a schema; a label has its own three.  False: there is no time. */
bool config_read_schema(struct schema *schema, const json_t *object, const char *path,
                        struct findings *findings);
void config_read_label_schema(struct schema *schema, const json_t *object, const char *path,
                              struct findings *findings);

/* A section of the root that is an object; NULL if it is not there or not an object (a finding). */
const json_t *config_section(const struct config *config, const char *name,
                             struct findings *findings);

/* "time_zones", before any zone is opened; and their rules into a text for the journal. */
void config_read_zones(struct config *config, struct findings *findings);
void config_write_zones(const struct config *config, json_t *root);

/* As journalled texts are written; to be freed. */
char *config_dump(const json_t *root);

/* A text member that must be there; NULL with a finding if it is not a text. */
const char *config_text(const json_t *object, const char *path, const char *name,
                        const char *missing, struct findings *findings);

/* The row that object[member] names.  False with a finding if there is none of the name. */
bool config_kind(enum kind_table table, const json_t *object, const char *path, const char *member,
                 struct kind *kind, struct findings *findings);

/* The options of a kind, made and filled; `others`: members of the object that are not the kind's.
 */
void *config_kind_options(const struct kind *kind, const json_t *object, const char *path,
                          const char *const *others, struct findings *findings);

/* Identifiers: [a-z_][a-z0-9_]*, at most 63, no word of the language. */
bool config_check_name(const char *what, const char *name, const char *path,
                       struct findings *findings);

/* True, with a finding, if a field, feature or model has the name already. */
bool config_name_taken(const struct config *config, const char *name, const char *path,
                       struct findings *findings);

#endif
