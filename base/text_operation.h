/* Operations that look at the bytes of texts, or look a value up in a set; rows of operation.c. */
#ifndef BASE_TEXT_OPERATION_H
#define BASE_TEXT_OPERATION_H

#include "base/operation.h"

void call_lower(const struct operation_call *call);
void call_domain(const struct operation_call *call);
void call_prefix(const struct operation_call *call);
void call_suffix(const struct operation_call *call);
void call_contains(const struct operation_call *call);
void call_length(const struct operation_call *call);
void call_matches(const struct operation_call *call); /* with: struct pattern */

/* What is passed on, with its bytes. */
void call_if_text(const struct operation_call *call);
void call_coalesce_text(const struct operation_call *call);

/* with: struct key_set, of keys, or of numbers as number_word gives them */
void call_in_keys(const struct operation_call *call);
void call_not_in_keys(const struct operation_call *call);
void call_in_numbers(const struct operation_call *call);
void call_not_in_numbers(const struct operation_call *call);
/* with: struct networks */
void call_in_networks(const struct operation_call *call);
void call_not_in_networks(const struct operation_call *call);

/* with: struct zone; a time as its clocks show it */
void call_local(const struct operation_call *call);

/* Of equal numbers, the same word; 0 and -0 are equal. */
static inline uint64_t number_word(double number)
{
    union value value = {.number = number + 0.0};
    return value.key;
}

#endif
