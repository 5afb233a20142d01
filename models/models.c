/* The pipeline's models at work; see models.h.
 *
 * State: `races`, one row a model (race.h), and for each model a region of one row, or of three if
 * it is retrained: champion, challenger, previous.  Which row is whose is in the race. */
#include "models/models.h"
#include "base/assert.h"
#include "base/hash.h"
#include "models/model_file.h"
#include "models/numbers.h"
#include "models/slot.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_ALIGNMENT = 64 };

static void member_open(struct member *member, const struct models_setting *setting)
{
    const struct model_setting *own = member->setting;
    member->all = own->feature_count == setting->feature_count;
    for (uint32_t i = 0; i < own->feature_count; i++) {
        uint32_t feature = own->feature[i];
        ASSERT(feature < setting->feature_count);
        member->type[i] = setting->feature_type[feature];
        member->name[i] = setting->feature_name[feature];
        member->all = member->all && feature == i;
    }
    member->shape = (struct model_shape){own->feature_count, member->type, member->name,
                                         setting->class_count ? setting->class_count : 2};
    /* By name, so that another model in the configuration changes nothing here. */
    member->seed = setting->seed ^ hash_fingerprint(own->name, strlen(own->name));
}

/* The first learner that can say why, or else the first detector; MODELS_MAX: none. */
static uint32_t explaining_model(const struct models_setting *setting)
{
    uint32_t found = MODELS_MAX;
    for (uint32_t i = 0; i < setting->model_count; i++) {
        const struct model_kind *kind = setting->model[i].kind;
        if (kind->explain && kind->supervised)
            return i;
        if (kind->explain && found == MODELS_MAX)
            found = i;
    }
    return found;
}

struct models *models_open(const struct models_setting *setting)
{
    ASSERT(setting->model_count <= MODELS_MAX && setting->feature_count <= MODEL_FEATURES_MAX);
    struct models *models = calloc(1, sizeof *models);
    ASSERT(models);
    models->race = setting->race;
    models->explaining = explaining_model(setting);
    models->class_fingerprint = setting->class_fingerprint;
    models->feature_count = setting->feature_count;
    models->model_count = models->score_count = setting->model_count;
    for (uint32_t i = 0; i < setting->feature_count; i++)
        models->feature_value[i] = setting->feature_value[i];
    for (uint32_t i = 0; i < setting->model_count; i++) {
        struct member *member = &models->member[i];
        models->setting[i] = setting->model[i];
        member->setting = &models->setting[i];
        member_open(member, setting);
        if (member->setting->retrained)
            member->challenger_score = models->score_count++;
    }
    return models;
}

void models_close(struct models *models)
{
    free(models);
}

uint32_t models_score_count(const struct models *models)
{
    return models->score_count;
}

static size_t option_bytes(const struct option *option)
{
    switch (option->type) {
    case OPTION_TEXT:
        return option->size;
    case OPTION_BOOLEAN:
        return sizeof(bool);
    case OPTION_CHOICE:
        return sizeof(int);
    default:
        return sizeof(double);
    }
}

uint64_t member_options_fingerprint(const struct member *member)
{
    uint64_t print = 1;
    const uint8_t *options = (const uint8_t *)member->setting->options;
    const struct option *option = member->setting->kind->options;
    for (; option && option->name; option++)
        print =
            hash_pair(print, hash_fingerprint(options + option->offset, option_bytes(option)) | 1);
    const struct imbalance_setting *imbalance = &member->setting->imbalance;
    if (imbalance_used(imbalance)) {
        const double parts[] = {imbalance->method, imbalance->weight, imbalance->dropout};
        print = hash_pair(print, hash_fingerprint(parts, sizeof parts) | 1);
    }
    return print;
}

/* Of kind, options, features and classes: what the row's bytes mean. */
static uint64_t member_fingerprint(const struct models *models, const struct member *member)
{
    const struct model_kind *kind = member->setting->kind;
    uint64_t print = hash_fingerprint(kind->name, strlen(kind->name));
    print = hash_pair(print, member_options_fingerprint(member) | 1);
    for (uint32_t i = 0; i < member->shape.feature_count; i++) {
        print = hash_pair(print, hash_fingerprint(member->name[i], strlen(member->name[i])) | 1);
        print = hash_pair(print, (uint64_t)member->type[i] + 1);
    }
    if (models->class_fingerprint && member->setting->kind->supervised)
        print = hash_pair(print, models->class_fingerprint | 1);
    return print;
}

