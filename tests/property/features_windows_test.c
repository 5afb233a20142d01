/* Windows against their definition: random windows over random streams with ties, late events, long
 * pauses, evictions, dropped events and labels; each event's results are compared with what the
 * definition gives over the whole history of its entity, and every stream must leave the same state
 * and the same results whether it goes in batches of 1, 7 or 256. */
#include "tests/property/features_definitions.h"
#include "tests/property/features_fixture.h"
#include "tests/property/features_panes.h"
#include "tests/property/features_stream.h"
#include <math.h>

static struct zone *berlin;

static void stream_open(struct stream *stream, struct fixture *fixture)
{
    static struct entity_setting entities[3] = {
        {.name = "card"}, {.name = "merchant"}, {.name = "merchant, card"}};
    for (int i = 0; i < 3; i++) {
        entities[i].entities_max = stream->entities_max;
        entities[i].events_max = stream->events_max;
    }
    struct features_setting setting = {.memory = stream->memory,
                                       .lateness_ms = stream->lateness_ms,
                                       .zone = berlin,
                                       .entity_count = 3,
                                       .entity = entities,
                                       .scan_max = stream->scan_max,
                                       .node_size = stream->node_size,
                                       .nodes_max = stream->nodes_max,
                                       .spill_group = stream->spill_group};
    fixture_open(fixture, &setting);
    for (uint32_t i = 0; i < stream->window_count; i++)
        if (strstr(stream->window[i].formula, "base")) {
            fixture_name(fixture, "base", "count() by card over 20s");
            break;
        }
    for (uint32_t i = 0; i < stream->window_count; i++) {
        struct expectation *window = &stream->window[i];
        window->value = fixture_must_compile(fixture, window->formula);
        window->argument = window->second = window->where = window->and = VALUE_NONE;
        if (window->argument_text[0][0])
            window->argument = fixture_must_compile(fixture, window->argument_text[0]);
        if (window->argument_text[1][0])
            window->second = fixture_must_compile(fixture, window->argument_text[1]);
        if (window->condition[0])
            window->where = fixture_must_compile(fixture, window->condition);
        if (strcmp(window->kind, "since") == 0)
            window->and = window->argument;
    }
    fixture_start(fixture);
    assert_true(fixture->program->value_count <= VALUES);
}

static void record_put(const struct record *record, struct fixture *fixture)
{
    struct batch *batch = fixture->batch;
    for (uint64_t number = record->told.from; number < record->told.to; number++) {
        struct event_row *row = state_write_row(&fixture->state, fixture->history.event_region,
                                                history_slot(&fixture->history, number));
        if (number % 5) /* some are not let out: a label record came before */
            row->flags |= EVENT_TOLD;
    }
    uint32_t row = batch->count;
    if (record->kind == RECORD_EVENT && !record->dead) {
        fixture_event(fixture, record->number, record->time_ms, record->card, record->amount);
        struct event_row *event = state_write_row(&fixture->state, fixture->history.event_region,
                                                  history_slot(&fixture->history, record->number));
        event->carried = record->carried;
        batch->label_early[row] = record->early;
        const uint32_t *value = fixture->field_value;
        fixture_cell(fixture, value[FIXTURE_MERCHANT], row)->key = record->merchant;
        fixture_cell(fixture, value[FIXTURE_FLAG], row)->number = record->flag;
        fixture_cell(fixture, value[FIXTURE_COUNTRY], row)->number = record->country;
        fixture_cell(fixture, value[FIXTURE_WHEN], row)->number = (double)record->time_ms / 1000;
    } else {
        batch->count++;
        batch->kind[row] = (uint8_t)record->kind;
        batch->dead[row] = record->dead;
        batch->number[row] = record->number;
        batch->label[row] = record->label;
        batch->join[row] = (uint8_t)record->join;
        batch->label_early[row] = MISSING;
        for (uint32_t i = 0; i < FIXTURE_FIELDS; i++)
            fixture_cell(fixture, fixture->field_value[i], row)->number = MISSING;
        fixture_cell(fixture, fixture->field_value[FIXTURE_CARD], row)->key = 0;
        fixture_cell(fixture, fixture->field_value[FIXTURE_MERCHANT], row)->key = 0;
    }
    batch->told[row] = record->told;
}

