/* Collecting and printing what happened; see report.h. */
#include "engine/report.h"
#include "base/calendar.h"
#include "engine/watermark.h"
#include "features/burst.h"
#include "features/explain.h"
#include "features/silence.h"
#include <math.h>

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *metrics_json(const struct metrics *metrics)
{
    return json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "labels",
                     (json_int_t)metrics->labels, "positives", (json_int_t)metrics->positives,
                     "alerts", (json_int_t)metrics->alerts, "auc", json_number(metrics->auc),
                     "average_precision", json_number(metrics->average_precision), "accuracy",
                     json_number(metrics->accuracy), "precision", json_number(metrics->precision),
                     "recall", json_number(metrics->recall), "f1", json_number(metrics->f1),
                     "log_loss", json_number(metrics->log_loss));
}

static const char *const predictors[] = {"score", "no_change", "majority"};

/* What the classes were taken for by the score, and by what is to be beaten. */
static json_t *classes_json(const struct pipeline *pipeline)
{
    json_t *classes = json_object();
    for (int i = 0; i < CLASS_PREDICTORS; i++) {
        struct class_metrics metrics;
        monitor_class_metrics(pipeline->monitor, &pipeline->state, (enum class_predictor)i,
                              &metrics);
        json_object_set_new(classes, predictors[i],
                            json_pack("{s:I,s:o,s:o,s:o}", "labels", (json_int_t)metrics.labels,
                                      "accuracy", json_number(metrics.accuracy), "f1",
                                      json_number(metrics.f1), "kappa",
                                      json_number(metrics.kappa)));
    }
    return classes;
}

static json_t *outcomes_json(const struct pipeline *pipeline)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    json_t *outcomes = json_object();
    for (uint32_t i = 0; i < pipeline->decisions.outcome_count; i++)
        json_object_set_new(outcomes, pipeline->decisions.outcome[i],
                            json_integer((json_int_t)fold->outcomes[i]));
    return outcomes;
}

static json_t *labels_json(const struct fold_row *fold)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "records", (json_int_t)fold->labels, "learned",
                     (json_int_t)fold->labels_learned, "corrected",
                     (json_int_t)fold->labels_corrected, "repeated",
                     (json_int_t)fold->labels_repeated, "refused", (json_int_t)fold->labels_refused,
                     "matured", (json_int_t)fold->matured);
}

static json_t *models_json(const struct pipeline *pipeline)
{
    json_t *models = json_object();
    for (uint32_t i = 0; i < pipeline->config->model_count; i++) {
        struct slot_report report = {0};
        models_report(pipeline->models, &pipeline->state, i, SLOT_CHAMPION, &report);
        json_object_set_new(models, pipeline->config->model[i].name,
                            json_pack("{s:I,s:o,s:I,s:I}", "labels", (json_int_t)report.labels,
                                      "log_loss", json_number(report.loss), "trainings",
                                      (json_int_t)report.trainings, "promotions",
                                      (json_int_t)report.promotions));
    }
    return models;
}

static json_t *entities_json(const struct pipeline *pipeline)
{
    struct entity_report reports[CONFIG_ENTITIES_MAX];
    uint32_t count =
        features_report(pipeline->features, &pipeline->state, reports, CONFIG_ENTITIES_MAX);
    json_t *entities = json_object();
    for (uint32_t i = 0; i < count; i++)
        json_object_set_new(
            entities, reports[i].name,
            json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "live",
                      (json_int_t)reports[i].live, "most", (json_int_t)reports[i].entities_max,
                      "bytes_each", (json_int_t)reports[i].bytes_per_entity, "memory",
                      (json_int_t)reports[i].memory, "blocks", (json_int_t)reports[i].blocks,
                      "blocks_most", (json_int_t)reports[i].blocks_max, "evicted_for_rows",
                      (json_int_t)reports[i].evicted_for_rows, "evicted_for_blocks",
                      (json_int_t)reports[i].evicted_for_blocks, "expired",
                      (json_int_t)reports[i].expired, "erased", (json_int_t)reports[i].erased,
                      "events_spilled", (json_int_t)reports[i].events_spilled, "events_dropped",
                      (json_int_t)reports[i].events_dropped, "late", (json_int_t)reports[i].late));
    return entities;
}

