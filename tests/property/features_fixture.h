/* A pipeline's features without the engine: a small schema, formulas from text, a state, a history,
 * a batch.  Columns are filled by the test. */
#ifndef TESTS_PROPERTY_FEATURES_FIXTURE_H
#define TESTS_PROPERTY_FEATURES_FIXTURE_H

#include "base/state.h"
#include "features/features.h"
#include "features/pass.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum fixture_field {
    FIXTURE_CARD,
    FIXTURE_MERCHANT,
    FIXTURE_AMOUNT,
    FIXTURE_FLAG,
    FIXTURE_COUNTRY,
    FIXTURE_WHEN,
    FIXTURE_FIELDS
};

enum { FIXTURE_HISTORY = 4096, FIXTURE_NAMES = 16 };

struct fixture {
    struct field field[FIXTURE_FIELDS];
    uint32_t field_value[FIXTURE_FIELDS];
    uint32_t label, score;
    struct program *program;
    struct features *features;
    struct program_resolver resolver;
    uint32_t name_count;
    char name[FIXTURE_NAMES][SCHEMA_NAME_MAX]; /* features that other formulas may name */
    uint32_t name_value[FIXTURE_NAMES];
    struct state state;
    struct history history;
    struct batch *batch;
};

static inline uint32_t fixture_resolve(void *self, const struct syntax_node *node,
                                       struct syntax_error *error)
{
    const struct fixture *fixture = self;
    for (uint32_t i = 0; i < FIXTURE_FIELDS; i++)
        if (strcmp(fixture->field[i].name, node->name) == 0)
            return fixture->field_value[i];
    for (uint32_t i = 0; i < fixture->name_count; i++)
        if (strcmp(fixture->name[i], node->name) == 0)
            return fixture->name_value[i];
    if (strcmp(node->name, "label") == 0)
        return fixture->label;
    if (strcmp(node->name, "score") == 0)
        return fixture->score;
    snprintf(error->message, sizeof error->message, "no field or feature '%s'", node->name);
    return VALUE_NONE;
}

static inline uint32_t fixture_window(void *self, const struct syntax *syntax,
                                      const struct syntax_node *node, struct syntax_error *error)
{
    struct fixture *fixture = self;
    return features_window(fixture->features, fixture->program, syntax, node, &fixture->resolver,
                           error);
}

static inline void fixture_field(struct fixture *fixture, enum fixture_field index,
                                 const char *name, enum field_type type, enum value_type value_type)
{
    struct field *field = &fixture->field[index];
    snprintf(field->name, sizeof field->name, "%s", name);
    field->type = type;
    uint32_t value = program_add_external(fixture->program, value_type, 0, 100 + index);
    fixture->program->value[value].field = field;
    fixture->field_value[index] = value;
}

static inline void fixture_open(struct fixture *fixture, const struct features_setting *setting)
{
    static char choices[2][SCHEMA_NAME_MAX] = {"de", "fr"};
    memset(fixture, 0, sizeof *fixture);
    fixture->program = calloc(1, sizeof *fixture->program);
    program_init(fixture->program, (struct hash_key){1, 2});
    fixture_field(fixture, FIXTURE_CARD, "card", FIELD_KEY, TYPE_TEXT);
    fixture_field(fixture, FIXTURE_MERCHANT, "merchant", FIELD_KEY, TYPE_TEXT);
    fixture_field(fixture, FIXTURE_AMOUNT, "amount", FIELD_NUMBER, TYPE_NUMBER);
    fixture_field(fixture, FIXTURE_FLAG, "flag", FIELD_BOOLEAN, TYPE_BOOLEAN);
    fixture_field(fixture, FIXTURE_COUNTRY, "country", FIELD_ENUM, TYPE_ENUM);
    fixture_field(fixture, FIXTURE_WHEN, "when", FIELD_TIME, TYPE_TIME);
    fixture->field[FIXTURE_COUNTRY].choice_count = 2;
    fixture->field[FIXTURE_COUNTRY].choices = choices;
    fixture->label = program_add_external(fixture->program, TYPE_NUMBER, 0, 200);
    fixture->score = program_add_external(fixture->program, TYPE_NUMBER, PROGRAM_SCORE_LEVEL, 201);
    fixture->features = features_open(setting);
    features_set_label(fixture->features, fixture->label);
    fixture->resolver = (struct program_resolver){fixture_resolve, fixture_window, fixture};
}

