/* What the feature language can do with values: one row an operation, in operation.c.  A name may
 * have several rows, for different types; the first one that takes the arguments is meant. */
#ifndef BASE_OPERATION_H
#define BASE_OPERATION_H

#include "base/program.h"

/* What comes out. */
enum operation_result {
    GIVES_NUMBER,
    GIVES_BOOLEAN,
    GIVES_TIME,
    GIVES_DURATION,
    GIVES_TEXT,
    GIVES_LOCATION,
    GIVES_ALIKE,
};

/* For operations that need more than columns.  Spans are offsets from `bytes`. */
struct operation_call {
    union value *out;
    const union value *const *in;
    uint32_t count;
    struct span *out_text;                          /* NULL: nobody reads the bytes */
    const struct span *in_text[PROGRAM_INPUTS_MAX]; /* NULL likewise */
    char *bytes;
    uint32_t layer; /* offset of where the bytes that are made go, see batch.h */
    struct hash_key key;
    const void *with; /* of struct program_value */
};

struct operation {
    const char *name;
    uint32_t takes[PROGRAM_INPUTS_MAX]; /* of each argument: bits 1 << enum value_type; 0: none */
    uint32_t alike; /* bits of the arguments that must have one type (a boolean may be a number) */
    enum operation_result result; /* GIVES_ALIKE: that type */
    bool commutative; /* the order of the arguments makes no difference, to the last bit */
    bool chains;      /* takes more arguments too: f(f(a, b), c) */
    bool local;       /* of a time as clocks show it: takes a time zone besides */
    uint32_t reads;   /* bits of the arguments whose bytes it looks at */
    uint32_t passes;  /* bits of the arguments one of which is the result, bytes and all */
    bool makes_text;  /* a new one, into a layer */
    void (*run)(union value *restrict out, const union value *const *in, uint32_t count);
    /* Instead of `run`, or beside it for when the bytes of what it passes are asked for. */
    void (*call)(const struct operation_call *call);
};

/* What the types of an operation's arguments are, beside their number. */
struct operation_argument {
    enum value_type type;
    const struct field *field; /* of enums */
};

/* The row for these arguments, or NULL; fills what comes out. */
const struct operation *operation_find(const char *name, uint32_t count,
                                       const struct operation_argument *argument,
                                       struct operation_argument *result);

/* How many arguments the row takes. */
uint32_t operation_inputs(const struct operation *operation);

/* Which types any row of the name takes as this one of `count` arguments. */
uint32_t operation_takes(const char *name, uint32_t count, uint32_t argument);

/* The smallest and largest number of arguments; false if there is no such operation. */
bool operation_arity(const char *name, uint32_t *least, uint32_t *most);

/* Is it of a time as clocks show it? */
bool operation_is_local(const char *name);

/* Does f(a, b, c) mean f(f(a, b), c)? */
bool operation_chains(const char *name);

/* The function's row for people, or NULL if it is none. */
const struct program_function *function_find(const char *name);

/* "a number", "a time", ... */
const char *value_type_name(enum value_type type);

#endif
