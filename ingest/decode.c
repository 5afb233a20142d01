/* One value into its cell, whatever the format it came in: types, ranges, defaults, and the words
 * of a refusal; see decoder.h. */
#include "base/buffer.h"
#include "base/calendar.h"
#include "ingest/cells.h"
#include "ingest/decoder.h"
#include "ingest/number.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 40, SHOWN_SIZE = SHOWN_MAX + sizeof "...", EXPECTED_MAX = 96 };

/* The first moment after 2262, the last full year that 64 bits of nanoseconds reach.  Times beyond
 * are nearly always of another unit. */
static const double time_end_s = 9246182400.0;

/* ---- refusing ---- */

static void expect_choices(const struct field *field, struct buffer *expected)
{
    buffer_text(expected, "one of");
    for (uint32_t i = 0; i < field->choice_count && !expected->overflow; i++)
        buffer_format(expected, "%s %s", i ? "," : "", field->choices[i]);
}

static void expect_number(const struct field *field, struct buffer *expected)
{
    buffer_text(expected, "a number");
    if (field->minimum >= field->maximum)
        return;
    if (isinf(field->minimum) && isinf(field->maximum))
        return;
    if (isinf(field->maximum))
        buffer_format(expected, " of at least %g", field->minimum);
    else if (isinf(field->minimum))
        buffer_format(expected, " of at most %g", field->maximum);
    else
        buffer_format(expected, " from %g to %g", field->minimum, field->maximum);
}

/* What the field takes, in words, terminated. */
static void expect(const struct field *field, char words[EXPECTED_MAX])
{
    static const char *const unit[] = {"seconds", "milliseconds", "microseconds"};
    struct buffer expected;
    buffer_init(&expected, words, EXPECTED_MAX - 1);
    switch (field->type) {
    case FIELD_ID:
    case FIELD_KEY:
    case FIELD_TEXT:
        buffer_text(&expected, "a text or a whole number");
        break;
    case FIELD_NUMBER:
        expect_number(field, &expected);
        break;
    case FIELD_TIME:
        buffer_format(&expected, "a time from 1970 to 2262, ISO 8601 or %s", unit[field->unit]);
        break;
    case FIELD_BOOLEAN:
        buffer_text(&expected, "true or false");
        break;
    case FIELD_ENUM:
        expect_choices(field, &expected);
        break;
    case FIELD_LATITUDE:
        buffer_text(&expected, "a latitude from -90 to 90");
        break;
    case FIELD_LONGITUDE:
        buffer_text(&expected, "a longitude from -180 to 180");
        break;
    }
    words[expected.size] = '\0';
}

bool decode_refuse(const struct field *field, const char *found, struct batch *batch, uint32_t row)
{
    char expected[EXPECTED_MAX];
    expect(field, expected);
    batch_refuse(batch, row, "%.48s: expected %s, found %s", field->name, expected, found);
    return false;
}

/* Control characters would tear a line of a log. */
static void show_text(char *shown, const char *text, size_t size)
{
    size_t kept = size < SHOWN_MAX ? size : SHOWN_MAX;
    while (kept < size && kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80)
        kept--;
    for (size_t i = 0; i < kept; i++)
        shown[i] = (unsigned char)text[i] < 0x20 ? '?' : text[i];
    snprintf(shown + kept, SHOWN_SIZE - kept, "%s", kept < size ? "..." : "");
}

static bool refuse_text(const struct field *field, const char *text, size_t size,
                        struct batch *batch, uint32_t row)
{
    char shown[SHOWN_SIZE], found[SHOWN_SIZE + 32];
    show_text(shown, text, size);
    snprintf(found, sizeof found, "the text '%s'", shown);
    return decode_refuse(field, field->sensitive ? "another text" : found, batch, row);
}

static bool refuse_number(const struct field *field, double number, struct batch *batch,
                          uint32_t row)
{
    char found[SHOWN_MAX];
    snprintf(found, sizeof found, "%.15g", number);
    return decode_refuse(field, field->sensitive ? "another number" : found, batch, row);
}

/* ---- storing ---- */

/* Seconds as a binary fraction are off by less than 2 microseconds until 2262: without the
 * allowance .123 could become 122 ms. */
static int64_t milliseconds_of(double seconds)
{
    return (int64_t)(seconds * SECOND_MS + 0.002);
}

static bool store_time(const struct field *field, double seconds, struct batch *batch, uint32_t row)
{
    if (field->role == ROLE_TIME)
        batch->time_ms[row] = milliseconds_of(seconds);
    return cell_number(field, seconds, batch, row);
}

