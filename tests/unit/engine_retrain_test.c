/* Trainings answered for an engine: children that train, fail, leave nonsense or take long; what
 * they are given, what becomes of what they leave, and that a replay does not depend on its
 * batches. */
#include "engine/control.h"
#include "engine/engine.h"
#include "models/training.h"
#include "tests/unit/engine_trial.h"
#include <math.h>
#include <unistd.h>

enum { CONTROL_MAX = 1 << 18 };

enum { EVENTS = 1500, EXAMPLES = 150, SEEN_MAX = 64 };

static const char config_text[] =
    "{'name': 'retrain', 'memory': '64MiB', 'seed': 4,"
    "'events': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'time': 'time',"
    "  'x': {'type': 'number', 'optional': true}, 'y': 'number', 'unused': {'type': 'number',"
    "  'optional': true}}},"
    "'labels': {'event_field': 'fraud', 'delay': '20s', 'remembered': 1000},"
    "'features': {'double': 'x * 2', 'sum': 'x + y', 'recent': 'mean(y) by id over 1h'},"
    "'models': {'odd': {'kind': 'half_space_trees', 'features': ['y'], 'window': 100},"
    "  'fraud': {'kind': 'logistic_regression', 'features': ['sum', 'double', 'y']}},"
    "'score': 'fraud', 'thresholds': {'review': 0.5},"
    "'retraining': {'model': 'fraud', 'examples': 150, 'every_labels': 200, 'compare_labels': 50,"
    "  'cooldown_labels': 10, 'validation_share': 0.2}}";

/* ---- a stream whose truth turns round half way ---- */

struct flow {
    int64_t next, count;
    char bytes[160];
};

/* In [0, 1), of the event's number alone. */
static double draw(int64_t number, uint64_t which)
{
    return (double)(hash_pair((uint64_t)number + 1, which) >> 11) * 0x1p-53;
}

static uint32_t stream_lanes(void *self)
{
    (void)self;
    return 1;
}

static enum status stream_peek(void *self, uint32_t lane, struct record *record,
                               struct failure *failure)
{
    struct flow *flow = self;
    (void)lane;
    (void)failure;
    int64_t at = flow->next;
    if (at == flow->count)
        return STATUS_END;
    double x = draw(at, 1), y = draw(at, 2);
    bool truth = (x > 0.5) == (at < flow->count / 2);
    int size =
        snprintf(flow->bytes, sizeof flow->bytes, "{\"id\":\"e%lld\",\"time\":%lld,\"y\":%.3f",
                 (long long)at, (long long)at + 1000, y);
    size_t used = (size_t)size;
    if (at % 10)
        used += (size_t)snprintf(flow->bytes + used, sizeof flow->bytes - used, ",\"x\":%.6f", x);
    if (at % 3)
        used +=
            (size_t)snprintf(flow->bytes + used, sizeof flow->bytes - used, ",\"fraud\":%d", truth);
    if (at % 17)
        snprintf(flow->bytes + used, sizeof flow->bytes - used, "}");
    *record = (struct record){
        .bytes = flow->bytes, .size = strlen(flow->bytes), .offset = at, .timestamp_ms = at};
    return STATUS_OK;
}

static void stream_take(void *self, uint32_t lane)
{
    (void)lane;
    ((struct flow *)self)->next++;
}

static int stream_descriptor(void *self)
{
    (void)self;
    return -1;
}

static void stream_close(void *self)
{
    (void)self;
}

static const struct source_kind stream_kind = {
    .name = "stream",
    .lane_count = stream_lanes,
    .peek = stream_peek,
    .take = stream_take,
    .descriptor = stream_descriptor,
    .close = stream_close,
};

/* ---- children ---- */

enum child {
    CHILD_TRAINS,
    CHILD_FAILS,
    CHILD_LEAVES_NOTHING,
    CHILD_LEAVES_GARBAGE,
    CHILD_LEAVES_ANOTHER,
    CHILD_LEAVES_TOO_MUCH,
    CHILD_CANNOT_START,
};

struct seen {
    enum model_event_kind kind;
    char detail[192];
};