static json_t *silences_json(const struct pipeline *pipeline)
{
    json_t *silences = json_array();
    for (uint32_t i = 0; i < features_silence_count(pipeline->features); i++) {
        struct silence_report report;
        features_silence_report(pipeline->features, &pipeline->state, i, &report);
        json_array_append_new(
            silences,
            json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "entity", report.entity, "span_ms",
                      (json_int_t)report.span_ms, "watched", (json_int_t)report.live, "most",
                      (json_int_t)report.rows_max, "told", (json_int_t)report.told, "unwatched",
                      (json_int_t)report.unwatched));
    }
    return silences;
}

static json_t *bursts_json(const struct pipeline *pipeline)
{
    json_t *bursts = json_array();
    for (uint32_t i = 0; i < features_burst_count(pipeline->features); i++) {
        struct burst_report report;
        features_burst_report(pipeline->features, &pipeline->state, i, &report);
        json_array_append_new(bursts,
                              json_pack("{s:s,s:I,s:I,s:I}", "burst", report.formula, "counted",
                                        (json_int_t)report.counted, "late", (json_int_t)report.late,
                                        "ahead", (json_int_t)report.ahead));
    }
    return bursts;
}

static json_t *time_json(int64_t time_ms)
{
    char text[32];
    struct buffer buffer;
    buffer_init(&buffer, text, sizeof text);
    if (time_ms == WATERMARK_NONE)
        return json_null();
    calendar_format(&buffer, time_ms);
    return json_stringn(text, buffer.size);
}

/* How far event time has come, and who lags. */
static json_t *watermark_json(const struct pipeline *pipeline)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    json_t *partitions = json_array();
    struct partition_report report;
    for (uint32_t i = 0; watermark_report(pipeline, &i, &report);)
        json_array_append_new(
            partitions,
            json_pack("{s:I,s:I,s:o,s:I,s:b}", "partition", (json_int_t)report.partition, "events",
                      (json_int_t)report.events, "newest", time_json(report.newest_ms), "behind_ms",
                      (json_int_t)report.behind_ms, "idle", report.idle));
    return json_pack("{s:o,s:o,s:I,s:o}", "time", time_json(fold->watermark_ms), "newest",
                     time_json(fold->newest_ms), "ticks", (json_int_t)fold->ticks, "partitions",
                     partitions);
}

static json_t *requests_json(const struct fold_row *fold)
{
    return json_pack("{s:I,s:I}", "erase", (json_int_t)fold->requests, "erased",
                     (json_int_t)fold->erased);
}

static json_t *latency_json(const struct histogram *histogram)
{
    return json_pack("{s:f,s:f,s:f,s:f}", "p50", (double)histogram_quantile(histogram, 0.5) / 1e6,
                     "p99", (double)histogram_quantile(histogram, 0.99) / 1e6, "p99_9",
                     (double)histogram_quantile(histogram, 0.999) / 1e6, "maximum",
                     (double)histogram->maximum / 1e6);
}

/* What the retraining gained: the deciding model beside the frozen one it replaced, on the same
 * labels. */
static json_t *gain_json(const struct pipeline *pipeline)
{
    struct slot_report report = {0};
    if (pipeline->retrained != UINT32_MAX)
        models_report(pipeline->models, &pipeline->state, pipeline->retrained, SLOT_PREVIOUS,
                      &report);
    if (!report.present || report.race_labels == 0)
        return json_null();
    return json_pack("{s:I,s:f,s:f}", "labels", (json_int_t)report.race_labels, "log_loss",
                     report.race_loss[0], "log_loss_without", report.race_loss[1]);
}

/* Of what was decided here; a state that was recovered brings its counts along. */
static double rate(const struct engine *engine, double seconds)
{
    return (double)(engine->events - engine->first_events) / seconds;
}

