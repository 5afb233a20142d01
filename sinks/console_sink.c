/* Outputs for people: one readable line each, in colour on a terminal.
 *
 *   12:03:44  BLOCK   0.97  card ****1234  259.90 EUR  rules: too_fast; amount_ratio +2.1 */
#include "base/buffer.h"
#include "sinks/sink.h"
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 4096, FIELDS_MAX = 6 };
enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct console_option {
    int colour;
};

struct console_sink {
    bool coloured[STREAMS];
    bool waiting;
    uint64_t settled;
};

#define PAINT_PLAIN "\033[0m"
#define PAINT_RED "\033[1;31m"
#define PAINT_YELLOW "\033[33m"
#define PAINT_GREEN "\033[32m"
#define PAINT_CYAN "\033[36m"

/* What is printed came from strangers: control characters would steer the terminal. */
static void append_clean(struct buffer *line, const char *text)
{
    for (; *text; text++)
        buffer_bytes(line, iscntrl((unsigned char)*text) ? "?" : text, 1);
}

static void append_value(struct buffer *line, const json_t *value)
{
    if (json_is_string(value))
        append_clean(line, json_string_value(value));
    else if (json_is_integer(value))
        buffer_integer(line, json_integer_value(value));
    else if (json_is_real(value))
        buffer_number(line, json_real_value(value));
    else
        buffer_text(line, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

/* "12:03:44" out of "2018-04-01T12:03:44.250Z". */
static void append_time(struct buffer *line, const json_t *root)
{
    const char *time = json_string_value(json_object_get(root, "time"));
    const char *clock = time ? strchr(time, 'T') : NULL;
    char hours[9] = "--:--:--";
    if (clock && strlen(clock) > 8)
        memcpy(hours, clock + 1, 8);
    append_clean(line, hours);
    buffer_text(line, "  ");
}

static const char *outcome_paint(const char *outcome)
{
    if (strcmp(outcome, "allow") == 0)
        return PAINT_GREEN;
    return strcmp(outcome, "review") == 0 ? PAINT_YELLOW : PAINT_RED;
}

static void append_outcome(struct buffer *line, const char *outcome, bool coloured)
{
    char upper[16];
    size_t size = 0;
    for (; outcome[size] && size + 1 < sizeof upper; size++)
        upper[size] = (char)toupper((unsigned char)outcome[size]);
    upper[size] = '\0';
    if (coloured)
        buffer_text(line, outcome_paint(outcome));
    append_clean(line, upper);
    for (; size < 6; size++)
        buffer_text(line, " ");
    if (coloured)
        buffer_text(line, PAINT_PLAIN);
}

/* Money reads "259.90 EUR", anything else "name value". */
static void append_event(struct buffer *line, const json_t *event)
{
    const char *currency = json_string_value(json_object_get(event, "currency"));
    const char *name;
    json_t *value;
    int shown = 0;
    json_object_foreach((json_t *)(uintptr_t)event, name, value)
    {
        bool told = strcmp(name, "currency") == 0 || strcmp(name, "time") == 0 ||
                    strcmp(name, "id") == 0 || json_is_null(value) || json_is_object(value) ||
                    json_is_array(value);
        if (told || ++shown > FIELDS_MAX)
            continue;
        buffer_text(line, "  ");
        if (json_is_number(value) && strcmp(name, "amount") == 0) {
            buffer_decimal(line, json_number_value(value), 2);
            buffer_text(line, currency ? " " : "");
            append_clean(line, currency ? currency : "");
            continue;
        }
        append_clean(line, name);
        buffer_text(line, " ");
        append_value(line, value);
    }
}

/* "rules: too_fast, night; amount_ratio +2.1, idle -0.3" */
static void append_why(struct buffer *line, const json_t *rules, const json_t *reasons)
{
    size_t index;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)rules, index, item)
    {
        buffer_text(line, index == 0 ? "  rules: " : ", ");
        append_value(line, item);
    }
    json_array_foreach((json_t *)(uintptr_t)reasons, index, item)
    {
        const char *separator = json_array_size(rules) > 0 ? "; " : "  ";
        const char *feature = json_string_value(json_object_get(item, "feature"));
        double contribution = json_number_value(json_object_get(item, "contribution"));
        buffer_text(line, index == 0 ? separator : ", ");
        append_clean(line, feature ? feature : "?");
        buffer_format(line, " %+.1f", contribution);
    }
}

