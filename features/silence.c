/* Watching for silence; see silence.h. */
#include "features/silence.h"
#include "base/hash.h"
#include "base/mask.h"
#include "base/state_copy.h"
#include "features/migrate.h"
#include "features/pass.h"
#include <stdio.h>
#include <string.h>

enum {
    ROWS_MIN = 16,
    ROWS_MOST = 1 << 20,
    MEMORY_PART = 16, /* of what entities have, for all that are watched */
    INDEX_BYTES = 32, /* a row's share of the index at most */
    STEPS_MOST = 64   /* that a late event is put back among the others */
};

static const struct entity *entity_of(const struct features *features,
                                      const struct silence *silence)
{
    return features->entity[silence->entity];
}

/* Of what is watched and how its texts are kept. */
static uint64_t print_of(const struct features *features, const struct silence *silence)
{
    const struct entity *entity = entity_of(features, silence);
    char text[sizeof entity->name + 64];
    int used = snprintf(text, sizeof text, "silence %lld of %s", (long long)silence->span_ms,
                        entity->name);
    for (uint32_t i = 0; i < silence->key_count; i++)
        used +=
            snprintf(text + used, sizeof text - (size_t)used, " %d", silence->key[i]->sensitive);
    return hash_fingerprint(text, (size_t)used);
}

bool silence_add(struct features *features, const struct program *program, uint32_t entity,
                 int64_t span_ms)
{
    for (uint32_t i = 0; i < features->silence_count; i++)
        if (features->silence[i].entity == entity && features->silence[i].span_ms == span_ms)
            return true;
    if (features->silence_count == SILENCES_MAX)
        return false;
    struct silence *silence = &features->silence[features->silence_count++];
    *silence = (struct silence){.entity = entity, .span_ms = span_ms};
    silence->key_count = features->entity[entity]->key_count;
    ASSERT(silence->key_count <= SILENCE_KEYS_MAX);
    for (uint32_t i = 0; i < silence->key_count; i++)
        silence->key[i] = program->value[features->entity[entity]->key_value[i]].field;
    silence->fingerprint = print_of(features, silence);
    return true;
}

uint64_t silences_divide(struct features *features, uint64_t memory)
{
    uint64_t each = sizeof(struct silence_row) + INDEX_BYTES, taken = 0;
    for (uint32_t i = 0; i < features->silence_count; i++) {
        uint64_t rows = memory / MEMORY_PART / features->silence_count / each;
        rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MOST ? ROWS_MOST : rows;
        features->silence[i].rows_max = rows;
        taken += rows * each;
    }
    return taken;
}

void silences_declare(struct features *features, struct state_layout *layout)
{
    for (uint32_t i = 0; i < features->silence_count; i++) {
        struct silence *silence = &features->silence[i];
        char name[STATE_NAME_MAX];
        unsigned long long print = silence->fingerprint;
        snprintf(name, sizeof name, "silence.%016llx", print);
        silence->head_region =
            state_layout_add(layout, name, silence->fingerprint, sizeof(struct silence_head), 8, 1,
                             STATE_ROWS_ALWAYS);
        snprintf(name, sizeof name, "silence.%016llx.rows", print);
        silence->rows_region =
            state_layout_add(layout, name, silence->fingerprint, sizeof(struct silence_row), 8,
                             silence->rows_max, STATE_ROWS_TAKEN);
        snprintf(name, sizeof name, "silence.%016llx.index", print);
        keymap_declare(&silence->map, layout, name, silence->rows_region, silence->rows_max);
    }
}

/* One kind of silence in its turn. */
struct watching {
    const struct features *features;
    const struct silence *silence;
    struct state *state;
    struct batch *batch;
    uint32_t row;
    uint32_t told; /* before this row, of all kinds */
};

static struct silence_head *head_write(const struct watching *work)
{
    return state_write_row(work->state, work->silence->head_region, 0);
}

static struct silence_row *row_write(const struct watching *work, uint64_t row)
{
    return state_write_row(work->state, work->silence->rows_region, row);
}

static const struct silence_row *row_read(const struct watching *work, uint64_t row)
{
    return state_read(work->state, work->silence->rows_region, row);
}

/* Both are rows + 1, or 0: the one behind `older` is `newer`. */
static void join_rows(const struct watching *work, uint64_t older, uint64_t newer)
{
    if (older)
        row_write(work, older - 1)->newer = newer;
    else
        head_write(work)->oldest = newer;
    if (newer)
        row_write(work, newer - 1)->older = older;
    else
        head_write(work)->newest = older;
}

/* At its place by its last time; almost always that is the newest end. */
static void queue_put(const struct watching *work, uint64_t row)
{
    int64_t last_ms = row_read(work, row)->last_ms;
    uint64_t older = head_write(work)->newest, newer = 0;
    for (uint32_t steps = 0; older && steps < STEPS_MOST; steps++) {
        const struct silence_row *at = row_read(work, older - 1);
        if (at->last_ms <= last_ms)
            break;
        newer = older;
        older = at->older;
    }
    join_rows(work, older, row + 1);
    join_rows(work, row + 1, newer);
}

