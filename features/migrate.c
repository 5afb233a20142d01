/* Rows of entities from one plan to another; see migrate.h.
 *
 * Plans whose rows mean the same are copied as they stand.  Otherwise every entity is entered anew,
 * in the order of the old rows, through the functions that a live event uses:
 *
 *     1. what no longer has a slot stays in the bases of frames without span, and in the panes of
 *        equal frames over time
 *     2. its slots, oldest first, with the cells that both plans have; each enters the frames that
 *        hold it as if the entity's newest event were just now.  That fills all windows
 *     3. running values that the old row kept are put over those that were filled: to the bit what
 *        they were, and of frames without span more than the slots could tell
 *
 * Cursors follow from the slots and the time of the newest event alone. */
#include "features/migrate.h"
#include "base/state_copy.h"
#include "features/form.h"
#include "features/match.h"
#include "features/moment.h"
#include "features/owner.h"
#include "features/pane.h"
#include "features/pass.h"
#include <stdlib.h>
#include <string.h>

struct move {
    const struct match *match;
    const struct entity *to, *from;
    struct state *to_state, *from_state; /* the old one is only read */
    struct visit new, old;
    struct slot *slot;                /* of the new layout */
    bool has_lost;                    /* slots that found no room in this row */
    int64_t lost_ms;                  /* the newest of them */
    bool frame_lost[KEPT_FRAMES_MAX]; /* by frames with cursors of their own */
};

/* A cell that the old slots did not have is missing; so is a label that nobody looked at: its event
 * keeps no key to find it by (features_entity_key), so it is never corrected either. */
static void slot_translate(const struct move *move, const struct slot *old)
{
    const struct entity *to = move->to, *from = move->from;
    memset(move->slot, 0, to->slot_size);
    move->slot->time_ms = old->time_ms;
    for (uint32_t i = 0; i < to->cell_count; i++) {
        uint32_t source = move->match->cell[i];
        if (source != INDEX_NONE)
            move->slot->cell[i] = old->cell[source];
        else if (!to->cell[i].is_key)
            move->slot->cell[i].number = MISSING;
    }
    if (!to->has_tag || !from->has_tag)
        return;
    uint64_t old_tag = old->cell[from->cell_count].key;
    uint64_t label = old_tag & 1ULL << TAG_LABEL;
    uint64_t tag = to->history_key == INDEX_NONE ? 0 : slot_tag(tag_number(old_tag)) | label;
    for (uint32_t i = 0; i < to->cell_count && from->history_key != INDEX_NONE; i++)
        if (to->cell[i].is_label && move->match->cell[i] == INDEX_NONE)
            move->slot->cell[i].number = label ? 1 : 0;
    for (uint32_t i = 0; i < to->condition_count; i++)
        if (move->match->condition[i] != INDEX_NONE)
            tag |= (old_tag >> move->match->condition[i] & 1) << i;
    move->slot->cell[to->cell_count].key = tag;
}

/* The frames that hold the slot take it in. */
static void slot_enter(const struct move *move, const struct slot *slot, struct place place)
{
    const struct entity *to = move->to;
    int64_t newest_ms = visit_head(&move->new)->newest_ms;
    for (uint32_t f = 0; f < to->frame_count; f++)
        if (frame_holds(to, &to->frame[f], slot->time_ms, newest_ms))
            frame_enter(&move->new, &to->frame[f], slot, place);
}

static void slot_lose(struct move *move)
{
    struct place oldest;
    bool found = ring_oldest(&move->new, &oldest);
    ASSERT(found);
    move->lost_ms = ring_slot(&move->new, oldest)->time_ms;
    move->has_lost = true;
    for (uint32_t f = 0; f < move->to->frame_count; f++)
        if (move->to->frame[f].own && frame_holds_slot(&move->new, &move->to->frame[f], oldest))
            move->frame_lost[f] = true;
    edges_drop_oldest(&move->new);
}

/* Into the new ring; an entity that may keep fewer events, or finds no block, loses its oldest. */
static void slot_append(struct move *move)
{
    const struct visit *visit = &move->new;
    edges_drop(visit);
    if (visit_head(visit)->slot_count == move->to->slots_max)
        slot_lose(move);
    while (!ring_make_room(visit))
        slot_lose(move);
    struct place place = ring_append(visit, move->slot->time_ms);
    struct slot *slot = ring_slot_write(visit, place);
    memcpy(slot, move->slot, move->to->slot_size);
    edges_entered(visit, place, slot->time_ms);
    slot_enter(move, slot, place);
}

