/* Bursts in formulas; see burst.h. */
#include "features/burst.h"
#include "base/calendar.h"
#include "features/call.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 2,
    BUCKETS = 8192, /* of a row: 1.5 MiB for the three sketches */
    TICK_STANDARD_S = 60,
    TICK_MOST_S = 366 * 86400,
    LOOK_AHEAD = 16 /* rows whose buckets are asked for */
};

static const double factor = 0.5, threshold = 1000, expected = 1;

const struct burst_help burst_help = {
    .name = "burst",
    .signature = "burst(x, y, tick)",
    .summary = "whether x, y or the two together come more often in this tick (1m) than before: "
               "chi-squared, 0 if not; of no entity, so without `by`",
};

static bool tick_compile(const struct call *call, int64_t *tick_ms)
{
    const struct syntax_node *node = call->node;
    *tick_ms = TICK_STANDARD_S * SECOND_MS;
    if (node->argument_count == BURST_ENDS)
        return true;
    uint32_t column = call->syntax->node[node->argument[BURST_ENDS]].column;
    uint32_t value = program_compile(call->program, call->syntax, node->argument[BURST_ENDS],
                                     call->resolver, call->error);
    if (value == VALUE_NONE)
        return false;
    const struct program_value *known = &call->program->value[value];
    double seconds = known->literal.number;
    if (!known->constant || known->type != TYPE_DURATION || !(seconds >= 0.001) ||
        !(seconds <= TICK_MOST_S))
        return call_mistake(call, column,
                            "the tick of burst must be a duration from 1ms to 366d, such as 1m");
    *tick_ms = (int64_t)llround(seconds * SECOND_MS);
    return true;
}

static bool end_compile(const struct call *call, uint32_t index, struct burst *burst)
{
    uint32_t column = call->syntax->node[call->node->argument[index]].column;
    uint32_t value = program_compile(call->program, call->syntax, call->node->argument[index],
                                     call->resolver, call->error);
    if (value == VALUE_NONE)
        return false;
    uint32_t label = call->features->label_value;
    if (call->program->value[value].level > 0)
        return call_mistake(call, column,
                            "burst looks at fields and formulas of fields, not at windows or "
                            "scores");
    if (label != VALUE_NONE && value_uses(call->program, value, label))
        return call_mistake(call, column, "burst cannot look at the label: it is not known yet");
    burst->end[index] = value;
    burst->hashed[index] = value_type_is_key(call->program->value[value].type);
    return true;
}

static bool form_check(const struct call *call)
{
    const struct syntax_node *node = call->node;
    if (node->has_window)
        return call_mistake(call, node->column,
                            "burst is of all events: it takes no `by` and no other clause, as in "
                            "`burst(card, merchant, 1m)`");
    if (node->argument_count < BURST_ENDS || node->argument_count > BURST_ENDS + 1)
        return call_mistake(call, node->column, "burst has %u argument%s here: its form is %s",
                            node->argument_count, node->argument_count == 1 ? "" : "s",
                            burst_help.signature);
    return true;
}

static uint64_t print_of(const struct call *call, const struct burst *burst)
{
    uint64_t parts[] = {call->program->value[burst->end[0]].fingerprint,
                        call->program->value[burst->end[1]].fingerprint,
                        (uint64_t)burst->setting.tick_ms, ROWS, BUCKETS};
    char text[160];
    int size = snprintf(text, sizeof text, "burst %016llx of %g %g %g",
                        (unsigned long long)hash_fingerprint(parts, sizeof parts), factor,
                        threshold, expected);
    return hash_fingerprint(text, (size_t)size);
}

static uint32_t burst_add(const struct call *call, struct burst *burst)
{
    struct features *features = call->features;
    burst->fingerprint = print_of(call, burst);
    for (uint32_t i = 0; i < features->burst_count; i++)
        if (features->burst[i].fingerprint == burst->fingerprint)
            return features->burst[i].value;
    if (features->burst_count == BURSTS_MAX) {
        call_mistake(call, call->node->column, "too many different bursts: there can be %d",
                     BURSTS_MAX);
        return VALUE_NONE;
    }
    burst->value = program_add_external(call->program, TYPE_NUMBER, 1, burst->fingerprint);
    burst->formula = call_formula(call);
    features->burst[features->burst_count++] = *burst;
    return burst->value;
}

uint32_t burst_compile(struct features *features, struct program *program,
                       const struct syntax *syntax, const struct syntax_node *node,
                       const struct program_resolver *resolver, struct syntax_error *error)
{
    const struct call call = {.features = features,
                              .program = program,
                              .syntax = syntax,
                              .node = node,
                              .resolver = resolver,
                              .error = error};
    struct burst burst = {.setting = {.variant = EDGE_BURST_FILTERED,
                                      .rows = ROWS,
                                      .buckets = BUCKETS,
                                      .factor = factor,
                                      .threshold = threshold,
                                      .expected = expected,
                                      .rises = true}};
    if (!form_check(&call) || !end_compile(&call, 0, &burst) || !end_compile(&call, 1, &burst) ||
        !tick_compile(&call, &burst.setting.tick_ms))
        return VALUE_NONE;
    return burst_add(&call, &burst);
}

