/* The fold, on one page: what a batch of records does to the state, and what the stages find out on
 * the way.  No clock, no chance, no I/O.
 *
 *     decode -> join -> extract -> for each row: score, decide, explain, watch, learn
 *
 * Decoding and extraction run down the columns, since nothing that follows feeds back into them.
 * From scoring on the rows go one by one: a label between two events changes the model that scores
 * the second. That is why any cut of one order into batches gives the same bytes. */
#include "engine/step.h"
#include "base/calendar.h"
#include "engine/control.h"
#include "engine/pipeline.h"
#include "engine/request.h"
#include "engine/tick.h"
#include "features/silence.h"

/* Rows that are no events have missing values in every field. */
static void row_clear(const struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    const struct schema *schema = &pipeline->config->events.schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->field[i];
        if (field->slot == SLOT_NONE)
            continue;
        union value *cell = &batch_column(batch, field->slot)[row];
        if (field_type_is_key(field->type))
            cell->key = 0;
        else
            cell->number = MISSING;
        if (field->text_slot != SLOT_NONE)
            batch_texts(batch, field->text_slot)[row] = (struct span){0, 0};
    }
}

/* Where events have no time each is a second after the one before, the first at 1970. */
static int64_t first_time(const struct pipeline *pipeline)
{
    int64_t newest_ms = pipeline_fold(pipeline)->newest_ms;
    return newest_ms == WATERMARK_NONE ? 0 : newest_ms + SECOND_MS;
}

static void decode_event(struct pipeline *pipeline, struct batch *batch, uint32_t row,
                         int64_t *next_ms)
{
    pipeline->config->events.decoder->decode(pipeline->event_decoder, batch, row);
    if (pipeline->config->untimed && !batch->dead[row]) {
        batch->time_ms[row] = *next_ms;
        *next_ms += SECOND_MS;
    }
    int64_t time_ms = batch->time_ms[row];
    if (!batch->dead[row] && (time_ms < pipeline->from_ms || time_ms >= pipeline->to_ms))
        batch->kind[row] = RECORD_OUTSIDE;
}

void step_decode(struct pipeline *pipeline, struct batch *batch)
{
    int64_t next_ms = first_time(pipeline);
    for (uint32_t row = 0; row < batch->count; row++) {
        batch->id[row] = 0;
        batch->id_text[row] = (struct span){0, 0};
        batch->label[row] = MISSING;
        if (batch->kind[row] == RECORD_CONTROL && tick_is(batch, row))
            batch->kind[row] = RECORD_TICK;
        if (batch->dead[row] || batch->kind[row] == RECORD_CONTROL)
            batch->time_ms[row] = pipeline_fold(pipeline)->newest_ms;
        else if (batch->kind[row] == RECORD_EVENT)
            decode_event(pipeline, batch, row, &next_ms);
        else if (batch->kind[row] == RECORD_LABEL)
            pipeline->config->labels_input.decoder->decode(pipeline->label_decoder, batch, row);
        if (batch->dead[row] || batch->kind[row] != RECORD_EVENT)
            row_clear(pipeline, batch, row);
        if (batch->kind[row] == RECORD_REQUEST && !batch->dead[row])
            request_decode(pipeline, batch, row);
    }
}

/* Alarms of detectors that are told to retrain put a training among the wishes. */
static void step_alarms(struct pipeline *pipeline, struct batch *batch, uint32_t row,
                        uint32_t alarms)
{
    if (alarms == 0 || pipeline->retrained == UINT32_MAX)
        return;
    const struct config *config = pipeline->config;
    for (uint32_t i = 0; i < config->detector_count; i++)
        if ((alarms >> i & 1) && config->detector[i].retrains)
            models_want_training(pipeline->models, &pipeline->state, pipeline->retrained,
                                 config->detector[i].name, batch, row);
}

/* After so many labels a training is due whether or not anything drifted. */
static void step_schedule(struct pipeline *pipeline, struct batch *batch, uint32_t row,
                          uint64_t matured)
{
    int64_t every = pipeline->config->retraining.every_labels;
    if (pipeline->retrained != UINT32_MAX && every > 0 && matured % (uint64_t)every == 0)
        models_want_training(pipeline->models, &pipeline->state, pipeline->retrained, "schedule",
                             batch, row);
}

/* A label has matured: metrics first, with the score as it was given, then the learners. */
static void step_learn(struct pipeline *pipeline, struct batch *batch, uint32_t row,
                       uint64_t number, double label, bool counted)
{
    struct state *state = &pipeline->state;
    const struct event_row *event = history_event(&pipeline->history, state, number);
    ASSERT(event);
    const struct judged judged = {
        .score = event->score,
        .label = label,
        .weight = 1,
        .outcome = event->outcome,
        .last_class = event->last_class,
        .common_class = event->common_class,
    };
    uint32_t alarms = counted ? monitor_label(pipeline->monitor, state, batch, row, &judged) : 0;
    const struct example example = {
        .feature = history_features(&pipeline->history, state, number),
        .time_ms = event->time_ms,
        .label = label,
        .weight = 1,
    };
    models_learn(pipeline->models, state, &example);
    struct fold_row *fold = state_write_row(state, pipeline->fold_region, 0);
    fold->matured++;
    step_alarms(pipeline, batch, row, alarms);
    step_schedule(pipeline, batch, row, fold->matured);
}

