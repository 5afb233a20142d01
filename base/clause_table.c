/* The clauses of windows; see clause_table.h.  A row for each form that grammar.c gives them. */
#include "base/clause_table.h"
#include <stddef.h>

const struct clause_help clause_table[] = {
    {"by card", "whose events: a field of type key or id; every window needs it"},
    {"by (card, merchant)", "of these together: up to 4"},
    {"over 7d",
     "the events of the last 7 days, this one included; without over: all there have been"},
    {"over last 50", "the newest 50, however old, this one included"},
    {"over today", "those since midnight in the pipeline's time zone"},
    {"over this week", "since the beginning of this hour, day, week (Monday), month or year"},
    {"session gap 30m", "those of the running session: it ends when 30 minutes go by without one"},
    {"delay 1d", "the same window as it stood a day ago"},
    {"from 14d to 7d", "the week before the last one: over 7d delay 7d"},
    {"where amount > 10", "only events for which the condition was true when they came"},
    {"before", "without this event itself"},
    {NULL, NULL},
};
