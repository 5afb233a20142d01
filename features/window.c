/* A call such as `mean(amount) by card over 7d where amount > 10` becomes a window: checked, given
 * a frame and a moment or a running value, shared with its equals.  See features.h. */
#include "base/calendar.h"
#include "base/hash.h"
#include "base/operation.h"
#include "base/suggest.h"
#include "features/call.h"
#include "features/form.h"
#include "features/multiset.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct aggregate_kind silence_aggregate;

static const int64_t span_max_ms = 3653LL * DAY_MS;

static bool kind_find(struct call *call)
{
    const char *wanted = call->node->name;
    call->kind = aggregate_find(wanted);
    if (call->kind)
        return true;
    const char *best = NULL;
    size_t distance = 0;
    for (uint32_t i = 0; aggregate_table[i]; i++)
        suggest_offer(wanted, aggregate_table[i]->name, &best, &distance);
    suggest_offer(wanted, burst_help.name, &best, &distance);
    program_suggest(wanted, &best, &distance);
    if (best)
        return call_mistake(call, call->node->column,
                            "no function or aggregate '%s'; did you mean '%s'?", wanted, best);
    return call_mistake(
        call, call->node->column,
        "no function or aggregate '%s'; `weir list functions` and `weir list aggregates` "
        "name them",
        wanted);
}

static bool length_check(const struct call *call, int64_t length_ms, const char *what)
{
    if (length_ms < 0)
        return call_mistake(call, call->node->column, "%s must not be negative", what);
    if (length_ms > span_max_ms)
        return call_mistake(call, call->node->column,
                            "%s is longer than 10 years, the most a window may span", what);
    return true;
}

static void frame_plan(struct call *call)
{
    const struct syntax_node *node = call->node;
    const struct {
        const struct form_kind *form;
        int64_t extent;
    } plans[] = {
        [WINDOW_EVER] = {&ever_form, 0},
        [WINDOW_SPAN] = {&span_form, 0},
        [WINDOW_LAST] = {&count_form, node->over_count},
        [WINDOW_PERIOD] = {&period_form, (int64_t)node->period},
        [WINDOW_SESSION] = {&session_form, node->gap_ms},
    };
    call->frame = (struct frame){.form = plans[node->window].form,
                                 .span_ms = node->over_ms,
                                 .extent = plans[node->window].extent,
                                 .delay_ms = node->delay_ms,
                                 .own = plans[node->window].form->enter != NULL};
}

static bool span_check(const struct call *call)
{
    const struct syntax_node *node = call->node;
    if (node->by_count == 0)
        return call_mistake(call, node->column,
                            "%s needs an entity: say whose events, as in `%s by card over 7d`",
                            node->name, call->kind->signature);
    if (call->kind->needs_span && node->window == WINDOW_EVER)
        return call_mistake(call, node->column, "%s needs a span: add `over`, as in `over 7d`",
                            node->name);
    if (call->kind->for_ever && node->window != WINDOW_EVER)
        return call_mistake(call, node->column,
                            "%s takes no `over`: its %s alone says how far it looks back",
                            node->name, call->kind->parameter.name);
    if (call->kind->needs_duration && node->window != WINDOW_SPAN)
        return call_mistake(
            call, node->column,
            "%s needs a span of a fixed length, as `over 7d` is; use count or sum here",
            node->name);
    return length_check(call, node->over_ms, "over") && length_check(call, node->gap_ms, "gap") &&
           length_check(call, node->delay_ms, "delay");
}

/* `a` and `b`, where b may be none. */
static uint32_t conditions_join(const struct call *call, uint32_t a, uint32_t b)
{
    struct operation_argument argument[2] = {{.type = TYPE_BOOLEAN}, {.type = TYPE_BOOLEAN}};
    struct operation_argument result;
    uint32_t input[2] = {a, b};
    if (a == VALUE_NONE || b == VALUE_NONE)
        return a == VALUE_NONE ? b : a;
    return program_add(call->program, operation_find("and", 2, argument, &result), input);
}

/* Names as everywhere, but the label is a number that is known. */
struct assumed_label {
    const struct call *call;
    double label;
    bool named;
};

static uint32_t assumed_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    struct assumed_label *assumed = self;
    const struct program_resolver *resolver = assumed->call->resolver;
    uint32_t value = resolver->name(resolver->self, node, error);
    if (value == VALUE_NONE || value != assumed->call->features->label_value)
        return value;
    assumed->named = true;
    return program_add_number(assumed->call->program, assumed->label);
}