static struct past past[RECORDS];
static uint32_t past_count;

static const struct entity *entity_by(const struct fixture *fixture, uint32_t by)
{
    static const char *const names[] = {"", "card", "merchant", "card,merchant"};
    for (uint32_t i = 0; i < fixture->features->entity_count; i++)
        if (strcmp(fixture->features->entity[i]->name, names[by]) == 0)
            return fixture->features->entity[i];
    return NULL;
}

/* Windows that are named over the test's own `base`. */
static bool has_base(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->window_count; i++)
        if (strstr(stream->window[i].formula, "base"))
            return true;
    return false;
}

/* Does it hold slots for another reason than their age? */
static bool form_holds(const struct window_form *form)
{
    return form->form > DRAWN_SPAN;
}

/* How far back an entity's slots are kept; 0: it has none. */
static int64_t farthest_of(const struct stream *stream, uint32_t by)
{
    int64_t farthest_ms = by == 1 && has_base(stream) ? 20000 : 0;
    for (uint32_t i = 0; i < stream->window_count; i++) {
        const struct window_form *form = &stream->window[i].form;
        int64_t distance_ms = form->delay_ms + (form->form == DRAWN_SPAN ? form->extent : 0);
        if (stream->window[i].by != by)
            continue;
        if (form_holds(form) && distance_ms == 0)
            distance_ms = 1;
        if (distance_ms > farthest_ms)
            farthest_ms = distance_ms;
    }
    return farthest_ms + (stream->lateness_ms ? stream->lateness_ms + 1 : 0);
}

/* Could it ever be in a window of the entity, as far as is known when it comes? */
static bool is_skipped(const struct stream *stream, const struct past *event, uint32_t by)
{
    for (uint32_t i = 0; i < stream->window_count; i++) {
        const struct expectation *window = &stream->window[i];
        if (window->by != by)
            continue;
        if (strstr(window->condition, "base") ||
            (window->and != VALUE_NONE && strstr(window->argument_text[0], "base")))
            return false;
        bool may = window->where == VALUE_NONE || window->where_label == LABEL_IS_0_OR ||
                   event->value[window->where].number == 1;
        if (may && (window->and == VALUE_NONE || event->value[window->and ].number == 1))
            return false;
    }
    return by != 1 || !has_base(stream);
}

static int64_t newest_of(uint32_t by, uint64_t key)
{
    int64_t newest_ms = INT64_MIN;
    for (uint32_t i = 0; i < past_count; i++)
        if (past[i].key[by] == key && past[i].entered[by] && past[i].time_ms > newest_ms)
            newest_ms = past[i].time_ms;
    return newest_ms;
}

/* The oldest held slot, or RECORDS. */
static uint32_t oldest_of(uint32_t by, uint64_t key, uint32_t *count)
{
    uint32_t oldest = RECORDS;
    *count = 0;
    for (uint32_t i = 0; i < past_count; i++) {
        if (past[i].key[by] != key || !past[i].held[by])
            continue;
        ++*count;
        if (oldest == RECORDS || past[i].time_ms < past[oldest].time_ms)
            oldest = i;
    }
    return oldest;
}

/* The slots that an entity holds and that pass, up to a moment, oldest first; with `event` itself
 * among them if it is given. */
static uint32_t gather_passing(const struct expectation *window, uint64_t key, int64_t until_ms,
                               struct past *event, struct past **slots)
{
    uint32_t count = 0, by = window->by;
    for (uint32_t i = 0; i < past_count + (event != NULL); i++) {
        struct past *slot = i == past_count ? event : &past[i];
        bool held = slot == event || (slot->key[by] == key && slot->held[by]);
        if (!held || slot->time_ms > until_ms || !passes(window, slot))
            continue;
        uint32_t at = count++;
        for (; at > 0 && slots[at - 1]->time_ms > slot->time_ms; at--)
            slots[at] = slots[at - 1];
        slots[at] = slot;
    }
    return count;
}

