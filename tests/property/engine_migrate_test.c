/* A random stream folded under one configuration, migrated in the middle to a random change of it,
 * goes on as if it had been under the new one from the start: every feature, model and detector
 * that the report calls kept, and every window that was filled from all the events it looks at, to
 * the bit.
 *
 * What may differ, and is not compared: windows that begin anew or whose entity kept fewer events
 * than they look back on; models and detectors that begin anew, and scores, errors and examples
 * that follow from them.  Rows stand elsewhere, and sums that were read again from the slots carry
 * other bits below the last of a double, so states are compared only where nothing has changed. */
#include "engine/control.h"
#include "engine/migrate.h"
#include "engine/retrain.h"
#include "features/form.h"
#include "features/pass.h"
#include "models/member.h"
#include "models/training.h"
#include "monitor/watcher.h"
#include "tests/property/engine_migrate_world.h"
#include "tests/unit/engine_trial.h"
#include <sys/mman.h>
#include <unistd.h>

enum { BEFORE = 1300, AFTER = 700, RECORDS_MAX = BEFORE + AFTER + 400 };

struct page {
    enum record_kind kind;
    char *text;
};

struct journal {
    uint32_t count, change; /* records; of them before the migration */
    struct page page[RECORDS_MAX];
};

/* What the features were, event by event. */
struct result {
    uint32_t event_count, feature_count;
    uint64_t *value; /* (RECORDS_MAX, feature_count) */
};

/* Unlike trial_new: real JSON. */
static struct trial *open_plan(const struct plan *plan)
{
    static char text[CONFIG_BYTES];
    struct trial *trial = calloc(1, sizeof *trial);
    struct findings findings = {0};
    struct failure failure = {0};
    assert_non_null(trial);
    plan_print(plan, text);
    if (!config_read_text(&trial->config, "world", text, strlen(text), &findings) ||
        !pipeline_build(&trial->pipeline, &trial->config, &findings)) {
        config_print_findings(&trial->config, &findings);
        fail_msg("%s", text);
    }
    findings_close(&findings);
    if (pipeline_start(&trial->pipeline, NULL, &failure) != STATUS_OK ||
        pipeline_batch(&trial->pipeline, &trial->batch, &failure) != STATUS_OK)
        fail_msg("%s", failure.text);
    return trial;
}

static void fold_page(struct trial *trial, const struct page *page, struct result *result)
{
    batch_clear(&trial->batch);
    trial_add(trial, page->kind, page->text);
    step(&trial->pipeline, &trial->batch);
    if (page->kind != RECORD_EVENT || !result)
        return;
    assert_false(trial->batch.dead[0]);
    for (uint32_t i = 0; i < result->feature_count; i++)
        result->value[(size_t)result->event_count * result->feature_count + i] =
            batch_column(&trial->batch, trial->pipeline.feature_value[i])[0].key;
    result->event_count++;
}

static struct result result_new(const struct trial *trial)
{
    struct result result = {.feature_count = trial->config.feature_count};
    result.value = calloc((size_t)RECORDS_MAX * result.feature_count, sizeof *result.value);
    assert_non_null(result.value);
    return result;
}

/* ---- the stream, and the controls that answer the wishes of whoever folds it first ---- */

static void add_page(struct journal *journal, enum record_kind kind, const char *text)
{
    assert_true(journal->count < RECORDS_MAX);
    journal->page[journal->count++] = (struct page){kind, strdup(text)};
}

static json_t *train(const struct trial *trial, const struct wish *wish)
{
    int descriptor = memfd_create("set", MFD_CLOEXEC);
    struct failure failure;
    struct training_set set;
    struct training_report report;
    const struct training_setting setting = {.penalty = 1, .validation_share = 0.2};
    uint64_t count;
    assert_int_equal(
        retrain_export(&trial->pipeline, wish->model, wish->training, descriptor, &count, &failure),
        STATUS_OK);
    lseek(descriptor, 0, SEEK_SET);
    assert_int_equal(training_set_read(descriptor, &set, &failure), STATUS_OK);
    json_t *file = training_run(&set, &setting, &report, &failure);
    training_set_close(&set);
    close(descriptor);
    return file;
}

