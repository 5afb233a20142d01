/* Collecting mistakes; see findings.h. */
#include "base/findings.h"
#include "base/assert.h"
#include "base/buffer.h"
#include "base/suggest.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 48 };

/* NULL when there are enough already: who has a thousand mistakes has one. */
static struct finding *findings_next(struct findings *findings)
{
    if (findings->count == FINDINGS_MAX) {
        findings->dropped++;
        return NULL;
    }
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? findings->capacity * 2 : 16;
        findings->list = realloc(findings->list, findings->capacity * sizeof *findings->list);
        ASSERT(findings->list);
    }
    struct finding *finding = &findings->list[findings->count++];
    memset(finding, 0, sizeof *finding);
    return finding;
}

static void finding_fill(struct finding *finding, const char *path, const char *format,
                         va_list arguments)
{
    snprintf(finding->path, sizeof finding->path, "%s", path);
    vsnprintf(finding->message, sizeof finding->message, format, arguments);
}

void findings_add(struct findings *findings, const char *path, uint32_t column, const char *format,
                  ...)
{
    struct finding *finding = findings_next(findings);
    if (!finding)
        return;
    va_list arguments;
    va_start(arguments, format);
    finding_fill(finding, path, format, arguments);
    va_end(arguments);
    finding->column = column;
}

void findings_add_formula(struct findings *findings, const char *path, const char *formula,
                          uint32_t column, const char *message)
{
    struct finding *finding = findings_next(findings);
    if (!finding)
        return;
    snprintf(finding->path, sizeof finding->path, "%s", path);
    snprintf(finding->message, sizeof finding->message, "%s", message);
    finding->column = column;
    finding->formula = strdup(formula);
    ASSERT(finding->formula);
}

void findings_add_key(struct findings *findings, const char *path, const char *format, ...)
{
    struct finding *finding = findings_next(findings);
    if (!finding)
        return;
    va_list arguments;
    va_start(arguments, format);
    finding_fill(finding, path, format, arguments);
    va_end(arguments);
    finding->key_itself = true;
}

void findings_close(struct findings *findings)
{
    for (uint32_t i = 0; i < findings->count; i++)
        free(findings->list[i].formula);
    free(findings->list);
    *findings = (struct findings){0};
}

/* A long value is cut, between characters. */
static void describe_scalar(const json_t *value, char into[FOUND_MAX])
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    ASSERT(text);
    size_t size = strlen(text);
    if (size >= FOUND_MAX) {
        size = FOUND_MAX - 5;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
        memcpy(text + size, "...\"", 5);
    }
    snprintf(into, FOUND_MAX, "%s", text);
    free(text);
}

void findings_add_type(struct findings *findings, const char *path, const char *expected,
                       const json_t *found)
{
    char text[FOUND_MAX];
    if (json_is_object(found))
        snprintf(text, sizeof text, "an object");
    else if (json_is_array(found))
        snprintf(text, sizeof text, "a list");
    else if (found)
        describe_scalar(found, text);
    else
        snprintf(text, sizeof text, "nothing");
    findings_add(findings, path, 0, "expected %s, found %s", expected, text);
}

static void write_known(struct buffer *text, const char *(*known)(const void *self, uint32_t index),
                        const void *self)
{
    buffer_text(text, known(self, 0) ? "; known: " : "; none is known here");
    for (uint32_t i = 0; known(self, i); i++) {
        if (text->size + strlen(known(self, i)) + 8 > text->capacity) {
            buffer_text(text, " ...");
            return;
        }
        buffer_format(text, "%s%s", i == 0 ? "" : ", ", known(self, i));
    }
}

void findings_add_unknown(struct findings *findings, const char *path, bool key, const char *what,
                          const char *wanted,
                          const char *(*known)(const void *self, uint32_t index), const void *self)
{
    const char *best = NULL;
    size_t distance = 0;
    for (uint32_t i = 0; known(self, i); i++)
        suggest_offer(wanted, known(self, i), &best, &distance);
    char bytes[320];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes - 1);
    buffer_format(&text, "unknown %s '%.64s'", what, wanted);
    if (best)
        buffer_format(&text, "; did you mean '%s'?", best);
    else
        write_known(&text, known, self);
    bytes[text.size] = '\0';
    if (key)
        findings_add_key(findings, path, "%s", bytes);
    else
        findings_add(findings, path, 0, "%s", bytes);
}

const char *path_member(char into[FINDING_PATH_MAX], const char *path, const char *member)
{
    const char *dot = *path && *member ? "." : "";
    snprintf(into, FINDING_PATH_MAX, "%s%s%s", path, dot, member);
    return into;
}

const char *path_item(char into[FINDING_PATH_MAX], const char *path, size_t index)
{
    snprintf(into, FINDING_PATH_MAX, "%s[%zu]", path, index);
    return into;
}