static bool append_alert(struct buffer *line, const json_t *root, bool coloured)
{
    const char *outcome = json_string_value(json_object_get(root, "outcome"));
    if (!outcome)
        return false;
    const json_t *score = json_object_get(root, "score");
    append_time(line, root);
    append_outcome(line, outcome, coloured);
    if (json_is_number(score)) {
        buffer_text(line, "  ");
        buffer_decimal(line, json_number_value(score), 2);
    }
    append_event(line, json_object_get(root, "event"));
    append_why(line, json_object_get(root, "rules"), json_object_get(root, "reasons"));
    return true;
}

static bool append_model_event(struct buffer *line, const json_t *root, bool coloured)
{
    const char *kind = json_string_value(json_object_get(root, "event"));
    const char *model = json_string_value(json_object_get(root, "model"));
    const char *detail = json_string_value(json_object_get(root, "detail"));
    if (!kind)
        return false;
    append_time(line, root);
    buffer_text(line, coloured ? PAINT_CYAN : "");
    append_clean(line, kind);
    buffer_text(line, coloured ? PAINT_PLAIN : "");
    if (model && model[0]) {
        buffer_text(line, "  ");
        append_clean(line, model);
    }
    if (detail && detail[0]) {
        buffer_text(line, "  ");
        append_clean(line, detail);
    }
    return true;
}

/* An alert of somebody who has not spoken. */
static bool append_silence(struct buffer *line, const json_t *root, bool coloured)
{
    const char *kind = json_string_value(json_object_get(root, "silence"));
    const char *entity = json_string_value(json_object_get(root, "entity"));
    const char *last = json_string_value(json_object_get(root, "last"));
    if (!kind || !entity || !last)
        return false;
    append_time(line, root);
    append_outcome(line, "silent", coloured);
    buffer_text(line, "  ");
    append_clean(line, kind);
    buffer_text(line, " ");
    append_clean(line, entity);
    buffer_text(line, "  since ");
    append_clean(line, last);
    return true;
}

static enum status print_line(const char *bytes, size_t size, struct failure *failure)
{
    if (fwrite(bytes, 1, size, stdout) == size && putchar('\n') != EOF)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "could not write standard output: %s",
                       strerror(errno));
}

static enum status console_put(void *self, const struct output *output, struct failure *failure)
{
    struct console_sink *sink = self;
    bool coloured = sink->coloured[output->stream];
    char text[LINE_MAX_SIZE];
    struct buffer line;
    buffer_init(&line, text, sizeof text);
    json_t *root = json_loadb(output->bytes, output->size, 0, NULL);
    bool readable = json_is_object(root) && (append_alert(&line, root, coloured) ||
                                             append_model_event(&line, root, coloured) ||
                                             append_silence(&line, root, coloured));
    json_decref(root);
    sink->waiting = true;
    if (readable)
        return print_line(line.bytes, line.size, failure);
    return print_line(output->bytes, output->size, failure);
}

static bool wants_colour(int colour)
{
    if (colour == COLOUR_AUTO)
        return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return colour == COLOUR_ALWAYS;
}

static enum status console_open(void **self, const struct sink_setting *setting,
                                struct failure *failure)
{
    struct console_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return failure_set(failure, STATUS_STOP, "could not open sink console: out of memory");
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        const struct console_option *option = setting->options[stream];
        sink->coloured[stream] = option && wants_colour(option->colour);
    }
    *self = sink;
    return STATUS_OK;
}

static enum status console_settle(void *self, uint64_t sequence, struct failure *failure)
{
    struct console_sink *sink = self;
    if (sink->waiting && fflush(stdout) != 0)
        return failure_set(failure, STATUS_STOP, "could not write standard output: %s",
                           strerror(errno));
    sink->waiting = false;
    sink->settled = sequence;
    return STATUS_OK;
}

static enum status console_settled(void *self, uint64_t *sequence, struct failure *failure)
{
    (void)failure;
    *sequence = ((struct console_sink *)self)->settled;
    return STATUS_OK;
}

static int console_descriptor(void *self)
{
    (void)self;
    return -1;
}

static const struct option console_options[] = {
    {.name = "colour",
     .help = "auto: on a terminal, unless NO_COLOR is set",
     .type = OPTION_CHOICE,
     .standard = "auto",
     .offset = offsetof(struct console_option, colour),
     .choices = (const char *const[]){"auto", "always", "never", NULL}},
    OPTION_END,
};

const struct sink_kind console_sink = {
    .name = "console",
    .summary = "one readable line each on standard output",
    .options = console_options,
    .option_size = sizeof(struct console_option),
    .open = console_open,
    .put = console_put,
    .settle = console_settle,
    .settled = console_settled,
    .descriptor = console_descriptor,
    .close = free,
};