struct stage {
    struct trial *trial;
    struct inputs inputs;
    struct engine engine;
    struct flow flow;
    uint64_t now_ns;
    struct clock clock;
    struct children children;
    struct failure failure;
    enum child child;
    int patience; /* a child has ended when it was asked so often */
    int asked, started, stopped;
    bool running;
    uint64_t training;
    /* what was seen of the batches */
    uint32_t seen_count;
    struct seen seen[SEEN_MAX];
    union value scored[EVENTS][3]; /* by event number: sum, double, y */
    int64_t time_ms[EVENTS];
    double carried[EVENTS];
    double decided[EVENTS];
};

/* The training set is what was scored, bit for bit, with the labels that are known. */
static void check_set(const struct stage *stage, const struct training_set *set)
{
    const struct fold_row *fold = trial_fold(stage->trial);
    assert_string_equal(set->model, "fraud");
    assert_string_equal(set->kind, "logistic_regression");
    assert_int_equal(set->feature_count, 3);
    assert_string_equal(set->feature_name[0], "sum");
    assert_string_equal(set->feature_name[1], "double");
    assert_string_equal(set->feature_name[2], "y");
    assert_int_equal(set->row_count, EXAMPLES);
    uint64_t row = set->row_count;
    for (uint64_t number = fold->told; number > 0 && row > 0; number--) {
        if (isnan(stage->carried[number - 1]))
            continue;
        const union value *cells = set->rows + --row * 6;
        assert_true(cells[0].number == (double)stage->time_ms[number - 1] / 1000);
        assert_true(cells[1].number == stage->carried[number - 1]);
        assert_true(cells[2].number == 1);
        assert_memory_equal(cells + 3, stage->scored[number - 1], 3 * sizeof *cells);
    }
    assert_int_equal(row, 0);
}

static void write_text(int descriptor, const char *text, size_t size)
{
    assert_int_equal(write(descriptor, text, size), size);
}

static void leave_model(struct stage *stage, const struct training_set *set, int descriptor)
{
    const struct training_setting setting = {.penalty = 1, .validation_share = 0.2};
    struct training_report report;
    struct failure failure;
    json_t *file = training_run(set, &setting, &report, &failure);
    assert_non_null(file);
    if (stage->child == CHILD_LEAVES_ANOTHER)
        json_array_remove(json_object_get(file, "features"), 0);
    if (stage->child == CHILD_LEAVES_TOO_MUCH) {
        static char filling[CONTROL_MAX];
        memset(filling, 'x', sizeof filling - 1);
        json_object_set_new(file, "filling", json_string(filling));
    }
    char *text = json_dumps(file, JSON_REAL_PRECISION(17));
    write_text(descriptor, text, strlen(text));
    free(text);
    json_decref(file);
}

static enum status child_start(void *self, int training_set, int model_file,
                               const char *arguments[], struct failure *failure)
{
    struct stage *stage = self;
    assert_false(stage->running);
    if (stage->child == CHILD_CANNOT_START)
        return failure_set(failure, STATUS_RETRY, "no process could be made");
    assert_string_equal(arguments[0], "train");
    struct training_set set;
    if (training_set_read(training_set, &set, failure) != STATUS_OK)
        fail_msg("%s", failure->text);
    check_set(stage, &set);
    stage->training = set.training;
    if (stage->child == CHILD_LEAVES_GARBAGE)
        write_text(model_file, "{\"format\": \xff", 12);
    else if (stage->child != CHILD_FAILS && stage->child != CHILD_LEAVES_NOTHING)
        leave_model(stage, &set, model_file);
    training_set_close(&set);
    stage->running = true;
    stage->asked = 0;
    stage->started++;
    return STATUS_OK;
}

static bool child_ended(void *self, int *exit_code)
{
    struct stage *stage = self;
    assert_true(stage->running);
    if (++stage->asked < stage->patience)
        return false;
    stage->running = false;
    *exit_code = stage->child == CHILD_FAILS ? 3 : 0;
    return true;
}

static void child_stop(void *self)
{
    struct stage *stage = self;
    assert_true(stage->running);
    stage->running = false;
    stage->stopped++;
}

/* ---- an engine between them ---- */

/* The column of a model feature, by its name. */
static union value *column_of(const struct pipeline *pipeline, const struct batch *batch,
                              const char *name)
{
    uint32_t index = 0;
    while (strcmp(pipeline->model_feature_name[index], name) != 0)
        index++;
    return batch_column(batch, pipeline->model_feature_value[index]);
}