static void step_matured(struct pipeline *pipeline, struct batch *batch, uint32_t row,
                         struct matured matured, enum event_flag flag)
{
    for (uint64_t number = matured.from; number < matured.to; number++) {
        const struct event_row *event = history_event(&pipeline->history, &pipeline->state, number);
        if (!event || !(event->flags & flag))
            continue;
        /* Told what was taken as negative before, it is a correction. */
        bool corrects = flag == EVENT_TOLD && (event->flags & EVENT_SPENT);
        step_learn(pipeline, batch, row, number, flag == EVENT_TOLD ? event->carried : 0,
                   !corrects);
    }
}

/* Where the event's features and scores are kept until its label comes, or the scratch. */
static void step_places(struct pipeline *pipeline, uint64_t number, union value **features,
                        double **scores)
{
    const struct history *history = &pipeline->history;
    *features = pipeline->scratch_feature;
    *scores = pipeline->scratch_score;
    if (!pipeline->has_labels)
        return;
    uint8_t *example =
        state_write_row(&pipeline->state, history->example_region, history_slot(history, number));
    *features = (union value *)(example + 8ULL * history->key_count);
    *scores = (double *)(*features + history->feature_count);
}

static void step_count(struct pipeline *pipeline, const struct batch *batch, uint32_t row)
{
    struct state *state = &pipeline->state;
    struct fold_row *fold = state_write_row(state, pipeline->fold_region, 0);
    fold->outcomes[batch->outcome[row]]++;
    fold->alerts += batch->outcome[row] >= pipeline->config->alert_outcome;
    if (!pipeline->has_labels)
        return;
    const struct history *history = &pipeline->history;
    struct event_row *event =
        state_write_row(state, history->event_region, history_slot(history, batch->number[row]));
    event->score = batch->score[row];
    event->outcome = batch->outcome[row];
    monitor_classes(pipeline->monitor, state, &event->last_class, &event->common_class);
}

static void step_event(struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    struct state *state = &pipeline->state;
    union value *features;
    double *scores;
    step_places(pipeline, batch->number[row], &features, &scores);
    models_score(pipeline->models, state, batch, row, features, scores);
    program_run_scored(&pipeline->program, batch, row, row + 1);
    decide(&pipeline->decisions, batch, row);
    batch->reason_count[row] = 0;
    if (batch->outcome[row] >= pipeline->config->alert_outcome)
        batch->reason_count[row] = models_explain(pipeline->models, state, features,
                                                  batch->time_ms[row], batch->reasons[row]);
    models_learn_explained(pipeline->models, state, batch, row, features);
    step_count(pipeline, batch, row);
    step_alarms(pipeline, batch, row, monitor_event(pipeline->monitor, state, batch, row));
    if (!isnan(batch->label_early[row]))
        step_learn(pipeline, batch, row, batch->number[row], batch->label_early[row], true);
}

static void step_row(struct pipeline *pipeline, struct batch *batch, uint32_t row)
{
    step_matured(pipeline, batch, row, batch->told[row], EVENT_TOLD);
    step_matured(pipeline, batch, row, batch->spent[row], EVENT_SPENT);
    if (batch->dead[row])
        return;
    features_watch(pipeline->features, &pipeline->state, batch, row);
    if (batch->kind[row] == RECORD_EVENT)
        step_event(pipeline, batch, row);
    else if (batch->kind[row] == RECORD_CONTROL)
        control_apply(pipeline, batch, row);
    else if (batch->kind[row] == RECORD_REQUEST)
        request_answer(pipeline, batch, row);
    else if (batch->kind[row] == RECORD_LABEL && batch->join[row] <= JOIN_CORRECTED)
        step_learn(pipeline, batch, row, batch->number[row], batch->label[row],
                   batch->join[row] == JOIN_LEARNED);
}

void step_extract(struct pipeline *pipeline, struct batch *batch)
{
    features_extract(pipeline->features, &pipeline->program, &pipeline->state, batch,
                     pipeline->has_labels ? &pipeline->history : NULL);
}

void step_rows(struct pipeline *pipeline, struct batch *batch)
{
    for (uint32_t row = 0; row < batch->count; row++)
        step_row(pipeline, batch, row);
}

void step(struct pipeline *pipeline, struct batch *batch)
{
    step_decode(pipeline, batch);
    join(pipeline, batch);
    step_extract(pipeline, batch);
    step_rows(pipeline, batch);
}
