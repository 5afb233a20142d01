/* The explanation for people; see explain.h. */
#include "base/calendar.h"
#include "engine/explain.h"
#include "features/silence.h"
#include <string.h>

enum { SPAN_TEXT_MAX = 64, SIZE_TEXT_MAX = 32, PAST_TEXT_MAX = 96, FORMULA_WIDTH_MAX = 60 };

static const char *size_text(char text[SIZE_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    uint32_t unit = 0;
    for (; size >= 10240 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1024;
    snprintf(text, SIZE_TEXT_MAX, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return text;
}

/* "30d 10m": in as many units as it takes, whole seconds. */
static const char *span_text(char text[SPAN_TEXT_MAX], int64_t span_ms)
{
    static const struct {
        int64_t length_ms;
        char unit;
    } units[] = {{DAY_MS, 'd'}, {HOUR_MS, 'h'}, {MINUTE_MS, 'm'}, {SECOND_MS, 's'}};
    int used = snprintf(text, SPAN_TEXT_MAX, "%s", span_ms < SECOND_MS ? "no time" : "");
    const char *separator = "";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t whole = span_ms / units[i].length_ms;
        if (whole == 0)
            continue;
        used += snprintf(text + used, SPAN_TEXT_MAX - (size_t)used, "%s%lld%c", separator,
                         (long long)whole, units[i].unit);
        span_ms -= whole * units[i].length_ms;
        separator = " ";
    }
    return text;
}

static void print_users(const struct explanation *explanation, uint32_t window, FILE *file)
{
    const char *separator = "";
    for (uint32_t i = 0; i < explanation->user_count; i++) {
        if (!explanation->uses[(size_t)window * explanation->user_count + i])
            continue;
        fprintf(file, "%s%s%s", separator, explanation->user[i].is_rule ? "rule " : "",
                explanation->user[i].name);
        separator = ", ";
    }
    if (!*separator)
        fputs("other windows", file);
}

static const char *keeping_text(const struct window_plan *window, char text[SIZE_TEXT_MAX])
{
    static const char *const names[] = {
        [KEEPING_SUMS] = "sums", [KEEPING_VALUE] = "value", [KEEPING_ORDER] = "order"};
    snprintf(text, SIZE_TEXT_MAX, window->keeping_windows > 1 ? "%s of %u" : "%s%.0u",
             names[window->keeping], window->keeping_windows > 1 ? window->keeping_windows : 0);
    return text;
}

/* An error is rounded up to what people say. */
static int64_t minutes_up_ms(int64_t span_ms)
{
    int64_t unit_ms = span_ms > HOUR_MS ? MINUTE_MS : span_ms > MINUTE_MS ? SECOND_MS : 1;
    return (span_ms + unit_ms - 1) / unit_ms * unit_ms;
}

/* "by 12h", "by 12h, 3.3 %", "newest". */
static const char *past_text(const struct window_plan *window, char text[PAST_TEXT_MAX])
{
    char span[SPAN_TEXT_MAX];
    if (window->exact)
        return "";
    if (window->past == PAST_LOST)
        return "newest";
    snprintf(text, PAST_TEXT_MAX, "%s%s%s%s", window->error_ms ? "by " : "",
             window->error_ms ? span_text(span, minutes_up_ms(window->error_ms)) : "",
             window->error_ms && window->past == PAST_SKETCHES ? ", " : "",
             sketch_plans[window->sketch].summary);
    return text;
}

static void print_window(const struct explanation *explanation, uint32_t index, int width,
                         FILE *file)
{
    const struct window_plan *window = &explanation->window[index];
    char keeping[SIZE_TEXT_MAX], exact[SIZE_TEXT_MAX], past[PAST_TEXT_MAX];
    snprintf(exact, sizeof exact, "%llu", (unsigned long long)window->exact_events);
    fprintf(file, "  %-*s  %-10s %5u %5.0f  %-8s  %-16s  ", width, window->formula,
            keeping_text(window, keeping), window->row_bytes, window->cost.few_ns,
            window->exact ? "always" : exact, past_text(window, past));
    print_users(explanation, index, file);
    fputs("\n", file);
}

static int formula_width(const struct explanation *explanation, uint32_t entity)
{
    size_t width = strlen("window");
    for (uint32_t i = 0; i < explanation->entity[entity].window_count; i++) {
        size_t size = strlen(explanation->window[explanation->window_first[entity] + i].formula);
        width = size > width && size <= FORMULA_WIDTH_MAX ? size : width;
    }
    return (int)width;
}

/* What one entity takes. */
static void print_bytes(const struct entity_plan *plan, FILE *file)
{
    char span[SPAN_TEXT_MAX];
    fprintf(file, "  %u bytes each, and %u in the index: head %u, cursors %u, sums and values %u",
            plan->row_bytes, plan->index_bytes, plan->head_bytes, plan->cursor_bytes,
            plan->value_bytes);
    if (!plan->block_events) {
        fputs("; events are not kept\n", file);
        return;
    }
    fprintf(file, ", room for its %u newest events\n", plan->inline_events);
    fprintf(
        file,
        "  %u bytes an event (%u arguments), kept for %s%s; older ones in blocks of %u, %u bytes\n",
        plan->event_bytes, plan->cell_count, span_text(span, plan->kept_ms),
        plan->keeps_longer ? " or as long as a window holds them" : "", plan->block_events,
        plan->block_bytes);
    if (plan->tree_count)
        fprintf(file,
                "  %u sets of values in order: trees past %u events, of nodes of %u bytes for up "
                "to %u values\n",
                plan->tree_count, plan->tree_from, plan->node_bytes, plan->node_events);
    if (plan->panes_bytes)
        fprintf(file,
                "  past %llu events panes of %u bytes, what is older and spilled; room for %llu "
                "such\n",
                (unsigned long long)plan->events_max, plan->panes_bytes,
                (unsigned long long)plan->panes_max);
}

/* What the words of the column mean. */
static void print_sketches(const struct explanation *explanation, uint32_t entity, FILE *file)
{
    bool used[SKETCHES] = {false};
    uint32_t first = explanation->window_first[entity];
    for (uint32_t i = 0; i < explanation->entity[entity].window_count; i++)
        used[explanation->window[first + i].sketch] = true;
    for (uint32_t i = SKETCH_BUCKETS; i < SKETCHES; i++)
        if (used[i])
            fprintf(file, "  %s: %s\n", sketch_plans[i].summary, sketch_plans[i].error);
}

static void print_entity(const struct explanation *explanation, uint32_t entity, FILE *file)
{
    const struct entity_plan *plan = &explanation->entity[entity];
    struct cost cost = explain_cost(explanation, entity);
    int width = formula_width(explanation, entity);
    fprintf(file,
            "\nby %s: %u window%s over %u frame%s; about %.0f ns an event, %.0f with a "
            "thousand events in each\n",
            plan->name, plan->window_count, plan->window_count == 1 ? "" : "s", plan->frame_count,
            plan->frame_count == 1 ? "" : "s", cost.few_ns, cost.many_ns);
    print_bytes(plan, file);
    fprintf(file, "  %-*s  %-10s %5s %5s  %-8s  %-16s  %s\n", width, "window", "kept as", "bytes",
            "ns", "exact to", "past that", "used by");
    for (uint32_t i = 0; i < plan->window_count; i++)
        print_window(explanation, explanation->window_first[entity] + i, width, file);
    print_sketches(explanation, entity, file);
}

static void print_bursts(const struct explanation *explanation, FILE *file)
{
    char size[SIZE_TEXT_MAX], span[SPAN_TEXT_MAX];
    if (explanation->burst_count)
        fputs("\nof no entity:\n", file);
    for (uint32_t i = 0; i < explanation->burst_count; i++) {
        const struct burst_plan *burst = &explanation->burst[i];
        fprintf(
            file,
            "  %s: counts a tick of %s and the past in 3 sketches of %u rows of %u, %s, however "
            "many there are; counts are never too low, and too high where others share their "
            "buckets; used by",
            burst->formula, span_text(span, burst->tick_ms), burst->rows, burst->buckets,
            size_text(size, burst->bytes));
        const char *separator = " ";
        for (uint32_t user = 0; user < explanation->user_count; user++)
            if (explain_uses(explanation, user, burst->value)) {
                fprintf(file, "%s%s%s", separator, explanation->user[user].is_rule ? "rule " : "",
                        explanation->user[user].name);
                separator = ", ";
            }
        fputs(*separator == ' ' ? " windows\n" : "\n", file);
    }
}

static void print_silences(const struct explanation *explanation, FILE *file)
{
    char size[SIZE_TEXT_MAX], span[SPAN_TEXT_MAX];
    const struct features *features = explanation->pipeline->features;
    for (uint32_t i = 0; i < features_silence_count(features); i++) {
        struct silence_report report;
        features_silence_report(features, NULL, i, &report);
        fprintf(file,
                "%s%s that is silent for %s is told of in `alerts`: up to %llu are watched, %s\n",
                i ? "" : "\n", report.entity, span_text(span, report.span_ms),
                (unsigned long long)report.rows_max, size_text(size, report.bytes));
    }
}

static void print_features(const struct explanation *explanation, FILE *file)
{
    const struct config *config = explanation->pipeline->config;
    int width = 0;
    for (uint32_t i = 0; i < config->feature_count; i++) {
        int size = (int)strlen(config->feature[i].name);
        width = size > width ? size : width;
    }
    fputs("\nfeatures:\n", file);
    for (uint32_t i = 0; i < config->feature_count; i++)
        fprintf(file, "  %-*s  %s\n", width, config->feature[i].name, config->feature[i].formula);
}

static void print_shared(const struct explanation *explanation, FILE *file)
{
    if (explanation->shared_count)
        fputs("\ncomputed once for several:\n", file);
    for (uint32_t i = 0; i < explanation->shared_count; i++)
        fprintf(file, "  %s (%u)\n", explanation->shared[i].formula, explanation->shared[i].askers);
}

/* Nobody asked: what there is room for. */
static void print_room(const struct explanation *explanation, FILE *file)
{
    char size[SIZE_TEXT_MAX];
    fprintf(file, "\nroom in %s for:\n", size_text(size, (uint64_t)explanation->entity_memory));
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        const struct entity_plan *plan = &explanation->entity[i];
        fprintf(file, "  %llu of %s", (unsigned long long)plan->rows_max, plan->name);
        if (plan->block_events)
            fprintf(file, ", with %u events each, and %llu older events in all",
                    plan->inline_events,
                    (unsigned long long)(plan->blocks_max * plan->block_events));
        fputs("\n", file);
    }
}

static void print_answer(const struct explanation *explanation,
                         const struct explain_question *question, FILE *file)
{
    char size[SIZE_TEXT_MAX];
    uint64_t total = 0;
    bool fits = true;
    fputs("\n", file);
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        const struct entity_plan *plan = &explanation->entity[i];
        uint64_t bytes = explain_bytes(explanation, i, question);
        bool fits_here = explain_fits(explanation, i, question);
        if (question->entities[i] == 0)
            continue;
        total += bytes;
        fits = fits && fits_here;
        fprintf(file, "%llu of %s with %llu events each: %s, %s\n",
                (unsigned long long)question->entities[i], plan->name,
                (unsigned long long)(question->events ? question->events : plan->inline_events),
                size_text(size, bytes),
                fits_here ? "fits" : "does not fit: the longest idle would be forgotten");
    }
    char room[SIZE_TEXT_MAX];
    fprintf(file, "together %s of %s: %s\n", size_text(size, total),
            size_text(room, (uint64_t)explanation->entity_memory),
            fits ? "fits"
            : total <= (uint64_t)explanation->entity_memory
                ? "there is enough in all; give kinds their shares by `entities`"
                : "does not fit; raise `memory`");
}

void explain_print(const struct explanation *explanation, const struct explain_question *question,
                   FILE *file)
{
    const struct config *config = explanation->pipeline->config;
    fprintf(file, "%s: features: %u; windows: %u; kinds of entities: %u\n", config->name,
            config->feature_count, explanation->window_count, explanation->entity_count);
    double ns = 0;
    for (uint32_t i = 0; i < explanation->entity_count; i++) {
        print_entity(explanation, i, file);
        ns += explain_cost(explanation, i).few_ns;
    }
    print_bursts(explanation, file);
    print_silences(explanation, file);
    print_features(explanation, file);
    print_shared(explanation, file);
    if (explanation->entity_count == 0)
        return;
    if (question->asked)
        print_answer(explanation, question, file);
    else
        print_room(explanation, file);
    fprintf(file,
            "\nwindows of about 16 events cost %.1f us an event; estimates are from a table, not "
            "measured here\n",
            ns / 1000);
}
