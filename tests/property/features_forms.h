/* The forms of windows by their definitions, for random streams: which slots a window holds at a
 * moment, out of all that its entity holds. */
#ifndef TESTS_PROPERTY_FEATURES_FORMS_H
#define TESTS_PROPERTY_FEATURES_FORMS_H

#include "base/random.h"
#include "base/zone.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum drawn_form { DRAWN_EVER, DRAWN_SPAN, DRAWN_LAST, DRAWN_PERIOD, DRAWN_SESSION };

/* What a condition says of the label, beside the rest of it. */
enum drawn_label { LABEL_UNNAMED, LABEL_IS_1_AND, LABEL_IS_0_OR };

struct window_form {
    enum drawn_form form;
    int64_t extent; /* span, how many, enum period, gap */
    int64_t delay_ms;
};

static const int64_t drawn_spans[] = {1000, 2000, 5000, 7500, 20000, 60000, 300000};

/* bounded: not for ever. */
static struct window_form form_draw(struct random *random, bool bounded, int64_t scale)
{
    struct window_form form = {.form = DRAWN_SPAN};
    if (bounded || random_uniform(random) < 0.75)
        form.form = random_uniform(random) < 0.4
                        ? DRAWN_SPAN
                        : DRAWN_LAST + (enum drawn_form)random_below(random, 3);
    else
        form.form = DRAWN_EVER;
    if (form.form == DRAWN_SPAN)
        form.extent = drawn_spans[random_below(random, 7)] * scale;
    if (form.form == DRAWN_LAST)
        form.extent = 1 + (int64_t)random_below(random, random_uniform(random) < 0.5 ? 4 : 30);
    if (form.form == DRAWN_PERIOD)
        form.extent = (int64_t)random_below(random, 5);
    if (form.form == DRAWN_SESSION)
        form.extent = drawn_spans[random_below(random, 6)] * scale;
    if (random_uniform(random) < 0.35)
        form.delay_ms = drawn_spans[random_below(random, 7)] * scale;
    return form;
}

/* The clauses that say it. */
static void form_print(const struct window_form *form, char *text, size_t size)
{
    static const char *const period[] = {"this hour", "today", "this week", "this month",
                                         "this year"};
    int used = 0;
    text[0] = '\0';
    if (form->form == DRAWN_SPAN)
        used = snprintf(text, size, " over %lldms", (long long)form->extent);
    if (form->form == DRAWN_LAST)
        used = snprintf(text, size, " over last %lld", (long long)form->extent);
    if (form->form == DRAWN_PERIOD)
        used = snprintf(text, size, " over %s", period[form->extent]);
    if (form->form == DRAWN_SESSION)
        used = snprintf(text, size, " session gap %lldms", (long long)form->extent);
    if (form->delay_ms)
        snprintf(text + used, size - (size_t)used, " delay %lldms", (long long)form->delay_ms);
}

/* Of the times of passing slots up to until_ms, oldest first, how many of the last are in the
 * window. */
static uint32_t form_count(const struct window_form *form, const struct zone *zone,
                           const int64_t *times, uint32_t count, int64_t until_ms)
{
    int64_t newer_ms = until_ms;
    uint32_t in = 0;
    for (; in < count; in++) {
        int64_t time_ms = times[count - 1 - in];
        if (form->form == DRAWN_SPAN && time_ms <= until_ms - form->extent)
            break;
        if (form->form == DRAWN_LAST && in == form->extent)
            break;
        if (form->form == DRAWN_PERIOD &&
            time_ms < period_start_ms(zone, (enum period)form->extent, until_ms))
            break;
        if (form->form == DRAWN_SESSION && newer_ms - time_ms >= form->extent)
            break;
        newer_ms = time_ms;
    }
    return in;
}

#endif
