/* Multisets of windows; see multiset.h. */
#include "features/multiset.h"
#include "features/pane_values.h"

enum {
    RETRY_EVERY = 64,   /* values that enter between two attempts to get a tree */
    EXTREMES_TIMES = 4, /* as many values as elsewhere before a tree may serve extremes alone */

    /* In slots walked: what entering and leaving a tree costs a value; how little of that counts
     * against a tree that stands, which is dear to make; how often all are walked before. */
    TREE_WORTH = 16,
    TREE_WEAR = 1,
    WALKS_MAX = 4,
};

uint32_t multiset_scan_max(const struct entity *entity, const struct multiset *multiset)
{
    return multiset->asked ? entity->scan_max : EXTREMES_TIMES * entity->scan_max;
}

static struct multiset_head *head_of(const struct visit *visit, const struct multiset *multiset)
{
    return (struct multiset_head *)(visit->bytes + multiset->offset);
}

static struct tree tree_of(const struct visit *visit, const struct multiset_head *head)
{
    return (struct tree){.plan = &visit->entity->tree, .state = visit->state, .root = head->root};
}

/* Indexes all values that the view shows; leaves none if the region is too full. */
static void tree_fill(struct window_view *view, const struct multiset *multiset,
                      struct multiset_head *head)
{
    bool is_key = view->visit->entity->cell[multiset->cell].is_key, fits = true;
    struct tree tree = tree_of(view->visit, head);
    struct slot_view slot;
    window_first(view);
    while (fits && window_next(view, &slot))
        if (!slot_misses(&slot, 0))
            fits = tree_insert(&tree, value_image(slot.argument[0], is_key));
    if (!fits)
        tree_free(&tree);
    head->root = tree.root;
}

static void tree_build(const struct visit *visit, const struct multiset *multiset,
                       struct multiset_head *head)
{
    struct window window = {.frame = multiset->frame,
                            .argument_count = 1,
                            .cell = {multiset->cell},
                            .multiset = INDEX_NONE};
    struct window_view view = window_open(visit, &window, false);
    tree_fill(&view, multiset, head);
}

/* A value enters one that nobody asks: is its tree still worth its while? */
static void tree_wear(struct multiset_head *head, struct tree *tree)
{
    uint64_t paid = head->root ? TREE_WEAR : TREE_WORTH;
    head->walked -= paid < head->walked ? paid : head->walked;
    if (head->root && head->walked == 0)
        tree_free(tree);
    head->root = tree->root;
}

static void value_enter(const struct visit *visit, const struct multiset *multiset,
                        union value value)
{
    struct multiset_head *head = head_of(visit, multiset);
    struct tree tree = tree_of(visit, head);
    if (cell_missing(&visit->entity->cell[multiset->cell], value))
        return;
    head->count++;
    if (!multiset->asked)
        tree_wear(head, &tree);
    if (!head->root) {
        uint32_t scan_max = multiset_scan_max(visit->entity, multiset);
        uint32_t past = head->count - scan_max;
        if (multiset->asked && head->count > scan_max && past % RETRY_EVERY == 1)
            tree_build(visit, multiset, head);
        return;
    }
    if (!tree_insert(&tree, value_image(value, visit->entity->cell[multiset->cell].is_key)))
        tree_free(&tree);
    head->root = tree.root;
}

static void value_leave(const struct visit *visit, const struct multiset *multiset,
                        union value value)
{
    struct multiset_head *head = head_of(visit, multiset);
    struct tree tree = tree_of(visit, head);
    if (cell_missing(&visit->entity->cell[multiset->cell], value))
        return;
    ASSERT(head->count > 0);
    head->count--;
    if (!head->root)
        return;
    if (head->count <= multiset_scan_max(visit->entity, multiset) / 2)
        tree_free(&tree);
    else
        tree_remove(&tree, value_image(value, visit->entity->cell[multiset->cell].is_key));
    head->root = tree.root;
}

/* Panes, if there are any, know how many of a frequent value are in slots. */
static void value_change(const struct visit *visit, const struct multiset *multiset,
                         union value value, bool enters)
{
    const struct cell *cell = &visit->entity->cell[multiset->cell];
    (enters ? value_enter : value_leave)(visit, multiset, value);
    if (__builtin_expect(visit_head(visit)->panes != 0, 0) && !cell_missing(cell, value))
        pane_values_held(visit, multiset, value_image(value, cell->is_key), enters ? 1 : -1);
}

void multiset_enter(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot)
{
    value_change(visit, multiset, slot->cell[multiset->cell], true);
}

void multiset_leave(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot)
{
    value_change(visit, multiset, slot->cell[multiset->cell], false);
}