/* Where the text stands in the payload, or a copy of it; false if there is no room for one. */
static bool keep_text(const char *text, size_t size, struct batch *batch, uint32_t row,
                      struct span *span)
{
    struct span payload = batch->payload[row];
    const char *start = batch_bytes(batch, payload);
    if ((uintptr_t)text >= (uintptr_t)start && (uintptr_t)text < (uintptr_t)start + payload.size) {
        *span = (struct span){payload.offset + (uint32_t)(text - start), (uint32_t)size};
        return true;
    }
    return batch_keep_text(batch, row, text, size, span);
}

static bool store_key(const struct schema *schema, const struct field *field, const char *text,
                      size_t size, struct batch *batch, uint32_t row)
{
    /* What comes after a zero byte is invisible to many who read the outputs. */
    if (memchr(text, '\0', size))
        return decode_refuse(field, "a text with a zero byte", batch, row);
    struct span span = {0, 0};
    bool kept = field->text_slot != SLOT_NONE || field->role == ROLE_ID;
    if (kept && !keep_text(text, size, batch, row, &span))
        return decode_refuse(field, "more texts than the record has room for", batch, row);
    cell_span(field, span, batch, row);
    cell_hash(field, hash_bytes(schema->key, text, size), batch, row);
    return true;
}

/* ---- converting ---- */

static bool number_in_range(const struct field *field, double number)
{
    if (field->type == FIELD_LATITUDE)
        return number >= -90 && number <= 90;
    if (field->type == FIELD_LONGITUDE)
        return number >= -180 && number <= 180;
    /* Equal bounds (0 and 0) mean none. */
    bool bounded = field->minimum < field->maximum;
    bool inside = number >= field->minimum && number <= field->maximum;
    return isfinite(number) && (!bounded || inside);
}

static bool decode_epoch(const struct field *field, double number, struct batch *batch,
                         uint32_t row)
{
    static const double per_second[] = {1, 1e3, 1e6};
    double seconds = number / per_second[field->unit];
    if (!(seconds >= 0 && seconds < time_end_s))
        return refuse_number(field, number, batch, row);
    return store_time(field, seconds, batch, row);
}

/* A label's class that is a number however it is written; choice_count: there is none. */
static uint32_t find_class(const struct field *field, double number)
{
    double choice;
    uint32_t i = 0;
    while (
        i < field->choice_count &&
        !(number_parse(field->choices[i], strlen(field->choices[i]), &choice) && choice == number))
        i++;
    return i;
}

/* An empty first class stands for all that the others are not. */
static bool takes_any(const struct field *field)
{
    return field->role == ROLE_LABEL && field->choice_count > 0 && !field->choices[0][0];
}

static bool decode_choice(const struct field *field, const char *text, size_t size,
                          struct batch *batch, uint32_t row)
{
    double number;
    uint32_t choice = field->choice_count;
    for (uint32_t i = 0; i < field->choice_count; i++)
        if (strlen(field->choices[i]) == size && memcmp(text, field->choices[i], size) == 0)
            return cell_number(field, i, batch, row);
    if (field->role == ROLE_LABEL && number_parse(text, size, &number))
        choice = find_class(field, number);
    if (choice < field->choice_count || takes_any(field))
        return cell_number(field, choice % field->choice_count, batch, row);
    return refuse_text(field, text, size, batch, row);
}

/* A number that is no whole one in JSON, such as 1.0. */
static bool decode_class(const struct field *field, double number, struct batch *batch,
                         uint32_t row)
{
    uint32_t choice = find_class(field, number);
    if (choice < field->choice_count || takes_any(field))
        return cell_number(field, choice % field->choice_count, batch, row);
    return refuse_number(field, number, batch, row);
}

bool decode_number(const struct field *field, double number, struct batch *batch, uint32_t row)
{
    number += 0.0; /* makes -0 be 0: equal values are equal bytes */
    switch (field->type) {
    case FIELD_ENUM:
        return field->role == ROLE_LABEL ? decode_class(field, number, batch, row)
                                         : refuse_number(field, number, batch, row);
    case FIELD_NUMBER:
    case FIELD_LATITUDE:
    case FIELD_LONGITUDE:
        if (!number_in_range(field, number))
            return refuse_number(field, number, batch, row);
        return cell_number(field, number, batch, row);
    case FIELD_TIME:
        return decode_epoch(field, number, batch, row);
    case FIELD_BOOLEAN:
        if (number != 0 && number != 1)
            return refuse_number(field, number, batch, row);
        return cell_number(field, number, batch, row);
    default:
        return refuse_number(field, number, batch, row);
    }
}