static uint32_t assumed_window(void *self, const struct syntax *syntax,
                               const struct syntax_node *node, struct syntax_error *error)
{
    const struct program_resolver *resolver = ((struct assumed_label *)self)->call->resolver;
    return resolver->window(resolver->self, syntax, node, error);
}

/* `sum(x) by card where a == 1 / n`: whoever writes so means the quotient of the window. */
static void where_hint(struct syntax_error *error)
{
    size_t used = strlen(error->message);
    if (error->message[0] == '\'' && strchr("+-*/%", error->message[1]) &&
        error->message[2] == '\'')
        snprintf(error->message + used, sizeof error->message - used,
                 "; `where` takes all that follows: put parentheses around the window to compute "
                 "with it");
}

/* The condition as it is if the label is `label`; VALUE_NONE on a mistake. */
static uint32_t condition_compile(struct call *call, double label, bool *names_label)
{
    struct assumed_label assumed = {.call = call, .label = label};
    const struct program_resolver resolver = {assumed_name, assumed_window, &assumed};
    uint32_t column = call->syntax->node[call->node->where].column;
    uint32_t value =
        program_compile(call->program, call->syntax, call->node->where, &resolver, call->error);
    *names_label = assumed.named;
    if (value == VALUE_NONE) {
        where_hint(call->error);
        return VALUE_NONE;
    }
    if (call->program->value[value].type != TYPE_BOOLEAN)
        call_mistake(call, column, "where needs a condition, such as `amount > 100`, not %s",
                     value_type_name(call->program->value[value].type));
    else if (call->features->label_value != VALUE_NONE &&
             value_uses(call->program, value, call->features->label_value))
        call_mistake(
            call, column,
            "where can name label itself, as in `label == 1`, but no feature that is made of "
            "it");
    else if (level_check(call, value, column))
        return conditions_join(call, value, call->condition);
    return VALUE_NONE;
}

/* Slots of a window that is bounded by their number are dropped when they do not pass, so a label
 * that comes later would not find them. */
static bool label_condition_check(const struct call *call)
{
    if (call->frame.form->leaves_ms)
        return true;
    return call_mistake(call, call->syntax->node[call->node->where].column,
                        "a condition on label needs a window of time, as `over 30d` or `over this "
                        "month`: until a label comes every event must be kept that may pass");
}

static bool where_compile(struct call *call)
{
    bool names_label = false;
    call->where = call->condition;
    call->where_1 = VALUE_NONE;
    if (call->node->where == SYNTAX_NONE)
        return true;
    call->where = condition_compile(call, 0, &names_label);
    if (call->where == VALUE_NONE || !names_label)
        return call->where != VALUE_NONE;
    call->where_1 = condition_compile(call, 1, &names_label);
    if (call->where_1 == VALUE_NONE || !label_condition_check(call))
        return false;
    call->names_label = true;
    return true;
}

/* previous(x, 3) looks at the last 3 events. */
static bool count_plan(struct call *call)
{
    const struct aggregate_kind *over_last = call->kind->over_last;
    if (!over_last || call->parameter == call->kind->parameter.standard)
        return true;
    if (call->node->window != WINDOW_EVER)
        return call_mistake(call, call->node->column, "%s with its %s takes no `over`",
                            call->node->name, call->kind->parameter.name);
    call->kind = over_last;
    call->frame.form = &count_form;
    call->frame.extent = (int64_t)call->parameter;
    call->frame.own = true;
    return true;
}

static int name_compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* "merchant, card" and "card,merchant" name one entity. */
static void name_normalise(const char *name, char *normal, size_t size)
{
    char part[ENTITY_KEYS_MAX][SCHEMA_NAME_MAX];
    uint32_t count = 0;
    for (const char *at = name; *at && count < ENTITY_KEYS_MAX;) {
        size_t length = strcspn(at, ",");
        const char *next = at[length] ? at + length + 1 : at + length;
        while (length && at[0] == ' ')
            at++, length--;
        while (length && at[length - 1] == ' ')
            length--;
        snprintf(part[count++], sizeof part[0], "%.*s", (int)length, at);
        at = next;
    }
    qsort(part, count, sizeof part[0], name_compare);
    normal[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(normal);
        snprintf(normal + used, size - used, "%s%s", i ? "," : "", part[i]);
    }
}