/* Keeps those at the end that are in the window. */
static uint32_t form_cut(const struct window_form *form, struct past **slots, uint32_t count,
                         int64_t until_ms)
{
    int64_t times[RECORDS + 1];
    for (uint32_t i = 0; i < count; i++)
        times[i] = slots[i]->time_ms;
    uint32_t in = form_count(form, berlin, times, count, until_ms);
    memmove(slots, slots + count - in, in * sizeof *slots);
    return in;
}

/* The slots that a window holds now, and those that it held the lateness ago, are not dropped; of
 * periods also those that do not pass. */
static void hold_needed(const struct stream *stream, uint32_t by, uint64_t key, int64_t now_ms,
                        bool *needed)
{
    memset(needed, 0, RECORDS);
    for (uint32_t w = 0; w < stream->window_count * 2; w++) {
        struct expectation window = stream->window[w / 2];
        struct past *slots[RECORDS + 1];
        if (window.by != by || !form_holds(&window.form))
            continue;
        if (window.form.form == DRAWN_PERIOD)
            window.where = window.and = VALUE_NONE;
        int64_t until_ms = now_ms - window.form.delay_ms - (w % 2 ? stream->lateness_ms : 0);
        uint32_t count = gather_passing(&window, key, until_ms, NULL, slots);
        count = form_cut(&window.form, slots, count, until_ms);
        for (uint32_t i = 0; i < count; i++)
            needed[slots[i] - past] = true;
    }
}

/* Lets go of the oldest slots whose time has come and that nobody needs. */
static void past_trim(const struct stream *stream, uint32_t by, uint64_t key, int64_t now_ms)
{
    bool needed[RECORDS];
    hold_needed(stream, by, key, now_ms, needed);
    for (;;) {
        uint32_t count, oldest = oldest_of(by, key, &count);
        if (count == 0 || needed[oldest] || past[oldest].time_ms + farthest_of(stream, by) > now_ms)
            return;
        past[oldest].held[by] = false;
    }
}

static uint64_t spilled_count;

/* Panes take it, if there are any. */
static void past_spill(struct past *event, uint32_t by)
{
    event->spilled[by] = ++spilled_count;
    event->spilled_label[by] = event->label;
}

/* Enters the event into one kind of entity as the contract says. */
static void past_enter(const struct stream *stream, struct past *event, uint32_t by,
                       uint32_t slots_after)
{
    uint64_t key = event->key[by];
    event->dropped_ms[by] = INT64_MAX;
    if (key == 0)
        return;
    int64_t newest_ms = newest_of(by, key), farthest_ms = farthest_of(stream, by);
    bool late = newest_ms > event->time_ms;
    if (late && newest_ms - event->time_ms > stream->lateness_ms)
        return;
    if (!late)
        newest_ms = event->time_ms;
    if (farthest_ms == 0) {
        event->entered[by] = true;
        return;
    }
    if (!late)
        past_trim(stream, by, key, newest_ms);
    if (is_skipped(stream, event, by)) {
        event->entered[by] = true;
        return;
    }
    uint32_t count, oldest = oldest_of(by, key, &count);
    if (late && count >= (uint32_t)stream->events_max && past[oldest].time_ms > event->time_ms) {
        event->passed_by[by] = true;
        return;
    }
    uint32_t slots_max = (uint32_t)stream->events_max + stream->spill_group - 1;
    uint32_t going = count < slots_max ? 0 : late ? 1 : stream->spill_group;
    for (; going > 0 || (stream->crowded && count >= slots_after); going -= going > 0) {
        past[oldest].held[by] = false;
        past[oldest].dropped_ms[by] = newest_ms;
        past_spill(&past[oldest], by);
        oldest = oldest_of(by, key, &count);
    }
    event->entered[by] = event->held[by] = true;
}

static bool in_ever(const struct expectation *window, const struct past *slot,
                    const struct past *event)
{
    uint32_t by = window->by;
    int64_t until_ms = event->time_ms - window->form.delay_ms;
    return slot->key[by] == event->key[by] && slot->entered[by] && slot->time_ms <= until_ms &&
           (slot->dropped_ms[by] == INT64_MAX ||
            slot->time_ms + window->form.delay_ms <= slot->dropped_ms[by]);
}

