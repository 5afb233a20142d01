/* Formulas compiled to a flat program: a graph of values in which equal sub-formulas are one value,
 * run column by column over a batch.  A value's index is its column in the batch.
 *
 * Values have levels.  Fields and constants are level 0; a formula has the highest level of its
 * inputs; a window's result is one level above its inputs (so a window may be taken over a formula
 * of windows).  The engine runs level 0 formulas, level 1 windows, level 1 formulas, and so on.
 * Scores sit at PROGRAM_SCORE_LEVEL: what depends on a score is run after scoring, row by row.
 *
 * Missing values: arithmetic and functions of a missing value are missing; a comparison with a
 * missing value is false (also !=); `and`, `or`, `not`, `if` take a missing condition as false;
 * coalesce(x, y) is y where x is missing; is_missing(x) asks.  Division by zero, and whatever else
 * is not a finite number, is missing.  x in L and x not in L are comparisons: false where x is
 * missing.  An empty text is a missing one; prefix, suffix, contains and matches of a missing text
 * are missing, like all functions.
 *
 * Types: a boolean serves as the number 0 or 1 where a number is asked for, not the other way
 * round; a duration as its number of seconds.  What durations alone give is a duration (also one
 * times or by a number), but one by another is a number.  Time - time is a duration, time +-
 * duration is a time; times compare with times.  Keys, ids and texts are TYPE_TEXT, which is
 * compared by hash; functions that look at its bytes take fields, literals and what such functions
 * gave, not what comes out of a window, of which only the hash is kept.  A text literal beside a
 * time is read as one (time > '2018-05-01'), beside an enum it must be one of its choices.  x % y
 * has the sign of y.  A location is a pair of numbers for the aggregates that ask for one. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/batch.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/syntax.h"
#include <stdbool.h>
#include <stdint.h>

enum { PROGRAM_VALUES_MAX = 1024, PROGRAM_INPUTS_MAX = 3, PROGRAM_SCORE_LEVEL = 32 };

#define VALUE_NONE UINT32_MAX

/* In this order since the first: state and files remember the numbers. */
enum value_type {
    TYPE_NUMBER,
    TYPE_BOOLEAN,
    TYPE_TIME,
    TYPE_TEXT,
    TYPE_ENUM,
    TYPE_DURATION, /* seconds */
    TYPE_LOCATION, /* its cell is a hash of both numbers, its inputs are they */
    VALUE_TYPES,
};

/* A keyed hash in its cell, not a number. */
static inline bool value_type_is_key(enum value_type type)
{
    return type == TYPE_TEXT || type == TYPE_LOCATION;
}

struct zone;      /* zone.h */
struct zones;     /* zones.h */
struct operation; /* a row of the operation table, operation.h */

struct program_value {
    const struct operation *operation; /* NULL: filled from outside (field, window, score) */
    enum value_type type;
    uint8_t level;
    bool constant;
    uint32_t input_count;
    uint32_t input[PROGRAM_INPUTS_MAX];
    union value literal;      /* of a constant */
    struct span literal_text; /* of a constant text: in the program's literals */
    uint32_t text_slot;       /* of a text whose bytes somebody reads: row of batch.texts */
    bool passes_bytes;        /* of a text that is passed on: its bytes can be had */
    uint32_t layer;           /* of a text that is made: where its bytes go; 0: nowhere */
    const void *with; /* what its operation needs besides inputs: a set, a pattern, a zone */
    const struct field *field; /* of an enum: for its choices; whoever adds a field sets it */
    uint64_t fingerprint; /* of what it computes, by names not indices: same meaning, same print */
};

/* What a program owns and frees. */
struct program_resource {
    void *what;
    void (*close)(void *what);
};