void models_declare(struct models *models, struct state_layout *layout)
{
    uint64_t count = models->model_count > 0 ? models->model_count : 1;
    models->race_region = state_layout_add(layout, "models.races", sizeof(struct race_row),
                                           sizeof(struct race_row), 8, count, STATE_ROWS_ALWAYS);
    for (uint32_t i = 0; i < models->model_count; i++) {
        struct member *member = &models->member[i];
        const struct model_setting *setting = member->setting;
        uint64_t size = setting->kind->state_size(setting->options, &member->shape);
        char name[STATE_NAME_MAX];
        snprintf(name, sizeof name, "model.%.48s", setting->name);
        member->region = state_layout_add(layout, name, member_fingerprint(models, member), size,
                                          MODEL_ALIGNMENT, setting->retrained ? MODEL_SLOTS : 1,
                                          STATE_ROWS_ALWAYS);
        if (!imbalance_used(&setting->imbalance))
            continue;
        snprintf(name, sizeof name, "imbalance.%.45s", setting->name);
        member->imbalance_region = state_layout_add(
            layout, name, member_fingerprint(models, member), sizeof(struct imbalance_row), 8,
            setting->retrained ? MODEL_SLOTS : 1, STATE_ROWS_ALWAYS);
    }
}

static const struct race_row *race_of(const struct models *models, const struct state *state,
                                      uint32_t model)
{
    return (const struct race_row *)state_read(state, models->race_region, model);
}

static struct race_row *race_write(const struct models *models, struct state *state, uint32_t model)
{
    return (struct race_row *)state_write_row(state, models->race_region, model);
}

void models_start(const struct models *models, struct state *state)
{
    for (uint32_t i = 0; i < models->model_count; i++) {
        const struct member *member = &models->member[i];
        struct race_row *race = race_write(models, state, i);
        race_init(race);
        slot_init(member, state, race, SLOT_CHAMPION);
    }
}

/* The model's features out of the union; `room` is used only if they must be gathered. */
static const union value *member_features(const struct member *member, const union value *features,
                                          union value *room)
{
    if (member->all)
        return features;
    for (uint32_t i = 0; i < member->shape.feature_count; i++)
        room[i] = features[member->setting->feature[i]];
    return room;
}

/* A detector learns what it scores, in one walk, unless it may have to explain the score after. */
static double member_score(const struct member *member, bool explains, struct state *state,
                           const struct race_row *race, const struct example *example)
{
    if (member->setting->kind->supervised || explains)
        return slot_score(member, state, race, SLOT_CHAMPION, example);
    return slot_learn(member, state, race, SLOT_CHAMPION, example);
}

/* One wrong clock must not move the time of models that count by it. */
static int64_t believed_ms(const struct batch *batch, uint32_t row)
{
    if (!batch->ahead[row])
        return batch->time_ms[row];
    return batch->newest_ms[row] >= 0 ? batch->newest_ms[row] : batch->arrival_ms[row];
}

void models_score(const struct models *models, struct state *state, const struct batch *batch,
                  uint32_t row, union value *features, double *scores)
{
    for (uint32_t i = 0; i < models->feature_count; i++)
        features[i] = batch_column(batch, models->feature_value[i])[row];
    for (uint32_t i = 0; i < models->model_count; i++) {
        const struct member *member = &models->member[i];
        const struct race_row *race = race_of(models, state, i);
        union value room[MODEL_FEATURES_MAX];
        struct example example = {.feature = member_features(member, features, room),
                                  .time_ms = believed_ms(batch, row),
                                  .label = MISSING,
                                  .weight = 1,
                                  .state = state};
        scores[i] = member_score(member, i == models->explaining, state, race, &example);
        batch_column(batch, member->setting->score_value)[row].number = scores[i];
        if (member->setting->score_feature)
            features[member->setting->score_feature - 1].number = scores[i];
        if (!member->setting->retrained)
            continue;
        scores[member->challenger_score] =
            race->slot[SLOT_CHALLENGER].present
                ? slot_score(member, state, race, SLOT_CHALLENGER, &example)
                : MISSING;
    }
}

/* Puts a contribution in its place among the strongest so far. */
static uint8_t keep_reason(struct reason *reasons, uint8_t count, struct reason reason)
{
    uint8_t place = count;
    while (place > 0 && fabs(reason.contribution) > fabs(reasons[place - 1].contribution))
        place--;
    if (place == REASONS_MAX)
        return count;
    uint8_t last = count < REASONS_MAX ? count : REASONS_MAX - 1;
    memmove(reasons + place + 1, reasons + place, (size_t)(last - place) * sizeof *reasons);
    reasons[place] = reason;
    return (uint8_t)(last + 1);
}