static struct entity *entity_make(struct features *features, const char *name,
                                  const struct call *call)
{
    struct entity *entity = calloc(1, sizeof *entity);
    ASSERT(entity);
    snprintf(entity->name, sizeof entity->name, "%s", name);
    entity->index = features->entity_count;
    entity->history_key = INDEX_NONE;
    entity->key_count = call->key_count;
    memcpy(entity->key_value, call->key, sizeof entity->key_value);
    entity->hash_key = call->program->key;
    entity->named = true;
    for (uint32_t i = 0; i < call->key_count; i++) {
        const struct program_value *value = &call->program->value[call->key[i]];
        if (value->type != TYPE_TEXT)
            entity->key_hashed |= 1U << i;
        entity->named &= value->field && !value->operation && field_type_is_key(value->field->type);
    }
    features->entity[features->entity_count++] = entity;
    for (uint32_t i = 0; i < features->setting_count; i++) {
        char normal[256];
        name_normalise(features->setting[i].name, normal, sizeof normal);
        if (strcmp(normal, name) == 0) {
            features->setting_used[i] = true;
            memcpy(features->setting[i].name, normal, sizeof normal);
        }
    }
    return entity;
}

static struct entity *entity_of(const struct call *call)
{
    struct features *features = call->features;
    char name[256] = "", part[SCHEMA_NAME_MAX];
    for (uint32_t i = 0; i < call->key_count; i++) {
        size_t used = strlen(name);
        size_t more = (size_t)snprintf(name + used, sizeof name - used, "%s%s", i ? "," : "",
                                       call_key_name(call, i, part));
        if (more >= sizeof name - used) { /* cut, it could be another's */
            call_mistake(call, call->node->column,
                         "the names of its keys are too long: %zu bytes all together at most",
                         sizeof name - 1);
            return NULL;
        }
    }
    for (uint32_t i = 0; i < features->entity_count; i++)
        if (strcmp(features->entity[i]->name, name) == 0)
            return features->entity[i];
    if (features->entity_count == ENTITIES_MAX) {
        call_mistake(call, call->node->column, "too many kinds of entities: there can be %d",
                     ENTITIES_MAX);
        return NULL;
    }
    return entity_make(features, name, call);
}

static bool full(const struct call *call, const struct entity *entity, uint32_t count,
                 uint32_t most, const char *what)
{
    if (count < most)
        return false;
    call_mistake(call, call->node->column, "too many %s of %s: there can be %u", what, entity->name,
                 most);
    return true;
}

static void condition_add(const struct call *call, struct entity *entity, uint32_t value,
                          enum condition_role role)
{
    entity->condition[entity->condition_count++] = (struct condition){
        .value = value, .level = call->program->value[value].level, .role = role};
}

static uint32_t condition_of(const struct call *call, struct entity *entity)
{
    bool labelled = call->where_1 != VALUE_NONE;
    enum condition_role role = labelled ? CONDITION_LABEL_0 : CONDITION_PLAIN;
    for (uint32_t i = 0; i < entity->condition_count; i++)
        if (entity->condition[i].value == call->where && entity->condition[i].role == role &&
            (!labelled || entity->condition[i + 1].value == call->where_1))
            return i;
    uint32_t added = entity->condition_count;
    condition_add(call, entity, call->where, role);
    if (labelled)
        condition_add(call, entity, call->where_1, CONDITION_LABEL_1);
    return added;
}

static uint32_t cell_of(const struct call *call, struct entity *entity, uint32_t value)
{
    for (uint32_t i = 0; i < entity->cell_count; i++)
        if (entity->cell[i].value == value)
            return i;
    entity->cell[entity->cell_count] =
        (struct cell){.value = value,
                      .level = call->program->value[value].level,
                      .is_key = call->program->value[value].type == TYPE_TEXT,
                      .is_label = value == call->features->label_value};
    return entity->cell_count++;
}

static uint32_t frame_of(const struct call *call, struct entity *entity, uint32_t condition)
{
    struct frame frame = call->frame;
    frame.condition = condition;
    frame.level = call->level + 1;
    for (uint32_t i = 0; i < entity->frame_count; i++) {
        const struct frame *other = &entity->frame[i];
        if (other->form == frame.form && other->span_ms == frame.span_ms &&
            other->extent == frame.extent && other->delay_ms == frame.delay_ms &&
            other->condition == condition && other->level == frame.level)
            return i;
    }
    entity->frame[entity->frame_count] = frame;
    return entity->frame_count++;
}

/* Without span only equal needs share: what such a moment holds cannot be read from the slots
 * again, so a sum that goes on when the configuration changes must not be tied to squares that
 * begin. */