const struct burst *burst_find(const struct features *features, uint32_t value)
{
    for (uint32_t i = 0; i < features->burst_count; i++)
        if (features->burst[i].value == value)
            return &features->burst[i];
    return NULL;
}

const struct burst *burst_find_print(const struct features *features, uint64_t fingerprint)
{
    for (uint32_t i = 0; i < features->burst_count; i++)
        if (features->burst[i].fingerprint == fingerprint)
            return &features->burst[i];
    return NULL;
}

uint64_t burst_size(const struct burst *burst)
{
    return offsetof(struct burst_row, sketch) + edge_burst_size(&burst->setting);
}

uint64_t bursts_size(const struct features *features)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < features->burst_count; i++)
        size += burst_size(&features->burst[i]);
    return size;
}

void bursts_declare(struct features *features, struct state_layout *layout)
{
    for (uint32_t i = 0; i < features->burst_count; i++) {
        struct burst *burst = &features->burst[i];
        char name[STATE_NAME_MAX];
        snprintf(name, sizeof name, "burst.%016llx", (unsigned long long)burst->fingerprint);
        burst->region = state_layout_add(layout, name, burst->fingerprint, burst_size(burst), 64, 1,
                                         STATE_ROWS_ALWAYS);
    }
}

void bursts_close(struct features *features)
{
    for (uint32_t i = 0; i < features->burst_count; i++)
        free(features->burst[i].formula);
}

void features_burst_report(const struct features *features, const struct state *state,
                           uint32_t index, struct burst_report *report)
{
    const struct burst *burst = &features->burst[index];
    const struct burst_row *row = state_read(state, burst->region, 0);
    *report = (struct burst_report){
        .formula = burst->formula, .counted = row->counted, .late = row->late, .ahead = row->ahead};
}

static bool is_event(const struct batch *batch, uint32_t row)
{
    return batch->kind[row] == RECORD_EVENT && !batch->dead[row];
}

static uint64_t end_key(const struct burst *burst, uint32_t end, const struct batch *batch,
                        uint32_t row)
{
    union value value = batch_column(batch, burst->end[end])[row];
    return burst->hashed[end] ? value.key : edge_burst_number(value.number);
}

static struct graph_edge edge_of(const struct burst *burst, const struct batch *batch, uint32_t row)
{
    return (struct graph_edge){.source = end_key(burst, 0, batch, row),
                               .destination = end_key(burst, 1, batch, row),
                               .time_ms = batch->time_ms[row],
                               .weight = 1};
}

/* A fresh state is all zeros, which no sketch is. */
static struct burst_row *row_open(const struct burst *burst, struct state *state)
{
    struct burst_row *row = state_row(state, burst->region, 0);
    if (row->sketch.rows)
        return row;
    state_touch(state, row, sizeof *row);
    edge_burst_begin(&row->sketch, &burst->setting, burst->fingerprint);
    return row;
}

/* Not counted: the event is judged as of the tick that there is. */
static double judged(const struct burst_row *row, struct graph_edge edge)
{
    edge.time_ms = row->sketch.begin_ms;
    return row->sketch.tick ? edge_burst_look(&row->sketch, &edge) : 0;
}

static double value_of(const struct features *features, struct burst_row *row,
                       const struct graph_edge *edge, bool ahead, const struct state *state)
{
    int64_t behind_ms = row->sketch.tick ? row->sketch.begin_ms - edge->time_ms : 0;
    state_touch(state, row, offsetof(struct burst_row, sketch));
    if (ahead) {
        row->ahead++;
        return judged(row, *edge);
    }
    if (behind_ms > features->lateness_ms) {
        row->late++;
        return judged(row, *edge);
    }
    row->counted++;
    return edge_burst_count(&row->sketch, edge, state);
}

static void burst_extract(const struct features *features, const struct burst *burst,
                          struct state *state, struct batch *batch)
{
    struct burst_row *sketches = row_open(burst, state);
    union value *column = batch_column(batch, burst->value);
    for (uint32_t row = 0; row < batch->count; row++) {
        struct graph_edge edge = {0};
        if (row + LOOK_AHEAD < batch->count && is_event(batch, row + LOOK_AHEAD)) {
            edge = edge_of(burst, batch, row + LOOK_AHEAD);
            edge_burst_prefetch(&sketches->sketch, &edge);
        }
        column[row].number = MISSING;
        if (!is_event(batch, row))
            continue;
        edge = edge_of(burst, batch, row);
        if (edge.source && edge.destination)
            column[row].number = value_of(features, sketches, &edge, batch->ahead[row], state);
    }
}

void bursts_extract(const struct features *features, struct state *state, struct batch *batch)
{
    for (uint32_t i = 0; i < features->burst_count; i++)
        burst_extract(features, &features->burst[i], state, batch);
}