json_t *report_make(const struct engine *engine, double seconds)
{
    const struct pipeline *pipeline = engine->pipeline;
    const struct fold_row *fold = pipeline_fold(pipeline);
    struct metrics all, recent;
    monitor_metrics(pipeline->monitor, &pipeline->state, false, &all);
    monitor_metrics(pipeline->monitor, &pipeline->state, true, &recent);
    char hash[24];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)state_hash(&pipeline->state));
    json_t *report = json_object();
    json_object_set_new(report, "events", json_integer((json_int_t)fold->events));
    json_object_set_new(report, "dead_letters", json_integer((json_int_t)fold->dead_letters));
    json_object_set_new(report, "ahead_of_time", json_integer((json_int_t)fold->ahead));
    json_object_set_new(report, "alerts", json_integer((json_int_t)fold->alerts));
    json_object_set_new(report, "outcomes", outcomes_json(pipeline));
    json_object_set_new(report, "labels", labels_json(fold));
    json_object_set_new(report, "seconds", json_real(seconds));
    json_object_set_new(report, "events_per_second",
                        json_number(seconds > 0 ? rate(engine, seconds) : NAN));
    json_object_set_new(report, "state_hash", json_string(hash));
    json_object_set_new(report, "metrics", metrics_json(&all));
    json_object_set_new(report, "recent_metrics", metrics_json(&recent));
    json_object_set_new(report, "classes", classes_json(pipeline));
    json_object_set_new(report, "models", models_json(pipeline));
    json_object_set_new(report, "retraining", gain_json(pipeline));
    json_object_set_new(report, "entities", entities_json(pipeline));
    json_object_set_new(report, "silences", silences_json(pipeline));
    json_object_set_new(report, "bursts", bursts_json(pipeline));
    json_object_set_new(report, "watermark", watermark_json(pipeline));
    json_object_set_new(report, "requests", requests_json(fold));
    json_object_set_new(report, "decision_latency_ms", latency_json(engine->decision_latency));
    json_object_set_new(report, "commit_latency_ms", latency_json(engine->outbox.commit_latency));
    return report;
}

/* A figure that cannot be said yet is a dash. */
static const char *figure(char text[16], double value, int decimals)
{
    if (isfinite(value))
        snprintf(text, 16, "%.*f", decimals, value);
    else
        snprintf(text, 16, "-");
    return text;
}

/* Whether anything can ever be decided but the weakest outcome. */
static bool can_alert(const struct pipeline *pipeline)
{
    bool can = pipeline->decisions.rule_count > 0;
    for (uint32_t i = 1; i < pipeline->decisions.outcome_count; i++)
        can = can || !isnan(pipeline->decisions.threshold[i]);
    return can;
}

static void print_metrics(const struct pipeline *pipeline, const char *name,
                          const struct metrics *metrics, FILE *file)
{
    char recall[16], precision[16], auc[16], average[16];
    if (metrics->labels == 0)
        return;
    double caught = isnan(metrics->recall) ? 0 : metrics->recall * (double)metrics->positives;
    fprintf(file, "%-18s ", name);
    if (can_alert(pipeline))
        fprintf(file, "%.0f of %llu positives caught (recall %s), precision %s; ", caught,
                (unsigned long long)metrics->positives, figure(recall, metrics->recall, 3),
                figure(precision, metrics->precision, 3));
    fprintf(file, "AUC %s, average precision %s (%llu labels)\n", figure(auc, metrics->auc, 4),
            figure(average, metrics->average_precision, 4), (unsigned long long)metrics->labels);
}

/* "accuracy 0.543208, F1 0.197015" of the score above 0.5 (of more than two classes: of the class),
 * beside what looks at labels alone. */