static void add_control(struct journal *journal, const struct trial *trial, const struct wish *wish)
{
    json_t *file = wish->kind == WISH_TRAINING ? train(trial, wish) : NULL;
    enum control_kind kind = wish->kind == WISH_PROMOTION   ? CONTROL_PROMOTE
                             : wish->kind == WISH_REJECTION ? CONTROL_REJECT
                             : file                         ? CONTROL_MODEL
                                                            : CONTROL_FAILED;
    char *text =
        control_make(&trial->pipeline, kind, wish->model, wish->training, file, "no reason");
    add_page(journal, RECORD_CONTROL, text);
    free(text);
    json_decref(file);
}

static void live(struct journal *journal, struct weather *weather, struct trial *trial,
                 uint32_t records, struct result *result)
{
    char text[RECORD_BYTES];
    for (uint32_t i = 0; i < records; i++) {
        bool label = happens(&weather->random, 0.25);
        (label ? make_label : make_event)(weather, text);
        add_page(journal, label ? RECORD_LABEL : RECORD_EVENT, text);
        fold_page(trial, &journal->page[journal->count - 1], result);
        struct wish wish = models_wish(trial->pipeline.models, &trial->pipeline.state);
        if (wish.kind == WISH_NONE || !happens(&weather->random, 0.1))
            continue;
        add_control(journal, trial, &wish);
        fold_page(trial, &journal->page[journal->count - 1], result);
    }
}

static void journal_free(struct journal *journal)
{
    for (uint32_t i = 0; i < journal->count; i++)
        free(journal->page[i].text);
    free(journal);
}

/* ---- comparing ---- */

static const struct migration_line *line_of(const struct migration_report *report, const char *noun,
                                            const char *name)
{
    char part[320];
    snprintf(part, sizeof part, "%s %s", noun, name);
    for (uint32_t i = 0; i < report->count; i++)
        if (strcmp(report->lines[i].part, part) == 0)
            return &report->lines[i];
    return NULL;
}

/* Kept, or filled with all it looks at, or without any state. */
static bool is_whole(const struct migration_report *report, const char *feature)
{
    const struct migration_line *line = line_of(report, "feature", feature);
    return !line || line->outcome == MIGRATION_KEPT ||
           (line->outcome == MIGRATION_REFILLED && !strstr(line->why, "reach back"));
}

static bool is_kept(const struct migration_report *report, const char *noun, const char *name)
{
    const struct migration_line *line = line_of(report, noun, name);
    return line && line->outcome == MIGRATION_KEPT;
}

static uint64_t compared, models_compared, races_compared, detectors_compared, refilled, anew;

static void check_features(const struct trial *trial, const struct migration_report *report,
                           const struct result *moved, const struct result *other)
{
    uint32_t first = other->event_count - moved->event_count;
    for (uint32_t i = 0; i < moved->feature_count; i++) {
        const char *name = trial->config.feature[i].name;
        if (!is_whole(report, name))
            continue;
        for (uint32_t event = 0; event < moved->event_count; event++) {
            uint64_t a = moved->value[(size_t)event * moved->feature_count + i];
            uint64_t b = other->value[(size_t)(first + event) * moved->feature_count + i];
            union value left = {.key = a}, right = {.key = b};
            if (a != b)
                fail_msg("%s = %s: %.17g, not %.17g, at event %u after", name,
                         trial->config.feature[i].formula, left.number, right.number, event);
            compared++;
        }
    }
}

