/* Multisets of windows; see multiset.h. */
#include "features/multiset.h"
#include "features/pane_values.h"

enum { RETRY_EVERY = 64 /* values that enter between two attempts to get a tree */ };

static struct multiset_head *head_of(const struct visit *visit, const struct multiset *multiset)
{
    return (struct multiset_head *)(visit->bytes + multiset->offset);
}

static struct tree tree_of(const struct visit *visit, const struct multiset_head *head)
{
    return (struct tree){.plan = &visit->entity->tree, .state = visit->state, .root = head->root};
}

/* Indexes all values of the frame; leaves none if the region is too full. */
static void tree_build(const struct visit *visit, const struct multiset *multiset,
                       struct multiset_head *head)
{
    bool is_key = visit->entity->cell[multiset->cell].is_key, fits = true;
    struct window window = {.frame = multiset->frame,
                            .argument_count = 1,
                            .cell = {multiset->cell},
                            .multiset = INDEX_NONE};
    struct window_view view = window_open(visit, &window, false);
    struct tree tree = tree_of(visit, head);
    struct slot_view slot;
    window_first(&view);
    while (fits && window_next(&view, &slot))
        if (!slot_misses(&slot, 0))
            fits = tree_insert(&tree, value_image(slot.argument[0], is_key));
    if (!fits)
        tree_free(&tree);
    head->root = tree.root;
}

static void value_enter(const struct visit *visit, const struct multiset *multiset,
                        union value value)
{
    struct multiset_head *head = head_of(visit, multiset);
    struct tree tree = tree_of(visit, head);
    if (cell_missing(&visit->entity->cell[multiset->cell], value))
        return;
    head->count++;
    if (!head->root) {
        uint32_t past = head->count - visit->entity->scan_max;
        if (head->count > visit->entity->scan_max && past % RETRY_EVERY == 1)
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
    if (head->count <= visit->entity->scan_max / 2)
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

struct values multiset_values(const struct visit *visit, const struct multiset *multiset,
                              struct window_view *view)
{
    const struct multiset_head *head = head_of(visit, multiset);
    struct values values = {.is_key = visit->entity->cell[multiset->cell].is_key,
                            .count = head->count};
    if (head->root) {
        values.tree = tree_of(visit, head);
        return values;
    }
    uint64_t *images = visit->entity->images;
    uint32_t count = 0;
    struct slot_view slot;
    window_first(view);
    while (window_next(view, &slot))
        if (!slot_misses(&slot, 0))
            images[count++] = value_image(slot.argument[0], values.is_key);
    ASSERT(count == head->count);
    images_sort(images, count);
    values.sorted = images;
    return values;
}

bool multiset_extreme(const struct visit *visit, const struct multiset *multiset, bool greatest,
                      union value *extreme)
{
    const struct multiset_head *head = head_of(visit, multiset);
    if (!head->root)
        return false;
    struct tree tree = tree_of(visit, head);
    *extreme = image_value(tree_at(&tree, greatest ? head->count - 1 : 0), false);
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
