/* Random windows and random streams for them: ties, late events, pauses, labels in all ways. */
#ifndef TESTS_PROPERTY_FEATURES_STREAM_H
#define TESTS_PROPERTY_FEATURES_STREAM_H

#include "base/random.h"
#include "features/aggregate.h"
#include "tests/property/features_forms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 220, WINDOWS = 10, STREAMS = 700, VALUES = 128 };

/* One window as the test understands it. */
struct expectation {
    char formula[200];
    char kind[16];
    char argument_text[2][24];
    uint32_t value;                        /* its result */
    uint32_t argument, second, where, and; /* values or VALUE_NONE */
    double parameter;
    uint32_t by; /* 1: card, 2: merchant, 3: both */
    struct window_form form;
    char condition[40]; /* all of it but what it says of the label; empty: none */
    enum drawn_label where_label;
    bool before, label;
};

struct record {
    enum record_kind kind;
    bool dead;
    int64_t time_ms;
    uint64_t card, merchant;
    double amount, flag, country;
    uint64_t number; /* of the event, or the event that the label is about */
    double label, carried, early;
    enum join join;
    struct matured told;
};

/* What the test remembers of an event, for each of the three kinds of entities. */
struct past {
    int64_t time_ms;
    uint64_t key[4];
    bool entered[4], held[4];
    int64_t dropped_ms[4]; /* the newest time when it was dropped early; INT64_MAX: it was not */
    uint64_t spilled[4];   /* the how-manieth that panes took; 0: not */
    double spilled_label[4];
    bool passed_by[4]; /* it came when it was older than all slots */
    double label;
    union value value[VALUES];
};

struct stream {
    uint64_t seed;
    struct random random;
    int64_t scale;    /* of all times: seconds, or near hours for the sake of periods */
    int64_t grain_ms; /* all times are multiples: windows end just where events are */
    int64_t lateness_ms;
    int64_t events_max, entities_max, memory;
    uint32_t scan_max, node_size, nodes_max; /* of the trees of values */
    uint32_t spill_group;                    /* slots that are spilled at once */
    bool crowded;                            /* rows or blocks run out */
    bool conditional;                        /* most windows have conditions */
    uint32_t window_count;
    struct expectation window[WINDOWS];
    struct record record[RECORDS];
    uint32_t event_count;
};

struct outcome {
    uint64_t hash;
    union value result[RECORDS][WINDOWS];
};

static bool chance(struct random *random, double share)
{
    return random_uniform(random) < share;
}

static const char *pick(struct random *random, const char *const *choices, uint64_t count)
{
    return choices[random_below(random, count)];
}

/* What the first argument may be, by the types that the kind takes. */
static const char *argument_draw(struct stream *stream, uint32_t types, bool levels)
{
    static const char *const conditions[] = {"flag", "amount > 50", "country == 'de'", "base > 2"};
    static const char *const numbers[] = {"amount", "amount * 2", "flag", "base"};
    static const char *const ordered[] = {"amount", "flag", "when", "base"};
    static const char *const any[] = {"amount", "merchant", "country", "flag", "when", "base"};
    struct random *random = &stream->random;
    if (types == TAKES_CONDITION)
        return pick(random, conditions, levels ? 4 : 3);
    if (types == TAKES_ANY)
        return pick(random, any, levels ? 6 : 5);
    if (types == TAKES_ORDERED)
        return pick(random, ordered, levels ? 4 : 3);
    return pick(random, numbers, levels ? 4 : 3);
}

static void arguments_draw(struct stream *stream, struct expectation *window,
                           const struct aggregate_kind *row, bool levels)
{
    struct random *random = &stream->random;
    if (row->argument[0].types == 0 || (row->argument[0].optional && chance(random, 0.5)))
        return;
    const char *first = argument_draw(stream, row->argument[0].types, levels);
    window->label = row->argument[0].role == ARGUMENT_VALUE &&
                    row->argument[0].types & 1 << TYPE_NUMBER && !row->for_ever &&
                    chance(random, 0.25);
    if (row->argument[0].role == ARGUMENT_KEY)
        first = "merchant";
    snprintf(window->argument_text[0], sizeof window->argument_text[0], "%s",
             window->label ? "label" : first);
    if (row->argument[1].types)
        snprintf(window->argument_text[1], sizeof window->argument_text[1], "%s",
                 argument_draw(stream, row->argument[1].types, levels));
}