static void print_classes(const struct pipeline *pipeline, FILE *file)
{
    static const char *const names[] = {"classes", "  last class seen", "  majority class"};
    struct class_metrics metrics;
    struct metrics all;
    char accuracy[16], f1[16], kappa[16], loss[16];
    monitor_metrics(pipeline->monitor, &pipeline->state, false, &all);
    for (int i = 0; i < CLASS_PREDICTORS; i++) {
        monitor_class_metrics(pipeline->monitor, &pipeline->state, (enum class_predictor)i,
                              &metrics);
        if (metrics.labels == 0)
            continue;
        fprintf(file, "%-18s accuracy %s, %s %s, kappa %s", names[i],
                figure(accuracy, metrics.accuracy, 6),
                pipeline->config->labels.class_count > 2 ? "macro F1" : "F1",
                figure(f1, metrics.f1, 6), figure(kappa, metrics.kappa, 4));
        if (i == PREDICTOR_SCORE && isfinite(all.log_loss))
            fprintf(file, ", log loss %s", figure(loss, all.log_loss, 4));
        fprintf(file, " (%llu labels)\n", (unsigned long long)metrics.labels);
    }
}

/* Several models beside one another, each by its own score: log loss, or for labels of more than
 * two classes the share of mistakes. */
static void print_models(const struct pipeline *pipeline, FILE *file)
{
    const struct config *config = pipeline->config;
    for (uint32_t i = 0; config->model_count > 1 && i < config->model_count; i++) {
        struct slot_report report = {0};
        char loss[16];
        models_report(pipeline->models, &pipeline->state, i, SLOT_CHAMPION, &report);
        if (report.labels)
            fprintf(file, "  %-16s %s %s (%llu labels)\n", config->model[i].name,
                    config->labels.class_count > 2 ? "mistakes" : "log loss",
                    figure(loss, report.loss, 4), (unsigned long long)report.labels);
    }
}

static void print_entities(const struct pipeline *pipeline, FILE *file)
{
    struct entity_report reports[CONFIG_ENTITIES_MAX];
    uint32_t count =
        features_report(pipeline->features, &pipeline->state, reports, CONFIG_ENTITIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct entity_report *report = &reports[i];
        if (report->late + report->events_dropped)
            fprintf(file, "%-18s %s: %llu events too late, %llu old events dropped\n", "windows",
                    report->name, (unsigned long long)report->late,
                    (unsigned long long)report->events_dropped);
        if (report->events_spilled)
            fprintf(file, "%-18s %s: %llu old events kept in panes alone\n", "windows",
                    report->name, (unsigned long long)report->events_spilled);
        if (report->evicted_for_rows + report->evicted_for_blocks + report->expired +
            report->erased)
            fprintf(file,
                    "%-18s %s: %llu for want of rows, %llu for want of blocks, %llu expired, %llu "
                    "erased\n",
                    "forgotten", report->name, (unsigned long long)report->evicted_for_rows,
                    (unsigned long long)report->evicted_for_blocks,
                    (unsigned long long)report->expired, (unsigned long long)report->erased);
    }
}

static void print_silences(const struct pipeline *pipeline, FILE *file)
{
    for (uint32_t i = 0; i < features_silence_count(pipeline->features); i++) {
        struct silence_report report;
        features_silence_report(pipeline->features, &pipeline->state, i, &report);
        fprintf(file, "%-18s %s for %.15g s: %llu told, %llu watched now", "silences",
                report.entity, (double)report.span_ms / 1000, (unsigned long long)report.told,
                (unsigned long long)report.live);
        if (report.unwatched)
            fprintf(file, "; %llu left off for want of room", (unsigned long long)report.unwatched);
        fprintf(file, "\n");
    }
}

static void print_bursts(const struct pipeline *pipeline, FILE *file)
{
    for (uint32_t i = 0; i < features_burst_count(pipeline->features); i++) {
        struct burst_report report;
        features_burst_report(pipeline->features, &pipeline->state, i, &report);
        if (report.late + report.ahead)
            fprintf(file, "%-18s %s: %llu events too late, %llu too far ahead: not counted\n",
                    "bursts", report.formula, (unsigned long long)report.late,
                    (unsigned long long)report.ahead);
    }
}

