/* Plans gathered, and who uses what; see explain.h. */
#include "engine/explain.h"
#include "base/calendar.h"
#include "base/operation.h"
#include "features/migrate.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void entities_gather(struct explanation *explanation)
{
    struct features *features = explanation->pipeline->features;
    explanation->entity_memory = features_memory(features);
    explanation->entity_count = features_entity_count(features);
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        explanation->window_first[i] = explanation->window_count;
        features_entity_plan(features, i, &explanation->entity[i]);
        explanation->window_count += explanation->entity[i].window_count;
    }
    explanation->window_first[explanation->entity_count] = explanation->window_count;
    explanation->window = calloc(explanation->window_count + 1, sizeof *explanation->window);
    ASSERT(explanation->window);
    for (uint32_t i = 0; i < explanation->entity_count; i++)
        for (uint32_t j = 0; j < explanation->entity[i].window_count; j++)
            features_window_plan(features, i, j,
                                 &explanation->window[explanation->window_first[i] + j]);
}

static void bursts_gather(struct explanation *explanation)
{
    const struct features *features = explanation->pipeline->features;
    explanation->burst_count = features_burst_count(features);
    for (uint32_t i = 0; i < explanation->burst_count; i++)
        features_burst_plan(features, i, &explanation->burst[i]);
}

static void users_gather(struct explanation *explanation)
{
    const struct pipeline *pipeline = explanation->pipeline;
    for (uint32_t i = 0; i < pipeline->config->feature_count; i++)
        explanation->user[explanation->user_count++] = (struct explain_user){
            .name = pipeline->config->feature[i].name, .value = pipeline->feature_value[i]};
    for (uint32_t i = 0; i < pipeline->decisions.rule_count; i++)
        explanation->user[explanation->user_count++] =
            (struct explain_user){.name = pipeline->decisions.rule[i].name,
                                  .is_rule = true,
                                  .value = pipeline->decisions.rule[i].value};
}

/* Which values one is computed from, not by way of a window; inputs stand before what they are
 * inputs of. */
static void mark_parts(const struct program *program, uint32_t value, bool *marked)
{
    memset(marked, 0, program->value_count * sizeof *marked);
    marked[value] = true;
    for (uint32_t i = value + 1; i-- > 0;)
        for (uint32_t j = 0; marked[i] && j < program->value[i].input_count; j++)
            marked[program->value[i].input[j]] = true;
}

bool explain_uses(const struct explanation *explanation, uint32_t user, uint32_t value)
{
    bool marked[PROGRAM_VALUES_MAX];
    mark_parts(&explanation->pipeline->program, explanation->user[user].value, marked);
    return value <= explanation->user[user].value && marked[value];
}

static void uses_gather(struct explanation *explanation)
{
    const struct program *program = &explanation->pipeline->program;
    bool marked[PROGRAM_VALUES_MAX];
    explanation->uses = calloc((size_t)explanation->window_count * explanation->user_count + 1,
                               sizeof *explanation->uses);
    ASSERT(explanation->uses);
    for (uint32_t u = 0; u < explanation->user_count; u++) {
        mark_parts(program, explanation->user[u].value, marked);
        for (uint32_t w = 0; w < explanation->window_count; w++)
            explanation->uses[(size_t)w * explanation->user_count + u] =
                marked[explanation->window[w].value];
    }
}

/* How many formulas and windows ask for each value. */
static void askers_count(const struct explanation *explanation, uint32_t *askers)
{
    const struct program *program = &explanation->pipeline->program;
    for (uint32_t i = 0; i < program->value_count; i++)
        for (uint32_t j = 0; j < program->value[i].input_count; j++)
            askers[program->value[i].input[j]]++;
    for (uint32_t i = 0; i < explanation->user_count; i++)
        askers[explanation->user[i].value]++;
    for (uint32_t i = 0; i < explanation->window_count; i++) {
        const struct window_plan *window = &explanation->window[i];
        for (uint32_t j = 0; j < window->argument_count; j++)
            askers[window->argument[j]]++;
        if (window->condition != VALUE_NONE)
            askers[window->condition]++;
        if (window->condition_1 != VALUE_NONE)
            askers[window->condition_1]++;
    }
    for (uint32_t i = 0; i < explanation->burst_count; i++)
        for (uint32_t j = 0; j < BURST_ENDS; j++)
            askers[explanation->burst[i].argument[j]]++;
}