/* A model that looks at a feature that is not whole has seen something else since. */
static bool model_is_whole(const struct trial *trial, const struct migration_report *report,
                           uint32_t model)
{
    const struct member *member = &trial->pipeline.models->member[model];
    bool whole = is_kept(report, "model", trial->config.model[model].name);
    for (uint32_t i = 0; i < member->shape.feature_count; i++)
        whole = whole && is_whole(report, member->name[i]);
    return whole;
}

static void check_region(const struct trial *moved, const struct trial *other, uint32_t region,
                         const char *name)
{
    const struct state_region *entry = &moved->pipeline.state.directory->region[region];
    if (memcmp(moved->pipeline.state.rows[region], other->pipeline.state.rows[region],
               entry->row_size * entry->row_count) != 0)
        fail_msg("%s differs", name);
}

/* The score is made of these two. */
static bool scores_are_whole(const struct trial *trial, const struct migration_report *report)
{
    bool whole = true;
    for (uint32_t i = 0; i < trial->config.model_count; i++) {
        const char *name = trial->config.model[i].name;
        if (strcmp(name, "fraud") == 0 || strcmp(name, "odd") == 0)
            whole = whole && model_is_whole(trial, report, i);
    }
    return whole;
}

/* When trainings are asked for follows from alarms on the error, and that from all scores. */
static void check_models(const struct trial *moved, const struct trial *other,
                         const struct migration_report *report)
{
    const struct models *models = moved->pipeline.models;
    bool alarms_same = scores_are_whole(moved, report) && is_kept(report, "detector", "harder");
    for (uint32_t i = 0; i < models->model_count; i++) {
        const char *name = models->setting[i].name;
        if (!model_is_whole(moved, report, i) || (models->setting[i].retrained && !alarms_same))
            continue;
        const struct race_row *race = state_read(&moved->pipeline.state, models->race_region, i);
        const struct race_row *same = state_read(&other->pipeline.state, models->race_region, i);
        assert_memory_equal(race, same, sizeof *race);
        check_region(moved, other, models->member[i].region, name);
        models_compared++;
        races_compared += race->promotions > 0 && race->slot[SLOT_CHALLENGER].present;
    }
}

/* "error" follows the score, and it the models. */
static void check_monitor(const struct trial *moved, const struct trial *other,
                          const struct migration_report *report)
{
    bool scores_same = scores_are_whole(moved, report) && is_kept(report, "detector", "harder");
    const struct monitor *monitor = moved->pipeline.monitor;
    for (uint32_t i = 0; i < monitor->watcher_count; i++) {
        const struct detector_setting *setting = &monitor->watcher[i].setting;
        bool same =
            setting->watched == WATCH_VALUE ? is_whole(report, setting->subject) : scores_same;
        if (!same || !is_kept(report, "detector", setting->name))
            continue;
        check_region(moved, other, monitor->watcher[i].region, setting->name);
        detectors_compared++;
    }
    if (scores_same) {
        struct metrics here, there;
        monitor_metrics(monitor, &moved->pipeline.state, false, &here);
        monitor_metrics(other->pipeline.monitor, &other->pipeline.state, false, &there);
        assert_int_equal(here.labels, there.labels);
        assert_true(here.log_loss == there.log_loss);
    }
}

/* The join's books are the same whatever was migrated; labels reach back far enough. */
static void check_history(const struct trial *moved, const struct trial *other)
{
    const struct fold_row *here = trial_fold(moved), *there = trial_fold(other);
    assert_int_equal(here->events, there->events);
    assert_int_equal(here->told, there->told);
    assert_int_equal(here->spent, there->spent);
    assert_int_equal(here->labels_learned, there->labels_learned);
    assert_int_equal(here->labels_corrected, there->labels_corrected);
    assert_int_equal(here->labels_refused, there->labels_refused);
    assert_int_equal(here->early_kept, there->early_kept);
    assert_int_equal(here->matured, there->matured);
    const struct history *history = &moved->pipeline.history;
    for (uint64_t number = here->events - 700; number < here->events; number++) {
        const struct event_row *a = history_event(history, &moved->pipeline.state, number);
        const struct event_row *b = history_event(history, &other->pipeline.state, number);
        assert_non_null(a);
        assert_int_equal(a->id, b->id);
        assert_int_equal(a->flags, b->flags);
        assert_memory_equal(&a->label, &b->label, sizeof a->label);
        uint64_t slot = history_slot(history, number);
        if (a->id)
            assert_int_equal(keymap_find(&history->ids, &moved->pipeline.state, a->id), slot);
    }
}

