/* Findings with their places, for people; see config.h. */
#include "engine/config.h"
#include "engine/locate.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int compare_findings(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->line_column != b->line_column)
        return a->line_column < b->line_column ? -1 : 1;
    int paths = strcmp(a->path, b->path);
    return paths ? paths : strcmp(a->message, b->message);
}

void config_locate_findings(const struct config *config, struct findings *findings)
{
    for (uint32_t i = 0; config->root && i < findings->count; i++) {
        struct finding *finding = &findings->list[i];
        if (finding->line > 0)
            continue;
        struct place place = locate_path(config->text, config->text_size, finding->path,
                                         finding->key_itself, finding->column);
        finding->line = place.line;
        finding->line_column = place.column;
    }
    if (findings->count > 1)
        qsort(findings->list, findings->count, sizeof *findings->list, compare_findings);
}

/* Names come from the file: a control character in one must not steer the terminal. */
static void write_plain(const char *text, FILE *file)
{
    for (; *text; text++)
        fputc(iscntrl((unsigned char)*text) ? '?' : *text, file);
}

/* Of a long formula the surroundings of the place, cut between characters. */
enum { SHOWN_BEFORE = 60, SHOWN_AFTER = 35 };

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

/* `count` characters before `at`, or as many as there are. */
static size_t step_back(const char *text, size_t at, uint32_t count)
{
    while (at > 0 && count > 0)
        count -= begins_character(text[--at]);
    return at;
}

static size_t step_forward(const char *text, size_t at, size_t size, uint32_t count)
{
    while (at < size && (count > 0 || !begins_character(text[at])))
        count -= begins_character(text[at++]);
    return at;
}

/*     amount > 100 and caard == 'x'
 *                      ^
 */
static void write_formula(const struct finding *finding, FILE *file)
{
    const char *text = finding->formula;
    size_t size = strlen(text), at = finding->column < size ? finding->column : size;
    size_t from = step_back(text, at, SHOWN_BEFORE);
    size_t to = step_forward(text, at, size, SHOWN_AFTER);
    from = from <= strlen("...") ? 0 : from;
    fprintf(file, "    %s", from ? "..." : "");
    for (size_t i = from; i < to; i++)
        fputc(iscntrl((unsigned char)text[i]) ? ' ' : text[i], file);
    fprintf(file, "%s\n    %s", to < size ? "..." : "", from ? "   " : "");
    for (size_t i = from; i < at; i++)
        if (begins_character(text[i]))
            fputc(' ', file);
    fputs("^\n", file);
}

void config_write_findings(const struct config *config, const struct findings *findings, FILE *file)
{
    const char *name = strcmp(config->path, "-") == 0 ? "(standard input)" : config->path;
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        fprintf(file, "%s:", name);
        if (finding->line > 0)
            fprintf(file, "%u:%u:", finding->line, finding->line_column);
        fputc(' ', file);
        write_plain(finding->path, file);
        fputs(finding->path[0] ? ": " : "", file);
        write_plain(finding->message, file);
        fputc('\n', file);
        if (finding->formula)
            write_formula(finding, file);
    }
    if (findings->dropped > 0)
        fprintf(file, "%s: and %u more\n", name, findings->dropped);
}

void config_print_findings(const struct config *config, struct findings *findings)
{
    config_locate_findings(config, findings);
    config_write_findings(config, findings, stderr);
}