static void queue_leave(const struct watching *work, uint64_t row)
{
    const struct silence_row *leaving = row_read(work, row);
    join_rows(work, leaving->older, leaving->newer);
}

static void row_leave(const struct watching *work, uint64_t row)
{
    queue_leave(work, row);
    struct silence_row *gone = row_write(work, row);
    keymap_remove(&work->silence->map, work->state, gone->key);
    memset(gone, 0, sizeof *gone);
    state_give(work->state, work->silence->rows_region, row);
}

static void tell(const struct watching *work, const struct silence_row *row)
{
    struct model_event *event =
        batch_add_event(work->batch, MODEL_EVENT_SILENCE,
                        entity_of(work->features, work->silence)->name, work->row);
    event->time_ms = row->last_ms + work->silence->span_ms;
    event->last_ms = row->last_ms;
    snprintf(event->detail, sizeof event->detail, "%s", row->text);
    head_write(work)->told++;
}

/* Whose time has come. */
static void look(struct watching *work, int64_t watermark_ms)
{
    const struct silence_head *head = state_read(work->state, work->silence->head_region, 0);
    /* The row itself may end one of each kind. */
    uint32_t most = SILENCE_TOLD_MAX - work->features->silence_count;
    for (; head->oldest && work->told < most; work->told++) {
        uint64_t row = head->oldest - 1;
        const struct silence_row *oldest = row_read(work, row);
        if (oldest->last_ms + work->silence->span_ms > watermark_ms)
            return;
        tell(work, oldest);
        row_leave(work, row);
    }
}

/* How many bytes of a text fit, in whole characters. */
static size_t whole_characters(const char *text, size_t size, size_t room)
{
    if (size <= room)
        return size;
    while (room > 0 && ((unsigned char)text[room] & 0xC0) == 0x80)
        room--;
    return room;
}

/* "****1234", or "****1234, s17" of several keys; what does not fit is cut at a character. */
static void text_write(const struct watching *work, char text[SILENCE_TEXT_MAX])
{
    size_t used = 0;
    for (uint32_t i = 0; i < work->silence->key_count; i++) {
        const struct field *field = work->silence->key[i];
        struct span span = batch_texts(work->batch, field->text_slot)[work->row];
        const char *from = batch_bytes(work->batch, span);
        char masked[MASKED_MAX];
        size_t size = field->sensitive ? mask_apply(from, span.size, masked) : span.size;
        from = field->sensitive ? masked : from;
        size_t comma = i > 0 ? 2 : 0, room = SILENCE_TEXT_MAX - 1 - used;
        if (comma >= room)
            return;
        memcpy(text + used, ", ", comma);
        used += comma;
        room -= comma;
        size = whole_characters(from, size, room);
        memcpy(text + used, from, size);
        used += size;
    }
}

/* Room for one more, if need be by leaving off the one that has been silent longest. */
static uint64_t row_take(const struct watching *work)
{
    uint64_t row = state_take(work->state, work->silence->rows_region);
    if (row != STATE_NO_ROW)
        return row;
    struct silence_head *head = head_write(work);
    head->unwatched++;
    row_leave(work, head->oldest - 1);
    return state_take(work->state, work->silence->rows_region);
}

static void note_new(const struct watching *work, uint64_t key, int64_t time_ms)
{
    uint64_t row = row_take(work);
    struct silence_row *entered = row_write(work, row);
    entered->key = key;
    entered->last_ms = time_ms;
    text_write(work, entered->text);
    keymap_insert(&work->silence->map, work->state, key, row);
    queue_put(work, row);
}

/* An event so late that its silence would be over already is none to wait from: it may lie before a
 * silence that has been told. */
static void note(const struct watching *work, uint64_t key, int64_t time_ms, int64_t watermark_ms)
{
    int64_t span_ms = work->silence->span_ms;
    uint64_t row = keymap_find(&work->silence->map, work->state, key);
    if (row == STATE_NO_ROW) {
        if (time_ms + span_ms > watermark_ms)
            note_new(work, key, time_ms);
        return;
    }
    const struct silence_row *known = row_read(work, row);
    if (time_ms <= known->last_ms)
        return;
    if (time_ms - known->last_ms >= span_ms)
        tell(work, known);
    queue_leave(work, row);
    row_write(work, row)->last_ms = time_ms;
    queue_put(work, row);
}

static void forget(const struct watching *work, uint64_t key)
{
    uint64_t row = keymap_find(&work->silence->map, work->state, key);
    if (row == STATE_NO_ROW)
        return;
    row_leave(work, row);
    work->batch->erased[work->row] = true;
}