static void count_lines(const struct migration_report *report)
{
    for (uint32_t i = 0; i < report->count; i++) {
        refilled += report->lines[i].outcome == MIGRATION_REFILLED;
        anew += report->lines[i].outcome == MIGRATION_ANEW;
    }
}

/* WEIR_SEEDS=1000 looks longer. */
static uint64_t seeds(void)
{
    const char *wanted = getenv("WEIR_SEEDS");
    return wanted ? strtoull(wanted, NULL, 10) : 40;
}

static void world(uint64_t seed)
{
    struct weather weather = {.now_ms = 1600000000000};
    random_seed(&weather.random, seed);
    struct plan before = plan_random(&weather.random);
    struct plan after = plan_change(&before, &weather.random);
    weather.late = before.lateness_m && after.lateness_m;
    struct journal *journal = calloc(1, sizeof *journal);
    struct migration_report report = {0};
    assert_non_null(journal);
    struct trial *old = open_plan(&before), *moved = open_plan(&after), *other = open_plan(&after);
    struct result moved_result = result_new(moved), other_result = result_new(other);
    live(journal, &weather, old, BEFORE, NULL);
    journal->change = journal->count;
    migrate(&moved->pipeline, &old->pipeline, &report);
    trial_close(old);
    live(journal, &weather, moved, AFTER, &moved_result);
    for (uint32_t i = 0; i < journal->count; i++)
        fold_page(other, &journal->page[i], &other_result);
    check_features(moved, &report, &moved_result, &other_result);
    check_history(moved, other);
    check_models(moved, other, &report);
    check_monitor(moved, other, &report);
    count_lines(&report);
    migration_report_close(&report);
    free(moved_result.value);
    free(other_result.value);
    trial_close(moved);
    trial_close(other);
    journal_free(journal);
}

static void unchanged_goes_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        world(seed);
    }
    print_message("%llu values, %llu models (%llu with a race after a promotion), %llu detectors; "
                  "%llu parts refilled, %llu anew\n",
                  (unsigned long long)compared, (unsigned long long)models_compared,
                  (unsigned long long)races_compared, (unsigned long long)detectors_compared,
                  (unsigned long long)refilled, (unsigned long long)anew);
    assert_true(compared > 1000 && models_compared > 0 && races_compared > 0);
    assert_true(detectors_compared > 0 && refilled > 0 && anew > 0);
}

/* To an equal configuration nothing changes at all; and all of it is kept. */
static void equal_is_identical(void **state)
{
    (void)state;
    for (uint64_t seed = 1001; seed <= 1000 + seeds() / 4; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        struct weather weather = {.now_ms = 1600000000000, .late = true};
        random_seed(&weather.random, seed);
        struct plan plan = plan_random(&weather.random);
        struct journal *journal = calloc(1, sizeof *journal);
        struct migration_report report = {0};
        assert_non_null(journal);
        struct trial *old = open_plan(&plan), *moved = open_plan(&plan);
        live(journal, &weather, old, BEFORE, NULL);
        state_set_journal(&old->pipeline.state, 17, 0x1234);
        migrate(&moved->pipeline, &old->pipeline, &report);
        for (uint32_t i = 0; i < report.count; i++)
            assert_int_equal(report.lines[i].outcome, MIGRATION_KEPT);
        assert_int_equal(state_hash(&moved->pipeline.state), state_hash(&old->pipeline.state));
        assert_memory_equal(moved->pipeline.state.directory, old->pipeline.state.directory,
                            sizeof(struct state_directory));
        migration_report_close(&report);
        trial_close(old);
        trial_close(moved);
        journal_free(journal);
    }
}