void multiset_correct(const struct visit *visit, const struct multiset *multiset, double old,
                      const struct slot *slot)
{
    union value left = {.number = old};
    value_change(visit, multiset, left, false);
    value_change(visit, multiset, slot->cell[multiset->cell], true);
}

void multiset_clear(const struct visit *visit, const struct multiset *multiset)
{
    struct multiset_head *head = head_of(visit, multiset);
    struct tree tree = tree_of(visit, head);
    tree_free(&tree);
    *head = (struct multiset_head){0};
}

bool multiset_tree(const struct visit *visit, const struct multiset *multiset,
                   struct values *values)
{
    const struct multiset_head *head = head_of(visit, multiset);
    *values = (struct values){.is_key = visit->entity->cell[multiset->cell].is_key,
                              .count = head->count,
                              .tree = tree_of(visit, head)};
    return head->root != 0;
}

/* The images of all values that the view shows, in the slots' order; returns how many. */
static uint32_t images_gather(const struct visit *visit, const struct multiset *multiset,
                              struct window_view *view, uint64_t *images)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[multiset->frame];
    const struct cell cell = entity->cell[multiset->cell];
    uint32_t count = 0, size = entity->slot_size;
    struct slot_run run;
    window_first(view);
    while (window_run(view, &run)) {
        for (uint32_t i = 0; i < run.count; i++) {
            const struct slot *slot = (const struct slot *)(run.first + (size_t)i * size);
            union value value = slot->cell[multiset->cell];
            if (slot_passes(entity, frame, slot) && !cell_missing(&cell, value))
                images[count++] = value_image(value, cell.is_key);
        }
    }
    return count;
}

struct values multiset_values(const struct visit *visit, const struct multiset *multiset,
                              struct window_view *view)
{
    const struct multiset_head *head = head_of(visit, multiset);
    struct values values;
    if (multiset_tree(visit, multiset, &values))
        return values;
    uint64_t *images = visit->entity->images;
    uint32_t count = images_gather(visit, multiset, view, images);
    ASSERT(count == head->count);
    images_sort(images, count);
    values.sorted = images;
    return values;
}

/* All are walked once more, unless there is a tree. */
static void tree_consider(const struct window_view *view, const struct multiset *multiset,
                          struct multiset_head *head)
{
    if (head->count <= multiset_scan_max(view->visit->entity, multiset))
        return;
    uint64_t most = (uint64_t)WALKS_MAX * head->count;
    head->walked = head->walked + head->count < most ? head->walked + head->count : most;
    if (head->root || head->walked < most)
        return;
    struct window_view copy = *view;
    tree_fill(&copy, multiset, head);
    if (!head->root)
        head->walked = 0;
}

/* Of the slots, where there is no tree. */
static bool slots_extreme(const struct visit *visit, const struct multiset *multiset,
                          struct window_view *view, bool greatest, uint64_t *extreme)
{
    uint64_t *images = visit->entity->images;
    uint32_t count = images_gather(visit, multiset, view, images);
    if (count == 0)
        return false;
    *extreme = images[0];
    for (uint32_t i = 1; i < count; i++)
        if (greatest ? images[i] > *extreme : images[i] < *extreme)
            *extreme = images[i];
    return true;
}

bool multiset_extreme(const struct visit *visit, const struct multiset *multiset,
                      struct window_view *view, bool greatest, union value *extreme)
{
    struct multiset_head *head = head_of(visit, multiset);
    if (!multiset->asked)
        tree_consider(view, multiset, head);
    struct tree tree = tree_of(visit, head);
    uint64_t image = 0;
    if (head->root)
        image = tree_at(&tree, greatest ? head->count - 1 : 0);
    else if (!slots_extreme(visit, multiset, view, greatest, &image))
        return false;
    *extreme = image_value(image, false);
    return true;
}

struct values values_gather(const struct slot_view *slots, uint32_t count, bool is_key,
                            uint64_t *images)
{
    struct values values = {.is_key = is_key, .sorted = images};
    for (uint32_t i = 0; i < count; i++)
        if (!slot_misses(&slots[i], 0))
            images[values.count++] = value_image(slots[i].argument[0], is_key);
    images_sort(images, (uint32_t)values.count);
    return values;
}

void multisets_forget(const struct entity *entity, struct state *state, uint64_t row)
{
    const uint8_t *bytes = state_read(state, entity->row_region, row);
    for (uint32_t i = 0; i < entity->multiset_count; i++) {
        const struct multiset_head *head =
            (const struct multiset_head *)(bytes + entity->multiset[i].offset);
        struct tree tree = {.plan = &entity->tree, .state = state, .root = head->root};
        tree_free(&tree);
    }
}
