/* Watching events and labels; see monitor.h.  A detector is one row of a region of its own.  The
 * metrics from the start are sums and a histogram; the recent ones are made, when they are asked
 * for, from a ring of the last judged decisions, so that nothing has to be taken out of a sum
 * again. */
#include "monitor/monitor.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "monitor/classes.h"
#include "monitor/watcher.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void *copy(const void *bytes, size_t size)
{
    void *copied = malloc(size);
    ASSERT(copied != NULL);
    return memcpy(copied, bytes, size);
}

struct monitor *monitor_open(const struct monitor_setting *setting)
{
    ASSERT(setting->detector_count <= DETECTORS_MAX);
    ASSERT(setting->recent_labels > 0);
    struct monitor *monitor = calloc(1, sizeof *monitor);
    ASSERT(monitor != NULL);
    monitor->watcher_count = setting->detector_count;
    monitor->alert_outcome = setting->alert_outcome;
    monitor->recent_labels = (uint64_t)setting->recent_labels;
    monitor->class_count = setting->class_count ? setting->class_count : 2;
    monitor->scratch = calloc(PREQUENTIAL_BINS, sizeof *monitor->scratch);
    ASSERT(monitor->scratch != NULL);
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        struct watcher *watcher = &monitor->watcher[i];
        watcher->setting = setting->detector[i];
        const struct detector_kind *kind = watcher->setting.kind;
        watcher->setting.options = copy(watcher->setting.options, kind->option_size);
        watcher->size = kind->state_size(watcher->setting.options);
        ASSERT(watcher->size > 0 && watcher->size % 8 == 0);
    }
    return monitor;
}

void monitor_close(struct monitor *monitor)
{
    if (!monitor)
        return;
    for (uint32_t i = 0; i < monitor->watcher_count; i++)
        free((void *)(uintptr_t)monitor->watcher[i].setting.options);
    free(monitor->scratch);
    free(monitor);
}

uint64_t watcher_fingerprint(const struct detector_setting *setting)
{
    static const size_t sizes[] = {
        [OPTION_NUMBER] = sizeof(double), [OPTION_INTEGER] = sizeof(int64_t),
        [OPTION_BOOLEAN] = sizeof(bool),  [OPTION_SPAN] = sizeof(int64_t),
        [OPTION_SIZE] = sizeof(int64_t),  [OPTION_CHOICE] = sizeof(int),
    };
    uint64_t print = hash_fingerprint(setting->kind->name, strlen(setting->kind->name));
    print = hash_pair(print, 1 + (uint64_t)setting->watched);
    if (setting->fingerprint)
        print = hash_pair(print, setting->fingerprint);
    for (const struct option *option = setting->kind->options; option->name; option++) {
        const char *value = (const char *)setting->options + option->offset;
        size_t size = option->type == OPTION_TEXT ? strlen(value) : sizes[option->type];
        print = hash_pair(print, 1 + (hash_fingerprint(value, size) >> 1));
    }
    return print;
}

void monitor_declare(struct monitor *monitor, struct state_layout *layout)
{
    monitor->sums_region =
        state_layout_add(layout, "metrics", PREQUENTIAL_BINS, sizeof(struct prequential_sums), 64,
                         1, STATE_ROWS_ALWAYS);
    monitor->bins_region =
        state_layout_add(layout, "metrics/bins", PREQUENTIAL_BINS, sizeof(struct prequential_bin),
                         16, PREQUENTIAL_BINS, STATE_ROWS_ALWAYS);
    monitor->recent_region = state_layout_add(layout, "metrics/recent", monitor->recent_labels,
                                              sizeof(struct prequential_row), 8,
                                              monitor->recent_labels, STATE_ROWS_ALWAYS);
    monitor->classes_region =
        state_layout_add(layout, "metrics/classes", monitor->class_count,
                         classes_size(monitor->class_count), 64, 1, STATE_ROWS_ALWAYS);
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        struct watcher *watcher = &monitor->watcher[i];
        char bytes[STATE_NAME_MAX];
        struct buffer name;
        buffer_init(&name, bytes, sizeof bytes - 1);
        buffer_text(&name, "detector/");
        buffer_text(&name, watcher->setting.name);
        bytes[name.size] = '\0';
        watcher->region = state_layout_add(layout, bytes, watcher_fingerprint(&watcher->setting),
                                           watcher->size, 64, 1, STATE_ROWS_ALWAYS);
    }
}

void monitor_start(const struct monitor *monitor, struct state *state)
{
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        const struct watcher *watcher = &monitor->watcher[i];
        watcher->setting.kind->init(state_write_row(state, watcher->region, 0),
                                    watcher->setting.options);
    }
}

/* Four decimals where they tell something, else what reads back as the same number. */
static void put_mean(struct buffer *text, double mean)
{
    double size = fabs(mean);
    if (size == 0 || (size >= 0.01 && size < 1e6))
        buffer_decimal(text, mean, 4);
    else
        buffer_format(text, "%.3g", mean);
}

static const char *watched_name(const struct detector_setting *setting)
{
    if (setting->watched == WATCH_ERROR)
        return "error";
    if (setting->watched == WATCH_LOSS)
        return "loss";
    return setting->subject[0] ? setting->subject : "value";
}

/* Many labels may mature before one row; only a detector's first alarm there is told. */
static bool already_told(const struct batch *batch, uint32_t row, const char *start, size_t size)
{
    for (uint32_t i = batch->event_count; i-- > 0 && batch->events[i].row == row;)
        if (batch->events[i].kind == MODEL_EVENT_DRIFT &&
            strncmp(batch->events[i].detail, start, size) == 0)
            return true;
    return false;
}