/* A window or a burst, as it was written; NULL: neither. */
static const char *written(const struct explanation *explanation, uint32_t value)
{
    for (uint32_t i = 0; i < explanation->window_count; i++)
        if (explanation->window[i].value == value)
            return explanation->window[i].formula;
    for (uint32_t i = 0; i < explanation->burst_count; i++)
        if (explanation->burst[i].value == value)
            return explanation->burst[i].formula;
    return NULL;
}

static void literal_text(const struct program *program, const struct program_value *value,
                         struct buffer *buffer)
{
    if (value->type == TYPE_TEXT)
        buffer_format(buffer, "'%.*s'", (int)value->literal_text.size,
                      program->literals ? program->literals + value->literal_text.offset : "");
    else if (value->type == TYPE_DURATION)
        duration_format(buffer, (int64_t)(value->literal.number * SECOND_MS));
    else
        buffer_number(buffer, value->literal.number);
}

enum { TEXT_DEPTH_MAX = 6 };

static void value_text(const struct explanation *explanation, uint32_t index, int depth,
                       struct buffer *buffer);

/* `a + b`, `not a`, `log1p(a)`.  A list, a pattern or a zone behind them is not shown. */
static void operation_text(const struct explanation *explanation, const struct program_value *value,
                           int depth, struct buffer *buffer)
{
    const char *name = value->operation->name;
    bool word = strcmp(name, "and") == 0 || strcmp(name, "or") == 0;
    bool infix = value->input_count == 2 && (word || !isalpha((unsigned char)name[0]));
    if (value->input_count == 1 && (strcmp(name, "not") == 0 || strcmp(name, "-") == 0)) {
        buffer_text(buffer, name[0] == '-' ? "-" : "not ");
        value_text(explanation, value->input[0], depth + 1, buffer);
        return;
    }
    if (infix && depth > 0)
        buffer_text(buffer, "(");
    for (uint32_t i = 0; i < value->input_count; i++) {
        if (infix ? i > 0 : i == 0)
            buffer_format(buffer, infix ? " %s " : "%s(", name);
        else if (i > 0)
            buffer_text(buffer, ", ");
        value_text(explanation, value->input[i], depth + 1, buffer);
    }
    if (!infix || depth > 0)
        buffer_text(buffer, ")");
}

static void value_text(const struct explanation *explanation, uint32_t index, int depth,
                       struct buffer *buffer)
{
    const struct program *program = &explanation->pipeline->program;
    const struct program_value *value = &program->value[index];
    const char *formula = written(explanation, index);
    for (uint32_t i = 0; depth > 0 && i < explanation->user_count; i++)
        if (explanation->user[i].value == index && !explanation->user[i].is_rule) {
            buffer_text(buffer, explanation->user[i].name);
            return;
        }
    if (formula)
        buffer_text(buffer, formula);
    else if (value->constant)
        literal_text(program, value, buffer);
    else if (value->operation && depth < TEXT_DEPTH_MAX)
        operation_text(explanation, value, depth, buffer);
    else if (value->field && !value->operation)
        buffer_text(buffer, value->field->name);
    else
        buffer_text(buffer, value->operation ? "..." : "a score");
}

static void shared_gather(struct explanation *explanation)
{
    const struct program *program = &explanation->pipeline->program;
    uint32_t askers[PROGRAM_VALUES_MAX] = {0};
    askers_count(explanation, askers);
    explanation->shared = calloc(program->value_count + 1, sizeof *explanation->shared);
    ASSERT(explanation->shared);
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct program_value *value = &program->value[i];
        if (askers[i] < 2 || value->constant || !value->operation)
            continue;
        struct explain_shared *shared = &explanation->shared[explanation->shared_count++];
        struct buffer buffer;
        buffer_init(&buffer, shared->formula, sizeof shared->formula - 1);
        value_text(explanation, i, 0, &buffer);
        shared->value = i;
        shared->askers = askers[i];
    }
}