uint8_t models_explain(const struct models *models, const struct state *state,
                       const union value *features, int64_t time_ms, struct reason *reasons)
{
    uint32_t index = models->explaining;
    if (index == MODELS_MAX)
        return 0;
    const struct member *member = &models->member[index];
    union value room[MODEL_FEATURES_MAX];
    double contributions[MODEL_FEATURES_MAX];
    struct example example = {.feature = member_features(member, features, room),
                              .time_ms = time_ms,
                              .label = MISSING,
                              .weight = 1};
    const void *self = slot_read(member, state, race_of(models, state, index), SLOT_CHAMPION);
    member->setting->kind->explain(self, &example, contributions);
    uint8_t count = 0;
    for (uint32_t i = 0; i < member->shape.feature_count; i++) {
        struct reason reason = {.feature = (uint16_t)member->setting->feature[i],
                                .contribution = contributions[i]};
        if (reason.contribution != 0)
            count = keep_reason(reasons, count, reason);
    }
    return count;
}

void models_learn_explained(const struct models *models, struct state *state,
                            const struct batch *batch, uint32_t row, const union value *features)
{
    uint32_t index = models->explaining;
    if (index == MODELS_MAX || models->setting[index].kind->supervised)
        return;
    const struct member *member = &models->member[index];
    union value room[MODEL_FEATURES_MAX];
    const struct example example = {.feature = member_features(member, features, room),
                                    .time_ms = believed_ms(batch, row),
                                    .label = MISSING,
                                    .weight = 1,
                                    .state = state};
    slot_learn(member, state, race_of(models, state, index), SLOT_CHAMPION, &example);
}

/* Of more than two classes the score is the class itself. */
static double member_loss(const struct member *member, double score, double label)
{
    return member->shape.class_count > 2 ? score != label : numbers_log_loss(score, label);
}

static void member_learn(const struct models *models, const struct member *member,
                         struct state *state, struct race_row *race, const struct example *example)
{
    double champion = member_loss(member, slot_learn(member, state, race, SLOT_CHAMPION, example),
                                  example->label);
    race->labels++;
    race_judge(race, SLOT_CHAMPION, champion, champion);
    if (race->slot[SLOT_CHALLENGER].present) {
        double score = slot_learn(member, state, race, SLOT_CHALLENGER, example);
        race_judge(race, SLOT_CHALLENGER, member_loss(member, score, example->label), champion);
        race_compare(race, &models->race);
    }
    if (race->slot[SLOT_PREVIOUS].present) {
        double score = slot_score(member, state, race, SLOT_PREVIOUS, example);
        race_judge(race, SLOT_PREVIOUS, member_loss(member, score, example->label), champion);
    }
}

void models_learn(const struct models *models, struct state *state, const struct example *example)
{
    for (uint32_t i = 0; i < models->model_count; i++) {
        const struct member *member = &models->member[i];
        if (!member->setting->kind->supervised)
            continue;
        union value room[MODEL_FEATURES_MAX];
        struct example own = *example;
        own.state = state;
        own.feature = member_features(member, example->feature, room);
        member_learn(models, member, state, race_write(models, state, i), &own);
    }
}

bool models_want_training(const struct models *models, struct state *state, uint32_t model,
                          const char *why, struct batch *batch, uint32_t row)
{
    ASSERT(model < models->model_count);
    const struct model_setting *setting = &models->setting[model];
    if (!setting->retrained || !setting->kind->load)
        return false;
    struct race_row *race = race_write(models, state, model);
    if (!race_ask(race, &models->race))
        return false;
    struct model_event *event = batch_add_event(batch, MODEL_EVENT_TRAINING, setting->name, row);
    snprintf(event->detail, sizeof event->detail, "training %llu: %s",
             (unsigned long long)race->training, why);
    return true;
}

struct wish models_wish(const struct models *models, const struct state *state)
{
    for (uint32_t i = 0; i < models->model_count; i++) {
        const struct race_row *race = race_of(models, state, i);
        if (race->wish != WISH_NONE)
            return (struct wish){(enum wish_kind)race->wish, i, race->training};
    }
    return (struct wish){.kind = WISH_NONE};
}

void models_report(const struct models *models, const struct state *state, uint32_t model,
                   enum model_slot slot, struct slot_report *report)
{
    ASSERT(model < models->model_count);
    race_report(race_of(models, state, model), slot, report);
}