static bool misses(const struct fixture *fixture, uint32_t value, union value cell)
{
    bool is_key = fixture->program->value[value].type == TYPE_TEXT;
    return is_key ? cell.key == 0 : isnan(cell.number);
}

static struct defined_slot show(const struct fixture *fixture, const struct expectation *window,
                                const struct past *seen)
{
    struct defined_slot slot = {.time_ms = seen->time_ms};
    if (window->argument != VALUE_NONE) {
        slot.x = seen->value[window->argument];
        if (window->label)
            slot.x.number = seen->label;
        slot.has_x = !misses(fixture, window->argument, slot.x);
    }
    if (window->second != VALUE_NONE) {
        slot.y = seen->value[window->second];
        slot.has_y = !misses(fixture, window->second, slot.y);
    }
    return slot;
}

static struct defined define(const struct fixture *fixture, const struct expectation *window,
                             struct past *const *slots, uint32_t count, const struct past *event)
{
    static struct question question;
    static struct defined_slot shown[RECORDS + 1];
    for (uint32_t i = 0; i < count; i++)
        shown[i] = show(fixture, window, slots[i]);
    question.kind = window->kind;
    question.bare = window->argument == VALUE_NONE || strcmp(window->kind, "new") == 0;
    question.is_key = !question.bare && fixture->program->value[window->argument].type == TYPE_TEXT;
    question.over_ms = window->form.extent;
    question.parameter = window->parameter;
    question.event = show(fixture, window, event);
    if (window->label) /* its own is not known yet */
        question.event.x.number = 0;
    question.slot = shown;
    question.count = count;
    return defined_as(&question);
}

/* All slots of a window without end in their order. */
static uint32_t gather_ever(const struct expectation *window, struct past *event, bool with_event,
                            struct past **slots)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < past_count + with_event; i++) {
        struct past *slot = i == past_count ? event : &past[i];
        if ((slot != event && !in_ever(window, slot, event)) || !passes(window, slot))
            continue;
        uint32_t at = count++;
        for (; at > 0 && slots[at - 1]->time_ms > slot->time_ms; at--)
            slots[at] = slots[at - 1];
        slots[at] = slot;
    }
    return count;
}

static uint32_t gather_slots(const struct expectation *window, struct past *event,
                             struct past **slots)
{
    bool back = window->before || aggregate_find(window->kind)->looks_back;
    bool with_event = !back && window->form.delay_ms == 0;
    int64_t until_ms = event->time_ms - window->form.delay_ms;
    if (window->form.form == DRAWN_EVER)
        return gather_ever(window, event, with_event, slots);
    uint32_t count =
        gather_passing(window, event->key[window->by], until_ms, with_event ? event : NULL, slots);
    return form_cut(&window->form, slots, count, until_ms);
}

/* Without span, what came too late reads what there is; so does what is late and would have to
 * leave out an event that was dropped before its time. */
static bool reads_blurred(const struct expectation *window, const struct past *event)
{
    uint32_t by = window->by;
    if (!event->entered[by])
        return true;
    for (uint32_t i = 0; i < past_count; i++)
        if (past[i].key[by] == event->key[by] && past[i].entered[by] &&
            past[i].dropped_ms[by] != INT64_MAX &&
            past[i].time_ms > event->time_ms - window->form.delay_ms &&
            newest_of(by, event->key[by]) > event->time_ms)
            return true;
    return false;
}