static double parameter_draw(struct stream *stream, const struct aggregate_kind *row)
{
    static const double quantiles[] = {0, 0.1, 0.25, 0.5, 0.9, 1};
    struct random *random = &stream->random;
    if (row->parameter.type == PARAMETER_SPAN)
        return (double)(1 + random_below(random, 60));
    if (row->parameter.type == PARAMETER_WHOLE)
        return row->parameter.optional ? 1 : (double)(1 + random_below(random, 4));
    return quantiles[random_below(random, 6)];
}

static int formula_begin(const struct expectation *window, const struct aggregate_kind *row,
                         char *text, size_t size)
{
    static const char *const entities[] = {"card", "merchant", "(card, merchant)"};
    uint32_t by = row->argument[0].role == ARGUMENT_KEY ? 1 : window->by;
    int used = snprintf(text, size, "%s(%s", window->kind, window->argument_text[0]);
    if (window->argument_text[1][0])
        used += snprintf(text + used, size - (size_t)used, ", %s", window->argument_text[1]);
    if (row->parameter.type != PARAMETER_NONE)
        used += snprintf(text + used, size - (size_t)used, "%s%.17g%s",
                         row->argument[0].types ? ", " : "", window->parameter,
                         row->parameter.type == PARAMETER_SPAN ? "s" : "");
    return used + snprintf(text + used, size - (size_t)used, ") by %s", entities[by - 1]);
}

static const struct aggregate_kind *kind_draw(struct stream *stream)
{
    uint32_t count = 0;
    const char *only = getenv("WEIR_KIND");
    while (aggregate_table[count])
        count++;
    for (;;) {
        const struct aggregate_kind *row = aggregate_table[random_below(&stream->random, count)];
        /* Places have a test of their own. */
        bool drawn = strcmp(row->name, "distance") != 0 && strcmp(row->name, "speed") != 0;
        if (drawn && (!only || strcmp(only, row->name) == 0))
            return row;
    }
}

static void window_draw(struct stream *stream, struct expectation *window, bool levels)
{
    static const char *const wheres[] = {"flag", "amount > 50", "country == 'de'", "base > 2"};
    struct random *random = &stream->random;
    const struct aggregate_kind *row = kind_draw(stream);
    memset(window, 0, sizeof *window);
    snprintf(window->kind, sizeof window->kind, "%s", row->name);
    arguments_draw(stream, window, row, levels);
    window->parameter = parameter_draw(stream, row);
    window->by = row->argument[0].role == ARGUMENT_KEY ? 3 : 1 + (uint32_t)random_below(random, 3);
    bool where = chance(random, 0.35) || (stream->conditional && chance(random, 0.9));
    const char *condition = where ? pick(random, wheres, levels ? 4 : 3) : "";
    snprintf(window->condition, sizeof window->condition, "%s", condition);
    if (where && !row->for_ever && chance(random, 0.3))
        window->where_label = chance(random, 0.5) ? LABEL_IS_1_AND : LABEL_IS_0_OR;
    bool bounded = row->needs_span || window->label || window->where_label;
    do
        window->form = form_draw(random, bounded, stream->scale);
    while ((row->needs_duration && window->form.form != DRAWN_SPAN) ||
           (row->for_ever && window->form.form != DRAWN_EVER) ||
           (window->where_label && window->form.form != DRAWN_SPAN &&
            window->form.form != DRAWN_PERIOD));
    if (window->form.form == DRAWN_LAST && window->form.extent > stream->events_max)
        window->form.extent = stream->events_max;
    window->before = chance(random, 0.3);
    bool counts = row->over_last && window->form.form == DRAWN_EVER && stream->events_max >= 4 &&
                  chance(random, 0.6);
    if (counts)
        window->parameter = (double)(2 + random_below(random, 3));
    static const char *const label_says[] = {"", "label == 1 and ", "label == 0 or "};
    char clauses[80], end[sizeof window->formula];
    int used = formula_begin(window, row, end, sizeof end);
    form_print(&window->form, clauses, sizeof clauses);
    snprintf(end + used, sizeof end - (size_t)used, "%s%s%s%s%s", clauses,
             window->before ? " before" : "", where ? " where " : "",
             label_says[window->where_label], condition);
    memcpy(window->formula, end, sizeof end);
    if (counts) {
        window->form.form = DRAWN_LAST;
        window->form.extent = (int64_t)window->parameter;
    }
}

static double amount_draw(struct stream *stream)
{
    struct random *random = &stream->random;
    if (chance(random, 0.1))
        return MISSING;
    if (chance(random, 0.02))
        return 1e17;
    if (chance(random, 0.3))
        return (double)random_below(random, 4); /* repeats, for distinct and the extremes */
    return (double)random_below(random, 20000) / 100 - 50;
}