/* A trained model comes in, or the failure says why not. */
static enum status challenger_load(const struct member *member, struct state *state,
                                   const struct race_row *race, const json_t *file,
                                   struct failure *failure)
{
    const struct model_setting *setting = member->setting;
    const json_t *parameters = NULL;
    if (!file)
        return failure_set(failure, STATUS_STOP, "the control record has no model file");
    if (model_file_check(file, setting->kind, &member->shape, &parameters, failure) != STATUS_OK)
        return failure->status;
    slot_init(member, state, race, SLOT_CHALLENGER);
    void *memory = state_write_row(state, member->region, race->slot[SLOT_CHALLENGER].row);
    return setting->kind->load(memory, &member->shape, parameters, failure);
}

/* "log loss 0.0312 against 0.0454 over 2000 labels". */
static void print_race(const struct race_row *race, char *text, size_t size)
{
    struct slot_report report;
    race_report(race, SLOT_CHALLENGER, &report);
    if (report.race_labels == 0) {
        snprintf(text, size, "before any label");
        return;
    }
    snprintf(text, size, "log loss %.4f against %.4f over %llu labels", report.race_loss[1],
             report.race_loss[0], (unsigned long long)report.race_labels);
}

/* What the trainer wrote about it, as far as it is there. */
static void print_trained(const json_t *file, char *text, size_t size)
{
    const json_t *report = json_object_get(file, "report");
    const json_t *examples = json_object_get(report, "examples");
    const json_t *precision = json_object_get(report, "validation_average_precision");
    if (!json_is_integer(examples)) {
        snprintf(text, size, "is scored beside the champion");
        return;
    }
    int used =
        snprintf(text, size, "trained on %lld examples", (long long)json_integer_value(examples));
    if (json_is_number(precision) && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", average precision %.3f on the newest",
                 json_number_value(precision));
}

static const char *control_name(enum control_kind kind)
{
    static const char *const names[] = {[CONTROL_MODEL] = "model",
                                        [CONTROL_PROMOTE] = "promotion",
                                        [CONTROL_REJECT] = "rejection",
                                        [CONTROL_FAILED] = "failure"};
    return names[kind];
}

/* Carries out a control that is expected; fills the detail and returns what happened. */
static enum model_event_kind obey(const struct member *member, struct state *state,
                                  struct race_row *race, const struct control *control,
                                  char *detail, size_t size)
{
    struct failure failure;
    switch (control->kind) {
    case CONTROL_MODEL:
        if (challenger_load(member, state, race, control->file, &failure) != STATUS_OK) {
            race_fail(race);
            snprintf(detail, size, "%.150s", failure.text);
            return MODEL_EVENT_FAILED;
        }
        race_enter(race);
        print_trained(control->file, detail, size);
        return MODEL_EVENT_CHALLENGER;
    case CONTROL_PROMOTE:
        print_race(race, detail, size);
        race_promote(race);
        return MODEL_EVENT_PROMOTED;
    case CONTROL_REJECT:
        print_race(race, detail, size);
        race_reject(race);
        return MODEL_EVENT_REJECTED;
    default:
        race_fail(race);
        snprintf(detail, size, "%.150s", control->why ? control->why : "no reason was given");
        return MODEL_EVENT_FAILED;
    }
}

void models_control(const struct models *models, struct state *state, const struct control *control,
                    struct batch *batch, uint32_t row)
{
    unsigned long long training = control->training;
    if (control->model >= models->model_count || control->kind > CONTROL_FAILED) {
        struct model_event *lost = batch_add_event(batch, MODEL_EVENT_FAILED, "", row);
        snprintf(lost->detail, sizeof lost->detail, "a control names model %u, which is not there",
                 control->model);
        return;
    }
    const struct member *member = &models->member[control->model];
    struct race_row *race = race_write(models, state, control->model);
    char detail[160];
    enum model_event_kind kind = MODEL_EVENT_FAILED;
    if (race_expects(race, control->kind, control->training)) {
        kind = obey(member, state, race, control, detail, sizeof detail);
    } else {
        race->stale++;
        snprintf(detail, sizeof detail,
                 "the %s came late: nothing waits for it, the last asked is %llu",
                 control_name(control->kind), (unsigned long long)race->training);
    }
    struct model_event *event = batch_add_event(batch, kind, member->setting->name, row);
    snprintf(event->detail, sizeof event->detail, "training %llu: %s", training, detail);
}