void features_watch(const struct features *features, struct state *state, struct batch *batch,
                    uint32_t row)
{
    struct watching work = {.features = features, .state = state, .batch = batch, .row = row};
    bool event = batch->kind[row] == RECORD_EVENT;
    for (uint32_t i = 0; i < features->silence_count; i++) {
        work.silence = &features->silence[i];
        const struct entity *entity = entity_of(features, work.silence);
        if (!event && entity_is_erased(entity, batch, row))
            forget(&work, entity_key(entity, batch, row));
        if (event || batch->kind[row] == RECORD_TICK)
            look(&work, batch->watermark_ms[row]);
        if (!event)
            continue;
        uint64_t key = batch->ahead[row] ? 0 : entity_key(entity, batch, row);
        if (key)
            note(&work, key, batch->time_ms[row], batch->watermark_ms[row]);
    }
}

/* Behind the row that was taken before, which is row `last` + 1 or 0. */
static uint64_t row_copy(const struct silence *to, struct state *state,
                         const struct silence_row *old, uint64_t last)
{
    uint64_t row = state_take(state, to->rows_region);
    ASSERT(row != STATE_NO_ROW);
    struct silence_row *new = state_write_row(state, to->rows_region, row);
    *new = *old;
    new->older = last;
    new->newer = 0;
    if (last)
        ((struct silence_row *)state_write_row(state, to->rows_region, last - 1))->newer = row + 1;
    keymap_insert(&to->map, state, old->key, row);
    return row + 1;
}

/* Rows as they stand: an equal configuration gives equal bytes. */
static void rows_copy(const struct silence *to, struct state *to_state, const struct silence *from,
                      const struct state *from_state)
{
    state_copy_rows(to_state, to->head_region, from_state, from->head_region);
    state_copy_rows(to_state, to->rows_region, from_state, from->rows_region);
    if (to->map.mask == from->map.mask) {
        state_copy_rows(to_state, to->map.index_region, from_state, from->map.index_region);
        return;
    }
    uint64_t used = from_state->directory->region[from->rows_region].used;
    for (uint64_t row = 0; row < used; row++) {
        const struct silence_row *old = state_read(from_state, from->rows_region, row);
        if (old->key && keymap_find(&from->map, from_state, old->key) == row)
            keymap_insert(&to->map, to_state, old->key, row);
    }
}

void silence_move(const struct silence *to, struct state *to_state, const struct silence *from,
                  const struct state *from_state, struct entity_moved *moved)
{
    const struct silence_head *old = state_read(from_state, from->head_region, 0);
    struct silence_head *new = state_write_row(to_state, to->head_region, 0);
    uint64_t live = from_state->directory->region[from->rows_region].live;
    uint64_t skipped = live > to->rows_max ? live - to->rows_max : 0;
    *moved = (struct entity_moved){.kept = live - skipped, .left_out = skipped};
    if (state_copy_fits(to_state, to->rows_region, from_state, from->rows_region)) {
        rows_copy(to, to_state, from, from_state);
        return;
    }
    *new = (struct silence_head){.told = old->told, .unwatched = old->unwatched + skipped};
    for (uint64_t at = old->oldest; at;) {
        const struct silence_row *row = state_read(from_state, from->rows_region, at - 1);
        if (skipped)
            skipped--;
        else
            new->newest = row_copy(to, to_state, row, new->newest);
        new->oldest = new->oldest ? new->oldest : new->newest;
        at = row->newer;
    }
}

int64_t features_silence_due(const struct features *features, const struct state *state)
{
    int64_t due_ms = INT64_MAX;
    for (uint32_t i = 0; i < features->silence_count; i++) {
        const struct silence *silence = &features->silence[i];
        const struct silence_head *head = state_read(state, silence->head_region, 0);
        if (!head->oldest)
            continue;
        const struct silence_row *row = state_read(state, silence->rows_region, head->oldest - 1);
        int64_t silent_ms = row->last_ms + silence->span_ms;
        due_ms = silent_ms < due_ms ? silent_ms : due_ms;
    }
    return due_ms;
}

uint32_t features_silence_count(const struct features *features)
{
    return features->silence_count;
}

void features_silence_report(const struct features *features, const struct state *state,
                             uint32_t index, struct silence_report *report)
{
    const struct silence *silence = &features->silence[index];
    *report = (struct silence_report){
        .entity = entity_of(features, silence)->name,
        .span_ms = silence->span_ms,
        .rows_max = silence->rows_max,
        .bytes = silence->rows_max * (sizeof(struct silence_row) + INDEX_BYTES),
    };
    if (!state)
        return;
    const struct silence_head *head = state_read(state, silence->head_region, 0);
    report->live = state->directory->region[silence->rows_region].live;
    report->told = head->told;
    report->unwatched = head->unwatched;
}
