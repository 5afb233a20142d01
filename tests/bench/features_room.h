/* Features without the engine, to be measured: fields by name, formulas, a state, a batch.  Columns
 * are filled by the bench, field i is column i. */
#ifndef TESTS_BENCH_FEATURES_ROOM_H
#define TESTS_BENCH_FEATURES_ROOM_H

#include "features/features.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOM_FIELDS_MAX = 8 };

struct room {
    struct program program;
    struct features *features;
    struct program_resolver resolver;
    uint32_t field_count;
    struct field field[ROOM_FIELDS_MAX];
    struct state state;
    struct batch batch;
};

_Noreturn static inline void room_stop(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline uint32_t room_resolve(void *self, const struct syntax_node *node,
                                    struct syntax_error *error)
{
    const struct room *room = self;
    for (uint32_t i = 0; i < room->field_count; i++)
        if (strcmp(room->field[i].name, node->name) == 0)
            return i;
    snprintf(error->message, sizeof error->message, "no field '%s'", node->name);
    return VALUE_NONE;
}

static inline uint32_t room_window(void *self, const struct syntax *syntax,
                                   const struct syntax_node *node, struct syntax_error *error)
{
    struct room *room = self;
    return features_window(room->features, &room->program, syntax, node, &room->resolver, error);
}

static inline void room_open(struct room *room, const struct features_setting *setting)
{
    memset(room, 0, sizeof *room);
    program_init(&room->program, (struct hash_key){1, 2});
    room->features = features_open(setting);
    room->resolver = (struct program_resolver){room_resolve, room_window, room};
}

static inline void room_add_field(struct room *room, const char *name, bool is_key)
{
    struct field *field = &room->field[room->field_count++];
    snprintf(field->name, sizeof field->name, "%s", name);
    field->type = is_key ? FIELD_KEY : FIELD_NUMBER;
    uint32_t value = program_add_external(&room->program, is_key ? TYPE_TEXT : TYPE_NUMBER, 0,
                                          room->field_count);
    room->program.value[value].field = field;
}

/* The value that the formula's result is in. */
static inline uint32_t room_compile(struct room *room, const char *formula)
{
    static struct syntax syntax;
    struct syntax_error error;
    if (!syntax_parse(&syntax, formula, &error))
        room_stop(formula, error.message);
    uint32_t value = program_compile(&room->program, &syntax, syntax.root, &room->resolver, &error);
    if (value == VALUE_NONE)
        room_stop(formula, error.message);
    return value;
}

/* When all formulas are in. */
static inline void room_start(struct room *room)
{
    static struct state_layout layout;
    struct failure failure;
    program_finish(&room->program);
    state_layout_init(&layout);
    features_declare(room->features, &layout);
    if (state_open(&room->state, &layout, &failure) != STATUS_OK ||
        batch_open(&room->batch, room->program.value_count, 1, &failure) != STATUS_OK)
        room_stop("the state of a benchmark", failure.text);
    program_prepare(&room->program, &room->batch);
}

static inline void room_close(struct room *room)
{
    batch_close(&room->batch);
    state_close(&room->state);
    features_close(room->features);
    program_close(&room->program);
}

/* Of this thread: what others do on the machine does not count. */
static inline uint64_t room_cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#endif