bool decode_integer(const struct schema *schema, const struct field *field, int64_t number,
                    struct batch *batch, uint32_t row)
{
    if (!field_type_is_key(field->type) && field->type != FIELD_ENUM)
        return decode_number(field, (double)number, batch, row);
    char digits[24];
    struct buffer text;
    buffer_init(&text, digits, sizeof digits);
    buffer_integer(&text, number);
    return decode_text(schema, field, digits, text.size, batch, row);
}

bool decode_boolean(const struct field *field, bool value, struct batch *batch, uint32_t row)
{
    if (field->type == FIELD_ENUM && field->role == ROLE_LABEL)
        return decode_choice(field, value ? "true" : "false", value ? 4 : 5, batch, row);
    if (field->type == FIELD_BOOLEAN || (field->type == FIELD_NUMBER && field->role == ROLE_LABEL))
        return cell_number(field, value, batch, row);
    return decode_refuse(field, value ? "true" : "false", batch, row);
}

static bool text_is(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

static bool decode_truth(const struct field *field, const char *text, size_t size,
                         struct batch *batch, uint32_t row)
{
    bool yes = text_is(text, size, "true") || text_is(text, size, "1");
    if (!yes && !text_is(text, size, "false") && !text_is(text, size, "0"))
        return refuse_text(field, text, size, batch, row);
    return cell_number(field, yes, batch, row);
}

static bool decode_moment(const struct field *field, const char *text, size_t size,
                          struct batch *batch, uint32_t row)
{
    int64_t time_ms;
    double number;
    if (!calendar_parse(text, size, &time_ms)) {
        if (number_parse(text, size, &number))
            return decode_epoch(field, number, batch, row);
        return refuse_text(field, text, size, batch, row);
    }
    double seconds = (double)time_ms / SECOND_MS;
    if (!(seconds >= 0 && seconds < time_end_s))
        return refuse_text(field, text, size, batch, row);
    return store_time(field, seconds, batch, row);
}

static bool decode_decimal(const struct field *field, const char *text, size_t size,
                           struct batch *batch, uint32_t row)
{
    double number;
    if (number_parse(text, size, &number))
        return decode_number(field, number, batch, row);
    if (field->role == ROLE_LABEL)
        return decode_truth(field, text, size, batch, row);
    return refuse_text(field, text, size, batch, row);
}

bool decode_text(const struct schema *schema, const struct field *field, const char *text,
                 size_t size, struct batch *batch, uint32_t row)
{
    if (size == 0)
        return decode_missing(schema, field, batch, row);
    if (size > SCHEMA_TEXT_MAX)
        return decode_refuse(field, "a text of more than 4096 bytes", batch, row);
    switch (field->type) {
    case FIELD_ID:
    case FIELD_KEY:
    case FIELD_TEXT:
        return store_key(schema, field, text, size, batch, row);
    case FIELD_TIME:
        return decode_moment(field, text, size, batch, row);
    case FIELD_BOOLEAN:
        return decode_truth(field, text, size, batch, row);
    case FIELD_ENUM:
        return decode_choice(field, text, size, batch, row);
    default:
        return decode_decimal(field, text, size, batch, row);
    }
}

/* ---- missing values ---- */

static void blank_field(const struct field *field, struct batch *batch, uint32_t row)
{
    if (field->slot != SLOT_NONE && field_type_is_key(field->type))
        batch_column(batch, field->slot)[row].key = 0;
    else if (field->slot != SLOT_NONE)
        batch_column(batch, field->slot)[row].number = MISSING;
    if (field->text_slot != SLOT_NONE)
        batch_texts(batch, field->text_slot)[row] = (struct span){0, 0};
}

bool decode_missing(const struct schema *schema, const struct field *field, struct batch *batch,
                    uint32_t row)
{
    if (field->has_fallback && field_type_is_key(field->type) && field->fallback_text[0])
        return store_key(schema, field, field->fallback_text, strlen(field->fallback_text), batch,
                         row);
    if (field->has_fallback && field->type == FIELD_TIME)
        return store_time(field, field->fallback, batch, row);
    if (field->has_fallback && !field_type_is_key(field->type))
        return cell_number(field, field->fallback, batch, row);
    if (field->required || field->role == ROLE_TIME)
        return decode_refuse(field, "nothing", batch, row);
    blank_field(field, batch, row);
    return true;
}

/* A dead row's id_text stays as the decoder left it: it names the record in the dead letter. */
void decode_blank(const struct schema *schema, struct batch *batch, uint32_t row)
{
    batch->id[row] = 0;
    if (!batch->dead[row])
        batch->id_text[row] = (struct span){0, 0};
    batch->label[row] = MISSING;
    for (uint32_t i = 0; i < schema->field_count; i++)
        blank_field(&schema->field[i], batch, row);
}