/* Adds to the slots what panes count.  False if the contract does not say what is read then. */
static bool gather_gone(const struct fixture *fixture, const struct expectation *window,
                        struct past *event, struct past **slots, uint32_t *count)
{
    static struct gone gone[RECORDS];
    const struct entity *entity = entity_by(fixture, window->by);
    const struct frame *frame = frame_of_window(entity, window->value);
    uint32_t gone_count = gone_list(window, past, past_count, event->key[window->by], gone),
             added = 0;
    int64_t newest_ms = newest_of(window->by, event->key[window->by]);
    if (entity->panes_max == 0 || frame->panes == INDEX_NONE || gone_count == 0)
        return true;
    if (window->label || frame_sketches(entity, frame))
        return false;
    if (event->time_ms > newest_ms)
        newest_ms = event->time_ms;
    bool in_order = gone_join(entity, frame, gone, gone_count, event->time_ms, newest_ms);
    for (uint32_t i = 0; i < gone_count; i++)
        added += gone[i].joined;
    for (uint32_t i = 0; i < *count; i++)
        in_order &= slots[i]->time_ms >= gone[gone_count - 1].event->time_ms;
    if (!in_order && is_one_of(window->kind, "first streak last age since previous"))
        return false;
    memmove(slots + added, slots, *count * sizeof *slots);
    *count += added;
    for (uint32_t i = 0, at = 0; i < gone_count; i++)
        if (gone[i].joined)
            slots[at++] = gone[i].event;
    return true;
}

/* Spilled values are known by the first bits of their mantissas; of so few nothing else is lost. */
static double prefix_tolerance(const struct expectation *window, struct past **slots,
                               uint32_t count)
{
    double most = 0;
    for (uint32_t i = 0; i < count; i++) {
        double value = slots[i]->value[window->argument].number;
        most = fabs(value) > most ? fabs(value) : most;
    }
    return most * 0x1p-20;
}

static void check(const struct stream *stream, const struct fixture *fixture,
                  const struct expectation *window, struct past *event, uint32_t record)
{
    struct past *slots[RECORDS + 1];
    uint32_t by = window->by;
    union value got = *fixture_cell(fixture, window->value, 0);
    bool got_found = !misses(fixture, window->value, got);
    struct defined defined = {.found = false};
    if (event->key[by]) {
        if (window->form.form == DRAWN_EVER && reads_blurred(window, event))
            return;
        uint32_t count = gather_slots(window, event, slots), kept = count;
        if (!gather_gone(fixture, window, event, slots, &count))
            return;
        defined = define(fixture, window, slots, count, event);
        if (count > kept && is_one_of(window->kind, "median quantile"))
            defined.tolerance += prefix_tolerance(window, slots, count);
        if (count > kept && is_one_of(window->kind, "entropy"))
            defined.tolerance += 1e-6;
    }
    bool equal = fixture->program->value[window->value].type == TYPE_TEXT
                     ? got.key == defined.value.key
                     : fabs(got.number - defined.value.number) <= defined.tolerance;
    if (got_found == defined.found && (!defined.found || equal))
        return;
    fail_msg("seed %llu, record %u, %s: got %s %.17g, defined %s %.17g (lateness %lld, events_max "
             "%lld, entered %d)",
             (unsigned long long)stream->seed, record, window->formula, got_found ? "" : "missing",
             got.number, defined.found ? "" : "missing", defined.value.number,
             (long long)stream->lateness_ms, (long long)stream->events_max, event->entered[by]);
}

/* Entities that were evicted begin again with nothing. */
static void past_forget(const struct fixture *fixture)
{
    for (uint32_t by = 1; by <= 3; by++) {
        const struct entity *entity = entity_by(fixture, by);
        if (!entity)
            continue;
        for (uint32_t i = 0; i < past_count; i++)
            if (past[i].key[by] &&
                keymap_find(&entity->map, &fixture->state, past[i].key[by]) == STATE_NO_ROW) {
                past[i].entered[by] = past[i].held[by] = false;
                past[i].spilled[by] = 0;
            }
    }
}

static void label_known(uint64_t number, double label)
{
    if (number < past_count && !isnan(label))
        past[number].label = label;
}