static void event_draw(struct stream *stream, uint32_t index, int64_t *now_ms)
{
    struct random *random = &stream->random;
    struct record *record = &stream->record[index];
    if (chance(random, 0.02))
        *now_ms += 400000 * stream->scale;
    else if (!chance(random, 0.25))
        *now_ms += (int64_t)random_below(random, 2500) * stream->scale;
    uint64_t keys = stream->crowded ? 60 : 3;
    record->kind = RECORD_EVENT;
    record->dead = chance(random, 0.02);
    record->time_ms = *now_ms;
    if (chance(random, 0.15))
        record->time_ms -= (int64_t)random_below(random, 2 + 2 * (uint64_t)stream->lateness_ms);
    if (index > 10 && chance(random, 0.05)) { /* late, and at just the time of another */
        const struct record *other = &stream->record[index - 1 - random_below(random, 10)];
        if (other->kind == RECORD_EVENT)
            record->time_ms = other->time_ms;
    }
    record->time_ms -= record->time_ms % stream->grain_ms;
    record->card = chance(random, 0.03) ? 0 : 1000 + random_below(random, keys);
    record->merchant = chance(random, 0.03) ? 0 : 7000 + random_below(random, keys);
    record->amount = amount_draw(stream);
    record->flag = chance(random, 0.05) ? MISSING : chance(random, 0.5);
    record->country = chance(random, 0.05) ? MISSING : (double)random_below(random, 2);
    record->carried = chance(random, 0.3) ? 1 : MISSING;
    record->early = chance(random, 0.1) ? 1 : MISSING;
    if (!record->dead)
        record->number = stream->event_count++;
}

static void label_draw(struct stream *stream, struct record *record)
{
    struct random *random = &stream->random;
    record->kind = RECORD_LABEL;
    uint64_t back = random_below(random, 40);
    record->number = back < stream->event_count ? stream->event_count - 1 - back : NUMBER_NONE;
    record->label = (double)random_below(random, 2);
    static const enum join joins[] = {JOIN_LEARNED, JOIN_CORRECTED, JOIN_REPEATED, JOIN_WAITING};
    record->join = record->number == NUMBER_NONE ? JOIN_WAITING : joins[random_below(random, 4)];
}

static void stream_draw(struct stream *stream, uint64_t seed)
{
    memset(stream, 0, sizeof *stream);
    stream->seed = seed;
    random_seed(&stream->random, seed);
    struct random *random = &stream->random;
    stream->scale = chance(random, 0.4) ? 1000 : 1;
    stream->lateness_ms =
        chance(random, 0.3) ? 0 : (int64_t)random_below(random, 30000) * stream->scale;
    stream->grain_ms = chance(random, 0.5) ? 500 * stream->scale : 1;
    stream->lateness_ms -= stream->lateness_ms % stream->grain_ms;
    stream->conditional = chance(random, 0.3);
    stream->crowded = chance(random, 0.3);
    stream->memory = stream->crowded ? 1 : 1 << 28;
    stream->entities_max = stream->crowded ? 20 : 0;
    stream->events_max = chance(random, 0.3) ? 1 + (int64_t)random_below(random, 20) : 1000;
    stream->spill_group = stream->seed % 2 ? 1 : 2 + (uint32_t)(stream->seed / 2 % 6);
    stream->scan_max = 1 + (uint32_t)random_below(random, chance(random, 0.5) ? 4 : 40);
    stream->node_size = chance(random, 0.7) ? 128 : 512;
    stream->nodes_max = chance(random, 0.3) ? 1 + (uint32_t)random_below(random, 12) : 0;
    bool levels = chance(random, 0.4);
    stream->window_count = 1 + (uint32_t)random_below(random, WINDOWS);
    for (uint32_t i = 0; i < stream->window_count; i++)
        window_draw(stream, &stream->window[i], levels);
    int64_t now_ms = 1509127200000; /* a day and a half before the clocks of Berlin go back */
    uint64_t told = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct record *record = &stream->record[i];
        record->label = record->carried = record->early = MISSING;
        uint64_t known = stream->event_count;
        record->told = (struct matured){told, told};
        if (told + 5 < known && chance(random, 0.3))
            record->told.to = told + random_below(random, known - told - 4);
        told = record->told.to;
        if (chance(random, 0.15))
            label_draw(stream, record);
        else
            event_draw(stream, i, &now_ms);
    }
}

#endif