struct program {
    struct hash_key key;       /* text literals are hashed with it, as fields are */
    const struct lists *lists; /* that formulas may name; NULL: none */
    struct zones *zones;       /* where those are found that formulas name; NULL: in tzdata */
    const struct zone *zone;   /* of hour, day and so on that name none; NULL: UTC */
    uint32_t text_count;       /* rows of batch.texts; fields take theirs first */
    uint32_t layer_count;      /* of the batch, without its first */
    char *literals;            /* bytes of the texts in formulas */
    uint32_t literals_size;
    uint32_t resource_count;
    struct program_resource resource[PROGRAM_VALUES_MAX];
    uint32_t value_count;
    struct program_value value[PROGRAM_VALUES_MAX];
    /* run order: values with an operation, sorted by level; level l is [start[l], start[l + 1]) */
    uint32_t order_count;
    uint32_t order[PROGRAM_VALUES_MAX];
    uint32_t level_start[PROGRAM_SCORE_LEVEL + 3];
};

/* How names and windows are found while a formula is compiled.  Both return a value, or VALUE_NONE
 * with the error filled (its column is relative to the formula being compiled; they may leave it as
 * given). */
struct program_resolver {
    uint32_t (*name)(void *self, const struct syntax_node *node, struct syntax_error *error);
    uint32_t (*window)(void *self, const struct syntax *syntax, const struct syntax_node *node,
                       struct syntax_error *error); /* a call that is no function of the language */
    void *self;
};

void program_init(struct program *program, struct hash_key key);
void program_close(struct program *program);

/* Has the program free it; at once, and false, if it owns too much already. */
bool program_keep(struct program *program, void *what, void (*close)(void *what));

/* A value that somebody else fills: a field, a window's result, a score.  VALUE_NONE if there are
 * PROGRAM_VALUES_MAX already; the same for the next ones. */
uint32_t program_add_external(struct program *program, enum value_type type, uint8_t level,
                              uint64_t fingerprint);

uint32_t program_add_number(struct program *program, double number);
uint32_t program_add_boolean(struct program *program, bool truth);
uint32_t program_add_time(struct program *program, double seconds);
uint32_t program_add_duration(struct program *program, double seconds);
uint32_t program_add_text(struct program *program, const char *text, size_t size);

/* The index of one of an enum's choices. */
uint32_t program_add_choice(struct program *program, const struct field *field, uint32_t choice);

/* An operation's value of inputs whose types it takes: one that is there already if it means the
 * same, a constant if all inputs are. */
uint32_t program_add(struct program *program, const struct operation *operation,
                     const uint32_t *input);

/* The same for an operation that needs more than its inputs; `print` says what that means. */
uint32_t program_add_with(struct program *program, const struct operation *operation,
                          const uint32_t *input, const void *with, uint64_t print);

/* Can the bytes of a text be had, and not only its hash? */
bool program_has_bytes(const struct program *program, uint32_t value);

/* Compiles a node and what is below it; VALUE_NONE with the error on a mistake.  A call is a
 * function of the language if it has such a name and no window clause (min and max are aggregates
 * as well); all others go to resolver->window.  A resolver without `name` or `window` knows none.
 */
uint32_t program_compile(struct program *program, const struct syntax *syntax, uint32_t node,
                         const struct program_resolver *resolver, struct syntax_error *error);

/* Sorts the run order; call once when all formulas are in, before the first run. */
void program_finish(struct program *program);

/* Fills the constants' columns of a fresh batch. */
void program_prepare(const struct program *program, const struct batch *batch);

/* Runs the formulas of one level over rows [from, to). */
void program_run(const struct program *program, uint32_t level, const struct batch *batch,
                 uint32_t from, uint32_t to);

/* Runs everything that depends on scores over rows [from, to). */
void program_run_scored(const struct program *program, const struct batch *batch, uint32_t from,
                        uint32_t to);

/* The functions of the language, for `weir list functions`. */
struct program_function {
    const char *name, *signature, *types, *example, *summary;
};
const struct program_function *program_functions(uint32_t *count);

/* Offers all function names to a search for the nearest (suggest.h). */
void program_suggest(const char *wanted, const char **best, size_t *distance);

#endif