/* Follows one record that was extracted alone. */
static void follow(const struct stream *stream, const struct fixture *fixture, uint32_t index)
{
    const struct record *record = &stream->record[index];
    for (uint64_t number = record->told.from; number < record->told.to; number++)
        if (number % 5)
            label_known(number, past[number].value[VALUES - 1].number);
    if (record->kind == RECORD_LABEL &&
        (record->join == JOIN_LEARNED || record->join == JOIN_CORRECTED))
        label_known(record->number, record->label);
    if (record->kind != RECORD_EVENT || record->dead)
        return;
    struct past *event = &past[past_count];
    memset(event, 0, sizeof *event);
    event->time_ms = record->time_ms;
    event->key[1] = record->card;
    event->key[2] = record->merchant;
    event->key[3] = hash_pair(record->card, record->merchant);
    for (uint32_t i = 0; i < fixture->program->value_count; i++)
        event->value[i] = *fixture_cell(fixture, i, 0);
    event->value[VALUES - 1].number = record->carried;
    past_forget(fixture);
    for (uint32_t by = 1; by <= 3; by++) {
        const struct entity *entity = entity_by(fixture, by);
        if (!entity || !event->key[by])
            continue;
        uint64_t row = keymap_find(&entity->map, &fixture->state, event->key[by]);
        assert_true(row != STATE_NO_ROW);
        const struct entity_head *head = state_read(&fixture->state, entity->row_region, row);
        past_enter(stream, event, by, head->slot_count);
        uint32_t count;
        past_count++;
        oldest_of(by, event->key[by], &count);
        past_count--;
        if (count != head->slot_count)
            fail_msg("seed %llu, record %u: %u slots of %s held, expected %u",
                     (unsigned long long)stream->seed, index, head->slot_count, entity->name,
                     count);
    }
    for (uint32_t i = 0; i < stream->window_count; i++)
        check(stream, fixture, &stream->window[i], event, index);
    for (uint32_t by = 1; by <= 3; by++)
        if (event->passed_by[by]) {
            event->dropped_ms[by] = newest_of(by, event->key[by]);
            past_spill(event, by);
        }
    past_count++;
    label_known(record->number, record->early);
}

static void stream_run(struct stream *stream, uint32_t batch_size, struct outcome *outcome)
{
    static struct fixture fixture;
    stream_open(stream, &fixture);
    past_count = 0;
    spilled_count = 0;
    for (uint32_t from = 0; from < RECORDS; from += batch_size) {
        uint32_t to = from + batch_size < RECORDS ? from + batch_size : RECORDS;
        batch_clear(fixture.batch);
        for (uint32_t i = from; i < to; i++)
            record_put(&stream->record[i], &fixture);
        fixture_run(&fixture);
        for (uint32_t i = from; i < to; i++)
            for (uint32_t w = 0; w < stream->window_count; w++)
                outcome->result[i][w] = *fixture_cell(&fixture, stream->window[w].value, i - from);
        if (batch_size == 1)
            follow(stream, &fixture, from);
    }
    outcome->hash = state_hash(&fixture.state);
    fixture_close(&fixture);
}

static void outcomes_compare(const struct stream *stream, const struct outcome *alone,
                             const struct outcome *together, uint32_t size)
{
    for (uint32_t i = 0; i < RECORDS; i++)
        for (uint32_t w = 0; w < stream->window_count; w++)
            if (memcmp(&alone->result[i][w], &together->result[i][w], 8) != 0)
                fail_msg("seed %llu, record %u, %s: %.17g alone, %.17g in batches of %u",
                         (unsigned long long)stream->seed, i, stream->window[w].formula,
                         alone->result[i][w].number, together->result[i][w].number, size);
    if (alone->hash != together->hash)
        fail_msg("seed %llu: another state in batches of %u", (unsigned long long)stream->seed,
                 size);
}

static void windows_follow_their_definition(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct outcome alone, together;
    struct failure failure;
    assert_non_null(berlin = zone_open("Europe/Berlin", &failure));
    const char *text = getenv("WEIR_SEED");
    uint64_t first = text ? strtoull(text, NULL, 10) : 20180401;
    uint64_t count = text ? 1 : STREAMS;
    print_message("seeds from %llu\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + count; seed++) {
        stream_draw(&stream, seed);
        stream_run(&stream, 1, &alone);
        stream_run(&stream, 7, &together);
        outcomes_compare(&stream, &alone, &together, 7);
        stream_run(&stream, 256, &together);
        outcomes_compare(&stream, &alone, &together, 256);
    }
    zone_close(berlin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_follow_their_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