static uint32_t moment_of(struct entity *entity, uint32_t frame, uint32_t cell, uint32_t needs)
{
    bool spans = entity->frame[frame].form != &ever_form;
    for (uint32_t i = 0; i < entity->moment_count; i++) {
        struct moment *moment = &entity->moment[i];
        if (moment->frame == frame && moment->cell == cell && (spans || moment->needs == needs)) {
            moment->needs |= needs;
            return i;
        }
    }
    entity->moment[entity->moment_count] =
        (struct moment){.frame = frame, .cell = cell, .needs = needs};
    return entity->moment_count++;
}

static uint32_t multiset_of(struct entity *entity, uint32_t frame, uint32_t cell)
{
    for (uint32_t i = 0; i < entity->multiset_count; i++)
        if (entity->multiset[i].frame == frame && entity->multiset[i].cell == cell)
            return i;
    entity->multiset[entity->multiset_count] = (struct multiset){.frame = frame, .cell = cell};
    return entity->multiset_count++;
}

/* `before` changes nothing where the kind looks back anyway: both are one window, so one print. */
static uint64_t call_fingerprint(const struct call *call, const struct entity *entity)
{
    const struct program_value *value = call->program->value;
    bool before = call->node->before || call->kind->looks_back;
    char text[1024];
    int used = snprintf(text, sizeof text, "%s by %s over %lld delay %lld before %d",
                        call->kind->name, entity->name, (long long)call->node->over_ms,
                        (long long)call->node->delay_ms, before);
    if (call->kind->parameter.type != PARAMETER_NONE &&
        call->parameter != call->kind->parameter.standard)
        used += snprintf(text + used, sizeof text - (size_t)used, " with %.17g", call->parameter);
    for (uint32_t i = 0; i < call->argument_count; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %016llx",
                         (unsigned long long)value[call->argument[i]].fingerprint);
    if (call->where != VALUE_NONE)
        used += snprintf(text + used, sizeof text - (size_t)used, " where %016llx",
                         (unsigned long long)value[call->where].fingerprint);
    if (call->where_1 != VALUE_NONE)
        used += snprintf(text + used, sizeof text - (size_t)used, " or %016llx",
                         (unsigned long long)value[call->where_1].fingerprint);
    if (call->frame.extent || call->frame.form == &period_form)
        used += snprintf(text + used, sizeof text - (size_t)used, " %s %lld",
                         call->frame.form->name, (long long)call->frame.extent);
    if (call->frame.form == &period_form)
        used += snprintf(text + used, sizeof text - (size_t)used, " %016llx",
                         (unsigned long long)call->features->zone->fingerprint);
    return hash_fingerprint(text, (size_t)used);
}

static uint32_t result_add(const struct call *call, struct entity *entity)
{
    enum value_type type = TYPE_NUMBER;
    uint64_t fingerprint = call_fingerprint(call, entity);
    entity->fingerprint = hash_pair(entity->fingerprint | 1, fingerprint | 1);
    if (call->kind->result == RESULT_BOOLEAN)
        type = TYPE_BOOLEAN;
    if (call->kind->result == RESULT_ARGUMENT)
        type = call->program->value[call->argument[0]].type;
    uint32_t value =
        program_add_external(call->program, type, (uint8_t)(call->level + 1), fingerprint);
    /* Comparing a choice with a text needs to know the choices. */
    if (type == TYPE_ENUM)
        call->program->value[value].field = call->program->value[call->argument[0]].field;
    return value;
}

static bool window_equal(const struct window *left, const struct window *right)
{
    return left->kind == right->kind && left->frame == right->frame &&
           left->before == right->before && left->parameter == right->parameter &&
           left->argument_count == right->argument_count &&
           memcmp(left->cell, right->cell, sizeof left->cell) == 0;
}

/* Events are kept for `over last` up to what is set for the entity. */
static bool count_check(const struct call *call, struct entity *entity)
{
    const struct features *features = call->features;
    int64_t count = call->frame.form == &count_form ? call->frame.extent : 0;
    for (uint32_t i = 0; i < features->setting_count; i++) {
        const struct entity_setting *setting = &features->setting[i];
        if (strcmp(setting->name, entity->name) == 0 && setting->events_max > 0 &&
            setting->events_max < count)
            return call_mistake(
                call, call->node->column,
                "over last %lld needs as many events of %s to be kept: its events_max "
                "is %lld",
                (long long)count, entity->name, (long long)setting->events_max);
    }
    if (count > entity->count_max)
        entity->count_max = count;
    return true;
}