/* The formula's value, or VALUE_NONE with the error. */
static inline uint32_t fixture_compile(struct fixture *fixture, const char *formula,
                                       struct syntax_error *error)
{
    static struct syntax syntax;
    memset(error, 0, sizeof *error);
    if (!syntax_parse(&syntax, formula, error))
        return VALUE_NONE;
    return program_compile(fixture->program, &syntax, syntax.root, &fixture->resolver, error);
}

static inline uint32_t fixture_must_compile(struct fixture *fixture, const char *formula)
{
    struct syntax_error error;
    uint32_t value = fixture_compile(fixture, formula, &error);
    if (value == VALUE_NONE)
        fail_msg("%s: column %u: %s", formula, error.column, error.message);
    return value;
}

static inline uint32_t fixture_name(struct fixture *fixture, const char *name, const char *formula)
{
    uint32_t value = fixture_must_compile(fixture, formula);
    assert_true(fixture->name_count < FIXTURE_NAMES);
    snprintf(fixture->name[fixture->name_count], SCHEMA_NAME_MAX, "%s", name);
    fixture->name_value[fixture->name_count++] = value;
    return value;
}

/* When all formulas are in: the state, the history, the batch. */
static inline void fixture_start(struct fixture *fixture)
{
    static struct state_layout layout;
    struct failure failure;
    program_finish(fixture->program);
    state_layout_init(&layout);
    features_declare(fixture->features, &layout);
    struct history *history = &fixture->history;
    history->capacity = FIXTURE_HISTORY;
    history->key_count = features_key_count(fixture->features);
    history->event_region = state_layout_add(&layout, "events", 0, sizeof(struct event_row), 64,
                                             FIXTURE_HISTORY, STATE_ROWS_ALWAYS);
    uint64_t size = history_example_size(history);
    history->example_region = state_layout_add(&layout, "examples", 0, size ? size : 8, 8,
                                               FIXTURE_HISTORY, STATE_ROWS_ALWAYS);
    assert_int_equal(state_open(&fixture->state, &layout, &failure), STATUS_OK);
    fixture->batch = calloc(1, sizeof *fixture->batch);
    assert_int_equal(batch_open(fixture->batch, fixture->program->value_count, 1, &failure),
                     STATUS_OK);
    program_prepare(fixture->program, fixture->batch);
    batch_clear(fixture->batch);
}

static inline void fixture_close(struct fixture *fixture)
{
    if (fixture->batch) {
        batch_close(fixture->batch);
        free(fixture->batch);
        state_close(&fixture->state);
    }
    features_close(fixture->features);
    program_close(fixture->program);
    free(fixture->program);
}

static inline union value *fixture_cell(const struct fixture *fixture, uint32_t value, uint32_t row)
{
    return &batch_column(fixture->batch, value)[row];
}

/* A fresh event row; returns its index. */
static inline uint32_t fixture_event(struct fixture *fixture, uint64_t number, int64_t time_ms,
                                     uint64_t card, double amount)
{
    struct batch *batch = fixture->batch;
    uint32_t row = batch->count++;
    batch->kind[row] = RECORD_EVENT;
    batch->dead[row] = false;
    batch->number[row] = number;
    batch->time_ms[row] = time_ms;
    batch->label_early[row] = MISSING;
    batch->told[row] = batch->spent[row] = (struct matured){0, 0};
    for (uint32_t i = 0; i < FIXTURE_FIELDS; i++)
        fixture_cell(fixture, fixture->field_value[i], row)->key = 0;
    fixture_cell(fixture, fixture->field_value[FIXTURE_CARD], row)->key = card;
    fixture_cell(fixture, fixture->field_value[FIXTURE_AMOUNT], row)->number = amount;
    struct event_row *event = state_write_row(&fixture->state, fixture->history.event_region,
                                              history_slot(&fixture->history, number));
    *event = (struct event_row){
        .number = number + 1, .time_ms = time_ms, .carried = MISSING, .label = MISSING};
    return row;
}

static inline void fixture_run(struct fixture *fixture)
{
    features_extract(fixture->features, fixture->program, &fixture->state, fixture->batch,
                     &fixture->history);
}

#endif