static void stage_on_batch(void *self, const struct batch *batch)
{
    struct stage *stage = self;
    const struct pipeline *pipeline = &stage->trial->pipeline;
    for (uint32_t row = 0; row < batch->count; row++) {
        if (batch->dead[row] || batch->kind[row] != RECORD_EVENT)
            continue;
        uint64_t number = batch->number[row];
        stage->scored[number][0] = column_of(pipeline, batch, "sum")[row];
        stage->scored[number][1] = column_of(pipeline, batch, "double")[row];
        stage->scored[number][2] = column_of(pipeline, batch, "y")[row];
        stage->time_ms[number] = batch->time_ms[row];
        stage->carried[number] = batch->label[row];
        stage->decided[number] = batch->score[row];
    }
    for (uint32_t i = 0; i < batch->event_count && stage->seen_count < SEEN_MAX; i++) {
        struct seen *seen = &stage->seen[stage->seen_count++];
        seen->kind = batch->events[i].kind;
        memcpy(seen->detail, batch->events[i].detail, sizeof seen->detail);
    }
}

static struct stage *stage_open(enum child child, int patience, enum pace pace, int64_t batch)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->trial = trial_open(config_text);
    stage->trial->config.batch = batch;
    stage->child = child;
    stage->patience = patience;
    stage->flow.count = EVENTS;
    stage->clock = (struct clock){trial_wall_ms, trial_monotonic_ns, &stage->now_ns};
    stage->children = (struct children){child_start, child_ended, child_stop, stage};
    const struct source source = {.kind = &stream_kind, .self = &stage->flow};
    inputs_add(&stage->inputs, source, RECORD_EVENT, "stream", 1000);
    const struct world world = {.clock = &stage->clock, .children = &stage->children};
    assert_int_equal(engine_open(&stage->engine, &stage->trial->pipeline, &stage->inputs, &world,
                                 pace, &stage->failure),
                     STATUS_OK);
    stage->engine.retrain.control_max = CONTROL_MAX;
    stage->engine.on_batch = stage_on_batch;
    stage->engine.on_batch_self = stage;
    return stage;
}

static void stage_run(struct stage *stage)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK || status == STATUS_RETRY)
        status = engine_turn(&stage->engine, &stage->failure);
    assert_int_equal(status, STATUS_END);
}

static void stage_close(struct stage *stage)
{
    engine_close(&stage->engine);
    assert_false(stage->running);
    inputs_close(&stage->inputs);
    trial_close(stage->trial);
    free(stage);
}

static const struct seen *find_seen(const struct stage *stage, enum model_event_kind kind)
{
    for (uint32_t i = 0; i < stage->seen_count; i++)
        if (stage->seen[i].kind == kind)
            return &stage->seen[i];
    return NULL;
}

/* ---- the tests ---- */

static void test_trains_and_promotes(void **state)
{
    (void)state;
    for (int patience = 1; patience < 10; patience += 4) {
        struct stage *stage = stage_open(CHILD_TRAINS, patience, PACE_LIVE, 32);
        stage_run(stage);
        assert_true(stage->started >= 2);
        assert_int_equal(stage->seen[0].kind, MODEL_EVENT_TRAINING);
        assert_string_equal(stage->seen[0].detail, "training 1: schedule");
        assert_int_equal(stage->seen[1].kind, MODEL_EVENT_CHALLENGER);
        assert_non_null(strstr(stage->seen[1].detail, "trained on 150 examples"));
        assert_non_null(find_seen(stage, MODEL_EVENT_PROMOTED));
        assert_null(find_seen(stage, MODEL_EVENT_FAILED));
        struct slot_report report;
        models_report(stage->trial->pipeline.models, &stage->trial->pipeline.state, 1,
                      SLOT_CHAMPION, &report);
        assert_int_equal(report.trainings, stage->started);
        assert_true(report.promotions > 0);
        assert_int_equal(report.stale, 0);
        stage_close(stage);
    }
}

/* Whatever goes wrong is said, ends the wish, and the next training is asked for. */
static void check_fails(enum child child, const char *why)
{
    struct stage *stage = stage_open(child, 2, PACE_LIVE, 32);
    stage_run(stage);
    const struct seen *seen = find_seen(stage, MODEL_EVENT_FAILED);
    assert_non_null(seen);
    if (!strstr(seen->detail, why))
        fail_msg("expected '%s', said '%s'", why, seen->detail);
    assert_null(find_seen(stage, MODEL_EVENT_CHALLENGER));
    struct slot_report report;
    models_report(stage->trial->pipeline.models, &stage->trial->pipeline.state, 1, SLOT_CHAMPION,
                  &report);
    assert_true(report.trainings >= 2);
    assert_int_equal(report.promotions, 0);
    assert_int_equal(trial_fold(stage->trial)->events + trial_fold(stage->trial)->dead_letters,
                     EVENTS);
    stage_close(stage);
}