void explain_make(struct explanation *explanation, const struct pipeline *pipeline)
{
    memset(explanation, 0, sizeof *explanation);
    explanation->pipeline = pipeline;
    entities_gather(explanation);
    bursts_gather(explanation);
    users_gather(explanation);
    uses_gather(explanation);
    shared_gather(explanation);
}

void explain_close(struct explanation *explanation)
{
    free(explanation->window);
    free(explanation->uses);
    free(explanation->shared);
}

struct cost explain_cost(const struct explanation *explanation, uint32_t entity)
{
    const struct entity_plan *plan = &explanation->entity[entity];
    struct cost frame = cost_of_frame();
    struct cost cost = {cost_of_visit_ns(false) + plan->frame_count * frame.few_ns,
                        cost_of_visit_ns(true) + plan->frame_count * frame.many_ns};
    for (uint32_t i = 0; i < plan->window_count; i++) {
        const struct window_plan *window =
            &explanation->window[explanation->window_first[entity] + i];
        double share = window->keeping == KEEPING_SUMS ? 1.0 / window->keeping_windows : 1;
        cost.few_ns += window->cost.few_ns * share;
        cost.many_ns += window->cost.many_ns * share;
    }
    return cost;
}

static uint64_t events_asked(const struct explanation *explanation, uint32_t entity,
                             const struct explain_question *question)
{
    return question->events ? question->events : explanation->entity[entity].inline_events;
}

uint64_t explain_bytes(const struct explanation *explanation, uint32_t entity,
                       const struct explain_question *question)
{
    return entity_plan_bytes(&explanation->entity[entity], question->entities[entity],
                             events_asked(explanation, entity, question));
}

bool explain_fits(const struct explanation *explanation, uint32_t entity,
                  const struct explain_question *question)
{
    return entity_plan_fits(&explanation->entity[entity], question->entities[entity],
                            events_asked(explanation, entity, question));
}

enum { ENTITIES_ASKED_MAX = 1000000000 };

/* Digits up to a comma or the end. */
static bool read_count(const char **at, uint64_t *count)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return false;
    *count = strtoull(*at, &end, 10);
    *at = *end == ',' ? end + 1 : end;
    return (*end == '\0' || *end == ',') && *count <= ENTITIES_ASKED_MAX;
}

/* "card,merchant=5000": a name, which may hold commas, and its count. */
static bool read_named(const struct explanation *explanation, const char **at,
                       struct explain_question *question)
{
    size_t size = strcspn(*at, "=");
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        const char *name = explanation->entity[i].name;
        if (strlen(name) != size || memcmp(name, *at, size) != 0 || (*at)[size] != '=')
            continue;
        *at += size + 1;
        return read_count(at, &question->entities[i]);
    }
    return false;
}

bool explain_read_question(const struct explanation *explanation, const char *text,
                           struct explain_question *question)
{
    const char *at = text;
    uint64_t count;
    question->asked = true;
    if (isdigit((unsigned char)*at)) {
        if (!read_count(&at, &count) || *at)
            return false;
        for (uint32_t i = 0; i < explanation->entity_count; i++)
            question->entities[i] = count;
        return true;
    }
    while (*at)
        if (!read_named(explanation, &at, question))
            return false;
    return at != text;
}

void explain_frame(const struct window_plan *window, struct buffer *buffer)
{
    static const char *const periods[] = {"hour", "day", "week", "month", "year"};
    if (strcmp(window->form, "span") == 0) {
        buffer_text(buffer, "over ");
        duration_format(buffer, window->span_ms);
    } else if (strcmp(window->form, "last") == 0) {
        buffer_format(buffer, "over last %lld", (long long)window->extent);
    } else if (strcmp(window->form, "period") == 0) {
        buffer_format(buffer, "over this %s", periods[window->extent]);
    } else if (strcmp(window->form, "session") == 0) {
        buffer_text(buffer, "session gap ");
        duration_format(buffer, window->extent);
    } else {
        buffer_text(buffer, "for ever");
    }
    if (window->delay_ms) {
        buffer_text(buffer, " delay ");
        duration_format(buffer, window->delay_ms);
    }
    if (window->condition != VALUE_NONE)
        buffer_text(buffer, window->condition_1 != VALUE_NONE ? " where (label)" : " where");
}