/* Slots that no window of the new plan reaches any more still count where there is no span. */
static void slot_leave_out(const struct move *move)
{
    slot_enter(move, move->slot, (struct place){0});
    if (move->to->lateness_ms)
        bases_enter(&move->new, move->slot);
}

static void slots_move(struct move *move)
{
    int64_t reach_ms = entity_reach_ms(move->to, move->to->lateness_ms);
    int64_t newest_ms = visit_head(&move->new)->newest_ms;
    struct place place;
    if (!move->from->has_slots || !ring_oldest(&move->old, &place))
        return;
    do {
        slot_translate(move, ring_slot(&move->old, place));
        bool reached = move->to->holds || move->slot->time_ms + reach_ms > newest_ms;
        if (!move->to->has_slots || !reached)
            slot_leave_out(move);
        else
            slot_append(move);
    } while (ring_newer(&move->old, &place));
    if (move->to->has_slots)
        edges_advance(&move->new, newest_ms);
}

static uint32_t smaller(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

/* What a moment or a window's value keeps, from where it was. */
static void bytes_take(const struct move *move, uint32_t to, uint32_t from, uint32_t size)
{
    memcpy(move->new.bytes + to, move->old.bytes + from, size);
}

static uint32_t moment_shared(const struct move *move, const struct moment *moment, uint32_t source)
{
    return smaller(moment_size(moment->needs), moment_size(move->from->moment[source].needs));
}

static void bases_take(const struct move *move)
{
    if (move->from->lateness_ms == 0)
        return;
    for (uint32_t i = 0; i < move->to->moment_count; i++) {
        const struct moment *moment = &move->to->moment[i];
        uint32_t source = move->match->moment[i];
        if (move->to->frame[moment->frame].has_base && source != INDEX_NONE)
            bytes_take(move, moment->base, move->from->moment[source].base,
                       moment_shared(move, moment, source));
    }
    for (uint32_t i = 0; i < move->to->window_count; i++) {
        const struct window *window = &move->to->window[i];
        uint32_t source = move->match->window[i];
        if (move->to->frame[window->frame].has_base && source != INDEX_NONE)
            bytes_take(move, window->base, move->from->window[source].base,
                       window->kind->value_size);
    }
}

/* The slots that were lost had entered the frame: what was filled is right, what was kept is not.
 */
static bool frame_has_lost(const struct move *move, const struct frame *frame)
{
    if (frame->own)
        return move->frame_lost[frame - move->to->frame];
    return move->has_lost && frame->form->leaves_ms &&
           frame->form->leaves_ms(move->to, frame, move->lost_ms) + frame->delay_ms >
               visit_head(&move->new)->newest_ms;
}

static void sums_take(const struct move *move)
{
    for (uint32_t i = 0; i < move->to->moment_count; i++) {
        const struct moment *moment = &move->to->moment[i];
        uint32_t source = move->match->moment[i];
        if (source != INDEX_NONE && !frame_has_lost(move, &move->to->frame[moment->frame]))
            bytes_take(move, moment->offset, move->from->moment[source].offset,
                       moment_shared(move, moment, source));
    }
    for (uint32_t i = 0; i < move->to->window_count; i++) {
        const struct window *window = &move->to->window[i];
        uint32_t source = move->match->window[i];
        if (source != INDEX_NONE && !frame_has_lost(move, &move->to->frame[window->frame]))
            bytes_take(move, window->offset, move->from->window[source].offset,
                       window->kind->value_size);
    }
}

/* Slots of a moment are in its sums, but not in its base. */
static void moment_base_clear(const struct move *move, const struct moment *moment, double *base)
{
    const struct entity *to = move->to;
    const struct frame *frame = &to->frame[moment->frame];
    int64_t newest_ms = visit_head(&move->new)->newest_ms;
    struct place place;
    if (!to->has_slots || !ring_oldest(&move->new, &place))
        return;
    do {
        const struct slot *slot = ring_slot(&move->new, place);
        if (!frame_holds(to, frame, slot->time_ms, newest_ms) || !slot_passes(to, frame, slot))
            continue;
        if (moment->cell == INDEX_NONE)
            base[MOMENT_COUNT] -= 1;
        else if (!cell_missing(&to->cell[moment->cell], slot->cell[moment->cell]))
            moment_remove(base, moment->needs, slot->cell[moment->cell].number);
    } while (ring_newer(&move->new, &place));
}

/* While no event could come late there was no base.  Of a running value the slots cannot be taken
 * out again: until they have left the ring, events that come late may see what came after them. */
static void bases_make(const struct move *move)
{
    if (move->from->lateness_ms > 0)
        return;
    for (uint32_t i = 0; i < move->to->moment_count; i++) {
        const struct moment *moment = &move->to->moment[i];
        if (!move->to->frame[moment->frame].has_base || move->match->moment[i] == INDEX_NONE)
            continue;
        double *base = (double *)(move->new.bytes + moment->base);
        memcpy(base, move->new.bytes + moment->offset, moment_size(moment->needs));
        moment_base_clear(move, moment, base);
    }
    for (uint32_t i = 0; i < move->to->window_count; i++) {
        const struct window *window = &move->to->window[i];
        if (move->to->frame[window->frame].has_base && move->match->window[i] != INDEX_NONE)
            memcpy(move->new.bytes + window->base, move->new.bytes + window->offset,
                   window->kind->value_size);
    }
}

static void row_move(struct move *move, uint64_t row)
{
    const struct entity *to = move->to;
    move->old = (struct visit){.entity = move->from, .state = move->from_state, .row = row};
    move->old.bytes =
        (uint8_t *)(uintptr_t)state_read(move->from_state, move->from->row_region, row);
    const struct entity_head *head = visit_head(&move->old);
    move->new = (struct visit){.entity = to, .state = move->to_state, .time_ms = head->newest_ms};
    move->new.row = entity_enter(to, move->to_state, head->key, head->newest_ms);
    move->new.bytes = state_write_row(move->to_state, to->row_region, move->new.row);
    owners_move(to, move->to_state, move->new.row, move->from, move->from_state, row);
    move->has_lost = false;
    memset(move->frame_lost, 0, sizeof move->frame_lost);
    bases_take(move);
    panes_move(move->match, &move->new, &move->old);
    slots_move(move);
    sums_take(move);
    bases_make(move);
}

/* ---- which rows ---- */

struct idle {
    int64_t newest_ms;
    uint64_t row;
};

static const struct entity_head *old_head(const struct move *move, uint64_t row)
{
    return state_read(move->from_state, move->from->row_region, row);
}

static int newest_first(const void *left, const void *right)
{
    const struct idle *a = left, *b = right;
    if (a->newest_ms != b->newest_ms)
        return a->newest_ms > b->newest_ms ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int row_order(const void *left, const void *right)
{
    const struct idle *a = left, *b = right;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The live rows in their order, without those idle longest if there are too many; to be freed. */
static struct idle *rows_pick(const struct move *move, uint64_t *count)
{
    const struct state_region *region =
        &move->from_state->directory->region[move->from->row_region];
    struct idle *picked = calloc(region->live + 1, sizeof *picked);
    ASSERT(picked);
    *count = 0;
    for (uint64_t row = 0; row < region->used; row++) {
        const struct entity_head *head = old_head(move, row);
        if (head->live)
            picked[(*count)++] = (struct idle){head->newest_ms, row};
    }
    ASSERT(*count == region->live);
    if (*count <= move->to->rows_max)
        return picked;
    qsort(picked, *count, sizeof *picked, newest_first);
    *count = move->to->rows_max;
    qsort(picked, *count, sizeof *picked, row_order);
    return picked;
}

static void rows_move(struct move *move)
{
    uint64_t count;
    struct idle *picked = rows_pick(move, &count);
    move->slot = calloc(1, move->to->slot_size);
    ASSERT(move->slot);
    for (uint64_t i = 0; i < count; i++)
        row_move(move, picked[i].row);
    free(move->slot);
    free(picked);
}

/* ---- rows as they stand ---- */

static bool rows_fit(const struct move *move)
{
    return state_copy_fits(move->to_state, move->to->row_region, move->from_state,
                           move->from->row_region) &&
           owners_same(move->to, move->from) &&
           (!move->to->owner_count ||
            state_copy_fits(move->to_state, move->to->owners_region, move->from_state,
                            move->from->owners_region)) &&
           (!move->to->has_slots || state_copy_fits(move->to_state, move->to->block_region,
                                                    move->from_state, move->from->block_region)) &&
           (move->from->panes_max == 0 ||
            (move->to->panes_max && state_copy_fits(move->to_state, move->to->panes_region,
                                                    move->from_state, move->from->panes_region))) &&
           (move->to->multiset_count == 0 ||
            state_copy_fits(move->to_state, move->to->tree.region, move->from_state,
                            move->from->tree.region));
}

static void rows_copy(struct move *move)
{
    const struct entity *to = move->to, *from = move->from;
    state_copy_rows(move->to_state, to->row_region, move->from_state, from->row_region);
    owners_copy(to, move->to_state, from, move->from_state);
    if (to->has_slots)
        state_copy_rows(move->to_state, to->block_region, move->from_state, from->block_region);
    if (from->panes_max)
        state_copy_rows(move->to_state, to->panes_region, move->from_state, from->panes_region);
    if (to->multiset_count)
        state_copy_rows(move->to_state, to->tree.region, move->from_state, from->tree.region);
    if (to->map.mask == from->map.mask) {
        state_copy_rows(move->to_state, to->map.index_region, move->from_state,
                        from->map.index_region);
        return;
    }
    uint64_t used = move->from_state->directory->region[from->row_region].used;
    for (uint64_t row = 0; row < used; row++)
        if (old_head(move, row)->live)
            keymap_insert(&to->map, move->to_state, old_head(move, row)->key, row);
}

/* The hands go on where they stood if the rows stand where they stood. */
static void counters_take(const struct move *move, bool copied)
{
    struct entity_counters *counters = entity_counters(move->to, move->to_state);
    *counters = *(const struct entity_counters *)state_read(
        move->from_state, move->from->counters_region, move->from->index);
    if (!copied)
        counters->row_hand = counters->block_hand = counters->sweep_hand = 0;
}

void features_move_bursts(const struct features_side *to, const struct features_side *from)
{
    for (uint32_t i = 0; i < to->features->burst_count; i++) {
        const struct burst *burst = &to->features->burst[i];
        const struct burst *found = burst_find_print(from->features, burst->fingerprint);
        if (found && state_copy_fits(to->state, burst->region, from->state, found->region))
            state_copy_rows(to->state, burst->region, from->state, found->region);
    }
}

static const struct silence *find_silence(const struct features *features,
                                          const struct silence *wanted)
{
    for (uint32_t i = 0; i < features->silence_count; i++)
        if (features->silence[i].fingerprint == wanted->fingerprint)
            return &features->silence[i];
    return NULL;
}

bool features_move_silence(const struct features_side *to, uint32_t index,
                           const struct features_side *from, struct entity_moved *moved)
{
    const struct silence *silence = &to->features->silence[index];
    const struct silence *found = find_silence(from->features, silence);
    *moved = (struct entity_moved){0};
    if (!found || to->rehashed)
        return false;
    if (to->state && to->state->bytes)
        silence_move(silence, to->state, found, from->state, moved);
    else if (found->rows_max > silence->rows_max)
        moved->left_out = found->rows_max - silence->rows_max;
    return true;
}

void features_move_entity(const struct features_side *to, uint32_t index,
                          const struct features_side *from, uint32_t source,
                          struct entity_moved *moved)
{
    struct match *match = malloc(sizeof *match);
    ASSERT(match);
    match_make(match, to->features->entity[index], to->program, from->features->entity[source],
               from->program);
    struct move move = {.match = match,
                        .to = match->to,
                        .from = match->from,
                        .to_state = to->state,
                        .from_state = from->state};
    bool copies = match->same && rows_fit(&move);
    counters_take(&move, copies);
    if (copies)
        rows_copy(&move);
    else
        rows_move(&move);
    uint64_t old = from->state->directory->region[move.from->row_region].live;
    moved->kept = to->state->directory->region[move.to->row_region].live;
    moved->left_out = old - moved->kept;
    if (!copies) {
        struct entity_counters *counters = entity_counters(move.to, to->state);
        counters->evicted_for_rows += old < move.to->rows_max ? 0 : old - move.to->rows_max;
    }
    free(match);
}