static void test_failures(void **state)
{
    (void)state;
    check_fails(CHILD_FAILS, "training 1: the training ended with code 3");
    check_fails(CHILD_LEAVES_NOTHING, "training 1: the training left no model");
    check_fails(CHILD_LEAVES_GARBAGE, "training 1: the model file cannot be read");
    check_fails(CHILD_LEAVES_ANOTHER, "training 1: ");
    check_fails(CHILD_LEAVES_TOO_MUCH, "training 1: the model file is larger");
    check_fails(CHILD_CANNOT_START, "training 1: no process could be made");
}

/* While the child is at work events are decided, and nothing else is started. */
static void test_slow_child(void **state)
{
    (void)state;
    struct stage *stage = stage_open(CHILD_TRAINS, 1000000, PACE_LIVE, 32);
    for (int turns = 0; turns < 200; turns++)
        assert_int_not_equal(engine_turn(&stage->engine, &stage->failure), STATUS_STOP);
    assert_int_equal(stage->flow.next, EVENTS);
    assert_int_equal(stage->started, 1);
    assert_int_equal(engine_turn(&stage->engine, &stage->failure), STATUS_RETRY);
    assert_true(retrain_is_busy(&stage->engine.retrain));
    /* It is stopped with the engine. */
    assert_true(stage->running);
    engine_close(&stage->engine);
    assert_int_equal(stage->stopped, 1);
    inputs_close(&stage->inputs);
    trial_close(stage->trial);
    free(stage);
}

/* An answer that nothing waits for changes nothing but a counter. */
static void test_stale(void **state)
{
    (void)state;
    struct stage *stage = stage_open(CHILD_TRAINS, 1, PACE_LIVE, 32);
    stage_run(stage);
    struct trial *trial = stage->trial;
    struct slot_report before, after;
    models_report(trial->pipeline.models, &trial->pipeline.state, 1, SLOT_CHAMPION, &before);
    char *control =
        control_make(&trial->pipeline, CONTROL_PROMOTE, 1, before.trainings + 1, NULL, NULL);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_CONTROL, control);
    trial_add(trial, RECORD_CONTROL, "{\"control\":\"dance\",\"model\":\"fraud\"}");
    uint64_t dead = trial_fold(trial)->dead_letters;
    step(&trial->pipeline, &trial->batch);
    models_report(trial->pipeline.models, &trial->pipeline.state, 1, SLOT_CHAMPION, &after);
    assert_int_equal(after.stale, before.stale + 1);
    assert_int_equal(after.promotions, before.promotions);
    assert_int_equal(trial->batch.event_count, 1);
    assert_non_null(strstr(trial->batch.events[0].detail, "came late"));
    assert_int_equal(trial->batch.events[0].time_ms, trial_fold(trial)->watermark_ms);
    assert_false(trial->batch.dead[0]);
    assert_true(trial->batch.dead[1]);
    assert_int_equal(trial_fold(trial)->dead_letters, dead + 1);
    free(control);
    stage_close(stage);
}

/* In a replay wishes are answered at the same records, whatever the batches and the children's
 * pace. */
static void test_exact_pace(void **state)
{
    (void)state;
    static const struct {
        int64_t batch;
        int patience;
    } runs[] = {{256, 1}, {1, 3}, {7, 5}, {100, 1}};
    struct stage *first = NULL;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct stage *stage = stage_open(CHILD_TRAINS, runs[i].patience, PACE_EXACT, runs[i].batch);
        stage_run(stage);
        assert_non_null(find_seen(stage, MODEL_EVENT_PROMOTED));
        if (first) {
            assert_memory_equal(stage->decided, first->decided, sizeof first->decided);
            assert_memory_equal(stage->seen, first->seen, sizeof first->seen);
            assert_int_equal(state_hash(&stage->trial->pipeline.state),
                             state_hash(&first->trial->pipeline.state));
            stage_close(stage);
        } else {
            first = stage;
        }
    }
    stage_close(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trains_and_promotes), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_slow_child),          cmocka_unit_test(test_stale),
        cmocka_unit_test(test_exact_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