char *call_formula(const struct call *call)
{
    const char *from = call->syntax->formula + call->node->column;
    size_t size = call->node->end - call->node->column;
    while (size > 0 && strchr(" \t\r\n", from[size - 1]))
        size--;
    char *formula = strndup(from, size);
    ASSERT(formula);
    return formula;
}

static uint32_t window_of(const struct call *call, struct entity *entity)
{
    if (full(call, entity, entity->window_count, WINDOWS_MAX, "windows") ||
        full(call, entity, entity->moment_count, MOMENTS_MAX, "arguments in windows") ||
        full(call, entity, entity->multiset_count, MULTISETS_MAX, "arguments that are ordered") ||
        full(call, entity, entity->frame_count, FRAMES_MAX, "spans with their conditions") ||
        full(call, entity, entity->cell_count, CELLS_MAX - AGGREGATE_ARGUMENTS_MAX, "arguments") ||
        (call->where != VALUE_NONE &&
         full(call, entity, entity->condition_count, CONDITIONS_MAX - 1, "conditions")))
        return VALUE_NONE;
    uint32_t condition = call->where == VALUE_NONE ? INDEX_NONE : condition_of(call, entity);
    struct window window = {.kind = call->kind,
                            .frame = frame_of(call, entity, condition),
                            .before = call->node->before || call->kind->looks_back,
                            .parameter = call->parameter,
                            .argument_count = call->argument_count,
                            .moment = INDEX_NONE,
                            .multiset = INDEX_NONE};
    for (uint32_t i = 0; i < window.argument_count; i++)
        window.cell[i] = cell_of(call, entity, call->argument[i]);
    for (uint32_t i = 0; i < entity->window_count; i++)
        if (window_equal(&entity->window[i], &window))
            return entity->window[i].value;
    if (call->kind->finish)
        window.moment = window.argument_count
                            ? moment_of(entity, window.frame, window.cell[0], call->kind->needs)
                            : moment_of(entity, window.frame, INDEX_NONE, call->kind->needs_bare);
    /* An extreme never leaves a window without span. */
    if (call->kind->ask || (call->kind->extremes && entity->frame[window.frame].form != &ever_form))
        window.multiset = multiset_of(entity, window.frame, window.cell[0]);
    if (window.multiset != INDEX_NONE)
        multiset_ask(&entity->multiset[window.multiset], call->kind);
    window.value = result_add(call, entity);
    window.is_key = call->program->value[window.value].type == TYPE_TEXT;
    window.formula = call_formula(call);
    entity->window[entity->window_count++] = window;
    return window.value;
}

/* A silence of part of the events, or of long ago, is nobody's who could be told of. */
static bool silence_watch(const struct call *call, const struct entity *entity)
{
    if (call->kind != &silence_aggregate || call->where != VALUE_NONE || call->frame.delay_ms ||
        !entity->named)
        return true;
    if (silence_add(call->features, call->program, entity->index,
                    (int64_t)llround(call->parameter * SECOND_MS)))
        return true;
    return call_mistake(call, call->node->column, "too many different silences: there can be %d",
                        SILENCES_MAX);
}

uint32_t features_window(struct features *features, struct program *program,
                         const struct syntax *syntax, const struct syntax_node *node,
                         const struct program_resolver *resolver, struct syntax_error *error)
{
    if (strcmp(node->name, burst_help.name) == 0)
        return burst_compile(features, program, syntax, node, resolver, error);
    struct call call = {.features = features,
                        .program = program,
                        .syntax = syntax,
                        .node = node,
                        .key_apart = VALUE_NONE,
                        .resolver = resolver,
                        .error = error};
    frame_plan(&call);
    if (!kind_find(&call) || !span_check(&call) || !arguments_compile(&call) ||
        !count_plan(&call) || !where_compile(&call) || !call_keys(&call))
        return VALUE_NONE;
    struct entity *entity = entity_of(&call);
    bool fits = entity && count_check(&call, entity);
    uint32_t value = fits ? window_of(&call, entity) : VALUE_NONE;
    if (value == VALUE_NONE)
        return VALUE_NONE;
    call_owner(&call, entity);
    if (!silence_watch(&call, entity))
        return VALUE_NONE;
    if (call.names_label && entity->history_key == INDEX_NONE)
        entity->history_key = features->key_count++;
    if (call.level + 1 > features->level_max)
        features->level_max = call.level + 1;
    return value;
}