/* ---- rows that are sound, whatever room there was ---- */

static uint64_t rows_checked, rows_left_out, slots_lost;

/* A frame's own cursor stands at the oldest passing slot of as many as it says it holds. */
static void check_own(const struct visit *visit, const struct frame *frame)
{
    const struct cursor *cursor = frame_cursor(visit, frame);
    uint64_t count = 0;
    struct place place = cursor->place;
    for (bool more = cursor->next_ms != TIME_NEVER; more; more = ring_newer(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (slot->time_ms + frame->delay_ms > visit_head(visit)->newest_ms)
            break;
        if (count == 0)
            assert_true(slot_passes(visit->entity, frame, slot));
        count += slot_passes(visit->entity, frame, slot);
    }
    assert_int_equal(count, frame_held(visit, frame)->count);
}

/* Every cursor stands at the oldest slot that has not crossed its edge; the last may wait. */
static void check_cursors(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    int64_t newest_ms = visit_head(visit)->newest_ms;
    for (uint32_t e = 0; e < entity->edge_count; e++) {
        const struct cursor *cursor = &visit_cursors(visit)[e];
        const struct edge *edge = &entity->edge[e];
        struct place place;
        if (edge->frame != INDEX_NONE) {
            check_own(visit, &entity->frame[edge->frame]);
            continue;
        }
        bool found = ring_oldest(visit, &place), waits = edge->drops && entity->holds;
        while (found && !waits &&
               edge_crossing_ms(entity, edge, ring_slot(visit, place)->time_ms) <= newest_ms)
            found = ring_newer(visit, &place);
        assert_int_equal(found, cursor->next_ms != TIME_NEVER);
        if (found) {
            assert_true(place_equal(place, cursor->place));
            assert_int_equal(cursor->next_ms,
                             edge_crossing_ms(entity, edge, ring_slot(visit, place)->time_ms));
        }
    }
}

static void check_moment(const struct visit *visit, const struct moment *moment)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[moment->frame];
    double count = 0, sum = 0;
    struct place place;
    for (bool more = ring_oldest(visit, &place); more; more = ring_newer(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (!frame_holds_slot(visit, frame, place) || !slot_passes(entity, frame, slot))
            continue;
        bool counts = moment->cell == INDEX_NONE ||
                      !cell_missing(&entity->cell[moment->cell], slot->cell[moment->cell]);
        count += counts;
        sum += counts && moment->cell != INDEX_NONE ? slot->cell[moment->cell].number : 0;
    }
    const double *cells = (const double *)(visit->bytes + moment->offset);
    if (cells[0] != count)
        fail_msg("%s: a moment of form %s, extent %lld, delay %lld, span %lld holds %g of %g slots",
                 entity->name, frame->form->name, (long long)frame->extent,
                 (long long)frame->delay_ms, (long long)frame->span_ms, cells[0], count);
    if (moment->needs & NEEDS_SUM && moment->cell != INDEX_NONE)
        assert_true(fabs(cells[1] - sum) <= 1e-9 * (1 + fabs(sum)));
}

static uint64_t row_blocks(const struct visit *visit)
{
    uint64_t count = 0;
    for (uint32_t block = visit_head(visit)->newest_block; block;
         block = ring_block(visit, block)->older)
        count++;
    return count;
}

static uint64_t check_row(const struct entity *entity, struct state *state, uint64_t row)
{
    struct visit visit = {.entity = entity, .state = state, .row = row};
    visit.bytes = (uint8_t *)(uintptr_t)state_read(state, entity->row_region, row);
    const struct entity_head *head = visit_head(&visit);
    if (!head->live)
        return 0;
    assert_int_equal(keymap_find(&entity->map, state, head->key), row);
    rows_checked++;
    if (!entity->has_slots)
        return 0;
    uint32_t slots = 0;
    int64_t time_ms = INT64_MIN;
    struct place place;
    for (bool more = ring_oldest(&visit, &place); more; more = ring_newer(&visit, &place)) {
        assert_true(ring_slot(&visit, place)->time_ms >= time_ms);
        time_ms = ring_slot(&visit, place)->time_ms;
        slots++;
    }
    assert_int_equal(slots, head->slot_count);
    assert_true(slots <= entity->slots_max);
    check_cursors(&visit);
    for (uint32_t i = 0; i < entity->moment_count; i++)
        if (entity->frame[entity->moment[i].frame].form != &ever_form)
            check_moment(&visit, &entity->moment[i]);
    return row_blocks(&visit);
}

static void check_entities(struct trial *trial)
{
    const struct features *features = trial->pipeline.features;
    struct state *state = &trial->pipeline.state;
    for (uint32_t i = 0; i < features->entity_count; i++) {
        const struct entity *entity = features->entity[i];
        const struct state_region *region = state->directory->region;
        uint64_t blocks = 0;
        for (uint64_t row = 0; row < region[entity->row_region].used; row++)
            blocks += check_row(entity, state, row);
        if (entity->has_slots)
            assert_int_equal(blocks, region[entity->block_region].live);
        slots_lost += entity_counters(entity, state)->events_dropped;
    }
}

static void crowd(struct plan *plan, struct random *random)
{
    static const int64_t lateness_m[] = {0, 10, 30};
    plan->entities_max = 16 + (int64_t)pick(random, 60);
    plan->events_max = 20 + (int64_t)pick(random, happens(random, 0.5) ? 20 : 200);
    plan->lateness_m = lateness_m[pick(random, 3)];
    plan->remembered = happens(random, 0.5) ? 100 : 3000;
}

/* As if memory had given that few blocks. */
static void cut_blocks(struct trial *trial, struct random *random)
{
    const struct features *features = trial->pipeline.features;
    for (uint32_t i = 0; i < features->entity_count; i++) {
        const struct entity *entity = features->entity[i];
        struct state_region *region = trial->pipeline.state.directory->region;
        uint64_t most = 16 + pick(random, 100);
        if (entity->has_slots && region[entity->block_region].row_count > most)
            region[entity->block_region].row_count = most;
    }
}

/* From one configuration to the next and the next, each with little room of its own. */
static void rows_are_sound(void **state)
{
    (void)state;
    for (uint64_t seed = 2001; seed <= 2000 + seeds() / 2; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        struct weather weather = {.now_ms = 1600000000000, .late = true};
        random_seed(&weather.random, seed);
        struct plan plan = plan_random(&weather.random);
        struct journal *journal = calloc(1, sizeof *journal);
        assert_non_null(journal);
        struct trial *trial = open_plan(&plan);
        for (int round = 0; round < 4; round++) {
            live(journal, &weather, trial, 400, NULL);
            plan = happens(&weather.random, 0.2) ? plan_random(&weather.random)
                                                 : plan_change(&plan, &weather.random);
            crowd(&plan, &weather.random);
            struct migration_report report = {0};
            struct trial *next = open_plan(&plan);
            if (happens(&weather.random, 0.5))
                cut_blocks(next, &weather.random);
            migrate(&next->pipeline, &trial->pipeline, &report);
            check_entities(next);
            for (uint32_t i = 0; i < report.count; i++)
                rows_left_out += strstr(report.lines[i].why, "no room") != NULL;
            migration_report_close(&report);
            trial_close(trial);
            trial = next;
        }
        live(journal, &weather, trial, 100, NULL);
        check_entities(trial);
        trial_close(trial);
        journal_free(journal);
    }
    assert_true(rows_checked > 0 && rows_left_out > 0 && slots_lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_goes_on),
        cmocka_unit_test(equal_is_identical),
        cmocka_unit_test(rows_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
