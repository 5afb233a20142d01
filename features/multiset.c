/* Multisets of windows; see multiset.h. */
#include "features/multiset.h"

enum {
    RETRY_EVERY = 64, /* values that enter between two attempts to get a tree */

    /* In slots walked: what entering and leaving a tree costs a value; how little of that counts
     * against a tree that stands, which is dear to make; how often all are walked before. */
    TREE_WORTH = 16,
    TREE_WEAR = 1,
    WALKS_MAX = 4,
};

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
        uint32_t past = head->count - visit->entity->scan_max;
        if (multiset->asked && head->count > visit->entity->scan_max && past % RETRY_EVERY == 1)
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

void multiset_enter(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot)
{
    value_enter(visit, multiset, slot->cell[multiset->cell]);
}

void multiset_leave(const struct visit *visit, const struct multiset *multiset,
                    const struct slot *slot)
{
    value_leave(visit, multiset, slot->cell[multiset->cell]);
}

void multiset_correct(const struct visit *visit, const struct multiset *multiset, double old,
                      const struct slot *slot)
{
    union value left = {.number = old};
    value_leave(visit, multiset, left);
    value_enter(visit, multiset, slot->cell[multiset->cell]);
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

struct values multiset_values(const struct visit *visit, const struct multiset *multiset,
                              struct window_view *view)
{
    const struct multiset_head *head = head_of(visit, multiset);
    struct values values;
    if (multiset_tree(visit, multiset, &values))
        return values;
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

/* All are walked once more, unless there is a tree. */
static void tree_consider(const struct window_view *view, const struct multiset *multiset,
                          struct multiset_head *head)
{
    if (head->count <= view->visit->entity->scan_max)
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

bool multiset_extreme(const struct window_view *view, const struct multiset *multiset,
                      bool greatest, union value *extreme)
{
    struct multiset_head *head = head_of(view->visit, multiset);
    if (!multiset->asked)
        tree_consider(view, multiset, head);
    if (!head->root)
        return false;
    struct tree tree = tree_of(view->visit, head);
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