static void print_ticks(const struct fold_row *fold, FILE *file)
{
    if (fold->ticks)
        fprintf(file, "%-18s %llu moved event time on while no event came\n", "ticks",
                (unsigned long long)fold->ticks);
}

static void print_ahead(const struct fold_row *fold, FILE *file)
{
    if (fold->ahead)
        fprintf(
            file,
            "%-18s %llu events were dated too far ahead (`future`) to be believed: decided, but "
            "in no window\n",
            "clocks", (unsigned long long)fold->ahead);
}

static bool wants_labels(const struct pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->config->model_count; i++)
        if (pipeline->config->model[i].kind->supervised)
            return true;
    return pipeline->has_labels;
}

static void print_labels(const struct pipeline *pipeline, FILE *file)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    if (wants_labels(pipeline) && fold->events && fold->matured == 0)
        fprintf(file, "%-18s none has come yet%s\n", "labels",
                pipeline->config->labels.event_source[0]
                    ? ""
                    : "; where history carries them, labels.event_field names the field");
}

static void print_retraining(const struct pipeline *pipeline, FILE *file)
{
    struct slot_report champion = {0}, previous = {0};
    if (pipeline->retrained == UINT32_MAX)
        return;
    models_report(pipeline->models, &pipeline->state, pipeline->retrained, SLOT_CHAMPION,
                  &champion);
    models_report(pipeline->models, &pipeline->state, pipeline->retrained, SLOT_PREVIOUS,
                  &previous);
    fprintf(file, "%-18s %llu trainings, %llu promotions", "retraining",
            (unsigned long long)champion.trainings, (unsigned long long)champion.promotions);
    if (previous.present && previous.race_labels)
        fprintf(file, "; log loss %.5f, %.5f without it (%llu labels since)", previous.race_loss[0],
                previous.race_loss[1], (unsigned long long)previous.race_labels);
    fprintf(file, "\n");
}

static void print_outcomes(const struct pipeline *pipeline, FILE *file)
{
    const struct fold_row *fold = pipeline_fold(pipeline);
    fprintf(file, "%-18s", "decisions");
    for (uint32_t i = 0; i < pipeline->decisions.outcome_count; i++)
        fprintf(file, "%s %s %llu", i ? "," : "", pipeline->decisions.outcome[i],
                (unsigned long long)fold->outcomes[i]);
    fprintf(file, "; dead letters %llu\n", (unsigned long long)fold->dead_letters);
}

void report_print(const struct engine *engine, double seconds, FILE *file)
{
    const struct pipeline *pipeline = engine->pipeline;
    const struct fold_row *fold = pipeline_fold(pipeline);
    const struct histogram *latency = engine->decision_latency;
    struct metrics all, recent;
    monitor_metrics(pipeline->monitor, &pipeline->state, false, &all);
    monitor_metrics(pipeline->monitor, &pipeline->state, true, &recent);
    fprintf(file, "%-18s %llu in %.1f s, %.0f a second\n", "events",
            (unsigned long long)fold->events, seconds, seconds > 0 ? rate(engine, seconds) : 0.0);
    fprintf(file, "%-18s p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms\n", "decision latency",
            (double)histogram_quantile(latency, 0.5) / 1e6,
            (double)histogram_quantile(latency, 0.99) / 1e6,
            (double)histogram_quantile(latency, 0.999) / 1e6);
    print_outcomes(pipeline, file);
    print_entities(pipeline, file);
    print_silences(pipeline, file);
    print_ticks(fold, file);
    print_bursts(pipeline, file);
    print_ahead(fold, file);
    print_labels(pipeline, file);
    print_metrics(pipeline, "all labels", &all, file);
    print_metrics(pipeline, "recent labels", &recent, file);
    print_classes(pipeline, file);
    print_models(pipeline, file);
    print_retraining(pipeline, file);
    fprintf(file, "%-18s %016llx\n", "state hash",
            (unsigned long long)state_hash(&pipeline->state));
}