static void tell(const struct watcher *watcher, const void *detector, struct batch *batch,
                 uint32_t row)
{
    char bytes[sizeof batch->events->detail];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes - 1);
    buffer_format(&text, "%s: ", watcher->setting.name);
    if (already_told(batch, row, bytes, text.size))
        return;
    double before, after;
    watcher->setting.kind->change(detector, &before, &after);
    buffer_format(&text, "%s on %s: ", watcher->setting.kind->name,
                  watched_name(&watcher->setting));
    put_mean(&text, before);
    buffer_text(&text, " -> ");
    put_mean(&text, after);
    struct model_event *event = batch_add_event(batch, MODEL_EVENT_DRIFT, "", row);
    memcpy(event->detail, bytes, text.size);
}

static bool watch(const struct watcher *watcher, struct state *state, struct batch *batch,
                  uint32_t row, double value)
{
    void *detector = state_write(state, watcher->region, 0, 0, watcher->size);
    if (!watcher->setting.kind->update(detector, value))
        return false;
    tell(watcher, detector, batch, row);
    return true;
}

uint32_t monitor_event(const struct monitor *monitor, struct state *state, struct batch *batch,
                       uint32_t row)
{
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        const struct watcher *watcher = &monitor->watcher[i];
        if (watcher->setting.watched != WATCH_VALUE)
            continue;
        double value = batch_column(batch, watcher->setting.value)[row].number;
        alarms |= (uint32_t)watch(watcher, state, batch, row, value) << i;
    }
    return alarms;
}

/* Into the sums from the start, the histogram and the ring. */
static void monitor_count(const struct monitor *monitor, struct state *state,
                          const struct prequential_row *row)
{
    struct prequential_sums *sums = state_write_row(state, monitor->sums_region, 0);
    uint64_t place = sums->labels % monitor->recent_labels;
    *(struct prequential_row *)state_write_row(state, monitor->recent_region, place) = *row;
    prequential_add(
        sums, state_write_row(state, monitor->bins_region, prequential_bin_index(row->score)), row);
}

/* A label of two classes: into all metrics. */
static void judge_two(const struct monitor *monitor, struct state *state,
                      const struct judged *judged, double *error, double *loss)
{
    const struct prequential_row kept = {
        .score = isnan(judged->score) ? 0 : fmax(0, fmin(1, judged->score)),
        .weight = judged->weight,
        .positive = judged->label >= 0.5,
        .alert = judged->outcome >= monitor->alert_outcome,
    };
    monitor_count(monitor, state, &kept);
    *error = fabs(kept.positive - kept.score);
    *loss = prequential_log_loss(kept.score, kept.positive);
}

static uint32_t watch_label(const struct monitor *monitor, struct state *state, struct batch *batch,
                            uint32_t row, double error, double loss)
{
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        const struct watcher *watcher = &monitor->watcher[i];
        if (watcher->setting.watched == WATCH_VALUE)
            continue;
        double value = watcher->setting.watched == WATCH_ERROR ? error : loss;
        alarms |= (uint32_t)watch(watcher, state, batch, row, value) << i;
    }
    return alarms;
}

uint32_t monitor_label(const struct monitor *monitor, struct state *state, struct batch *batch,
                       uint32_t row, const struct judged *judged)
{
    if (isnan(judged->label) || !(judged->weight > 0 && isfinite(judged->weight)))
        return 0;
    classes_add(state_write_row(state, monitor->classes_region, 0), monitor->class_count, judged);
    double error, loss;
    if (monitor->class_count == 2)
        judge_two(monitor, state, judged, &error, &loss);
    else
        error = loss = judged->score != judged->label;
    return watch_label(monitor, state, batch, row, error, loss);
}

/* The ring's rows in the order of their places: a different order of adding only after a full turn,
 * and the same for the same state.  Rows without weight were never written: the ring was enlarged.
 */
static void recent_metrics(const struct monitor *monitor, const struct state *state,
                           uint64_t labels, struct metrics *metrics)
{
    struct prequential_sums sums = {.labels = 0};
    struct prequential_bin *bins = monitor->scratch;
    memset(bins, 0, PREQUENTIAL_BINS * sizeof *bins);
    uint64_t count = labels < monitor->recent_labels ? labels : monitor->recent_labels;
    for (uint64_t i = 0; i < count; i++) {
        const struct prequential_row *row = state_read(state, monitor->recent_region, i);
        if (row->weight > 0)
            prequential_add(&sums, &bins[prequential_bin_index(row->score)], row);
    }
    prequential_finish(&sums, bins, metrics);
}

void monitor_metrics(const struct monitor *monitor, const struct state *state, bool recent,
                     struct metrics *metrics)
{
    const struct prequential_sums *sums = state_read(state, monitor->sums_region, 0);
    if (recent)
        recent_metrics(monitor, state, sums->labels, metrics);
    else
        prequential_finish(sums, state_read(state, monitor->bins_region, 0), metrics);
}

void monitor_classes(const struct monitor *monitor, const struct state *state, uint8_t *last,
                     uint8_t *common)
{
    const struct classes_row *row = state_read(state, monitor->classes_region, 0);
    *last = (uint8_t)row->last;
    *common = (uint8_t)row->common;
}

void monitor_class_metrics(const struct monitor *monitor, const struct state *state,
                           enum class_predictor predictor, struct class_metrics *metrics)
{
    const struct classes_row *row = state_read(state, monitor->classes_region, 0);
    classes_finish(row, monitor->class_count, predictor, metrics);
}
