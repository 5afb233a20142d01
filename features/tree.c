/* The counted B+-tree; see tree.h. */
#include "features/tree.h"
#include "features/values.h"
#include <string.h>

struct node {
    uint32_t level; /* 0: a leaf */
    uint32_t entries;
    int64_t spread; /* of the root: of the whole tree */
};

/* What an inner node knows of a child. */
struct child {
    uint64_t least; /* no key below it is less */
    uint32_t row;   /* plus one */
    uint32_t values, distinct, largest;
};

/* The way from the root down to a leaf. */
struct path {
    uint32_t depth; /* inner nodes */
    struct node *node[TREE_DEPTH_MAX];
    uint32_t entry[TREE_DEPTH_MAX];
};

struct tree_plan tree_plan_make(uint32_t node_size)
{
    uint32_t room = node_size - (uint32_t)sizeof(struct node);
    return (struct tree_plan){
        .node_size = node_size,
        .leaf_max = room / (uint32_t)(sizeof(uint64_t) + sizeof(uint32_t)),
        .inner_max = room / (uint32_t)sizeof(struct child),
    };
}

static const struct node *node_read(const struct tree *tree, uint32_t row)
{
    return state_read(tree->state, tree->plan->region, row - 1);
}

static struct node *node_write(const struct tree *tree, uint32_t row)
{
    return state_write_row(tree->state, tree->plan->region, row - 1);
}

static const uint64_t *leaf_keys(const struct node *node)
{
    return (const uint64_t *)(node + 1);
}

static const uint32_t *leaf_counts(const struct tree *tree, const struct node *node)
{
    return (const uint32_t *)(leaf_keys(node) + tree->plan->leaf_max);
}

static const struct child *children(const struct node *node)
{
    return (const struct child *)(node + 1);
}

static uint64_t *leaf_keys_write(struct node *node)
{
    return (uint64_t *)(node + 1);
}

static uint32_t *leaf_counts_write(const struct tree *tree, struct node *node)
{
    return (uint32_t *)(leaf_keys_write(node) + tree->plan->leaf_max);
}

static struct child *children_write(struct node *node)
{
    return (struct child *)(node + 1);
}

/* ---- searching ---- */

/* Nodes are small, and where a key stands in one cannot be guessed: counting all that are less is
 * quicker than halving. */

/* The first key of the leaf that is not less. */
static uint32_t leaf_place(const struct node *leaf, uint64_t key)
{
    const uint64_t *keys = leaf_keys(leaf);
    uint64_t less = 0;
    for (uint32_t i = 0; i < leaf->entries; i++)
        less += keys[i] < key;
    return (uint32_t)less;
}

/* The last child whose least key is not greater; the first if all are. */
static uint32_t child_place(const struct node *node, uint64_t key)
{
    const struct child *child = children(node);
    uint32_t not_greater = 0;
    for (uint32_t i = 1; i < node->entries; i++)
        not_greater += child[i].least <= key;
    return not_greater;
}

struct tree_leaf tree_leaf_find(const struct tree *tree, uint64_t key)
{
    struct tree_leaf leaf = {.before = 0};
    const struct node *node = node_read(tree, tree->root);
    while (node->level > 0) {
        const struct child *child = children(node);
        uint32_t place = 0;
        for (uint32_t i = 1; i < node->entries; i++) { /* child_place, and what it leaves behind */
            bool behind = child[i].least <= key;
            place += behind;
            leaf.before += behind ? child[i - 1].values : 0;
        }
        node = node_read(tree, child[place].row);
    }
    leaf.entry = leaf_place(node, key);
    leaf.entries = node->entries;
    leaf.key = leaf_keys(node);
    leaf.count = leaf_counts(tree, node);
    uint64_t before = 0;
    for (uint32_t i = 0; i < leaf.entries; i++)
        before += leaf.key[i] < key ? leaf.count[i] : 0;
    leaf.before += before;
    return leaf;
}

uint64_t tree_below(const struct tree *tree, uint64_t key, uint64_t *equal)
{
    *equal = 0;
    if (!tree->root)
        return 0;
    struct tree_leaf leaf = tree_leaf_find(tree, key);
    if (leaf.entry < leaf.entries && leaf.key[leaf.entry] == key)
        *equal = leaf.count[leaf.entry];
    return leaf.before;
}

uint64_t tree_equal(const struct tree *tree, uint64_t key)
{
    const struct node *node = node_read(tree, tree->root);
    while (node->level > 0)
        node = node_read(tree, children(node)[child_place(node, key)].row);
    uint32_t place = leaf_place(node, key);
    bool found = place < node->entries && leaf_keys(node)[place] == key;
    return found ? leaf_counts(tree, node)[place] : 0;
}

/* What its parent should know of a node. */
static struct child node_sum(const struct tree *tree, uint32_t row)
{
    const struct node *node = node_read(tree, row);
    struct child sum = {.row = row};
    if (node->level > 0) {
        const struct child *child = children(node);
        sum.least = child[0].least;
        for (uint32_t i = 0; i < node->entries; i++) {
            sum.values += child[i].values;
            sum.distinct += child[i].distinct;
            sum.largest = child[i].largest > sum.largest ? child[i].largest : sum.largest;
        }
        return sum;
    }
    const uint32_t *counts = leaf_counts(tree, node);
    sum.least = node->entries ? leaf_keys(node)[0] : 0;
    sum.distinct = node->entries;
    for (uint32_t i = 0; i < node->entries; i++) {
        sum.values += counts[i];
        sum.largest = counts[i] > sum.largest ? counts[i] : sum.largest;
    }
    return sum;
}

/* No count below the node is larger than `most`; so it is not looked further. */
static uint32_t node_largest(const struct tree *tree, uint32_t row, uint32_t most)
{
    const struct node *node = node_read(tree, row);
    const struct child *child = children(node);
    const uint32_t *counts = leaf_counts(tree, node);
    uint32_t largest = 0;
    for (uint32_t i = 0; i < node->entries && largest < most; i++) {
        uint32_t count = node->level > 0 ? child[i].largest : counts[i];
        largest = count > largest ? count : largest;
    }
    return largest;
}

uint64_t tree_largest(const struct tree *tree)
{
    return tree->root ? node_largest(tree, tree->root, UINT32_MAX) : 0;
}

uint64_t tree_count(const struct tree *tree)
{
    return tree->root ? node_sum(tree, tree->root).values : 0;
}

uint64_t tree_distinct(const struct tree *tree)
{
    return tree->root ? node_sum(tree, tree->root).distinct : 0;
}

int64_t tree_spread(const struct tree *tree)
{
    return tree->root ? node_read(tree, tree->root)->spread : 0;
}

uint64_t tree_at(const struct tree *tree, uint64_t place)
{
    const struct node *node = node_read(tree, tree->root);
    while (node->level > 0) {
        const struct child *child = children(node);
        while (place >= child->values)
            place -= child++->values;
        node = node_read(tree, child->row);
    }
    const uint32_t *counts = leaf_counts(tree, node);
    uint32_t at = 0;
    while (place >= counts[at])
        place -= counts[at++];
    ASSERT(at < node->entries);
    return leaf_keys(node)[at];
}

uint64_t tree_mode(const struct tree *tree)
{
    uint32_t largest = node_largest(tree, tree->root, UINT32_MAX);
    const struct node *node = node_read(tree, tree->root);
    while (node->level > 0) {
        const struct child *child = children(node);
        while (child->largest != largest)
            child++;
        node = node_read(tree, child->row);
    }
    const uint32_t *counts = leaf_counts(tree, node);
    uint32_t at = 0;
    while (counts[at] != largest)
        at++;
    ASSERT(at < node->entries);
    return leaf_keys(node)[at];
}

/* Below this node, as deep as the tree is. */
static uint64_t more_frequent(const struct tree *tree, uint32_t row, uint64_t count, uint64_t most)
{
    const struct node *node = node_read(tree, row);
    uint64_t found = 0;
    for (uint32_t i = 0; i < node->entries && found < most; i++) {
        if (node->level == 0)
            found += leaf_counts(tree, node)[i] > count;
        else if (children(node)[i].largest > count)
            found += more_frequent(tree, children(node)[i].row, count, most - found);
    }
    return found;
}

uint64_t tree_more_frequent(const struct tree *tree, uint64_t count, uint64_t most)
{
    return tree->root ? more_frequent(tree, tree->root, count, most) : 0;
}

/* ---- rows ---- */

static uint32_t row_take(const struct tree *tree, uint32_t level)
{
    uint64_t row = state_take(tree->state, tree->plan->region);
    ASSERT(row != STATE_NO_ROW);
    node_write(tree, (uint32_t)row + 1)->level = level;
    return (uint32_t)row + 1;
}

static void row_give(const struct tree *tree, uint32_t row)
{
    state_give(tree->state, tree->plan->region, row - 1);
}

static void free_below(const struct tree *tree, uint32_t row)
{
    const struct node *node = node_read(tree, row);
    for (uint32_t i = 0; node->level > 0 && i < node->entries; i++)
        free_below(tree, children(node)[i].row);
    row_give(tree, row);
}

void tree_free(struct tree *tree)
{
    if (tree->root)
        free_below(tree, tree->root);
    tree->root = 0;
}

/* A new key may split every node of its way, and the root. */
static bool rows_suffice(const struct tree *tree)
{
    const struct state_region *region = &tree->state->directory->region[tree->plan->region];
    uint64_t depth = tree->root ? node_read(tree, tree->root)->level + 1 : 0;
    return region->row_count - region->live >= depth + 1;
}

static struct node *path_down(const struct tree *tree, uint64_t key, struct path *path)
{
    struct node *node = node_write(tree, tree->root);
    path->depth = 0;
    while (node->level > 0) {
        uint32_t place = child_place(node, key);
        ASSERT(path->depth < TREE_DEPTH_MAX);
        path->node[path->depth] = node;
        path->entry[path->depth++] = place;
        node = node_write(tree, children(node)[place].row);
    }
    return node;
}

/* ---- putting in ---- */

static uint32_t node_room(const struct tree *tree, const struct node *node)
{
    return (node->level > 0 ? tree->plan->inner_max : tree->plan->leaf_max) - node->entries;
}

/* Entries [from, from + count) of one node to the end of another one of its level. */
static void entries_copy(const struct tree *tree, struct node *to, const struct node *node,
                         uint32_t from, uint32_t count)
{
    if (node->level > 0) {
        memcpy(children_write(to) + to->entries, children(node) + from,
               count * sizeof(struct child));
    } else {
        memcpy(leaf_keys_write(to) + to->entries, leaf_keys(node) + from, count * sizeof(uint64_t));
        memcpy(leaf_counts_write(tree, to) + to->entries, leaf_counts(tree, node) + from,
               count * sizeof(uint32_t));
    }
    to->entries += count;
}

/* Opens or closes a gap of one entry. */
static void entries_shift(const struct tree *tree, struct node *node, uint32_t from, uint32_t to)
{
    uint32_t count = node->entries - from;
    if (node->level > 0) {
        struct child *child = children_write(node);
        memmove(child + to, child + from, count * sizeof *child);
    } else {
        uint64_t *keys = leaf_keys_write(node);
        uint32_t *counts = leaf_counts_write(tree, node);
        memmove(keys + to, keys + from, count * sizeof *keys);
        memmove(counts + to, counts + from, count * sizeof *counts);
    }
    node->entries = node->entries + to - from;
}

/* The upper half of a full child moves to a new one behind it. */
static void child_split(const struct tree *tree, struct node *parent, uint32_t place)
{
    uint32_t row = children(parent)[place].row;
    struct node *lower = node_write(tree, row);
    uint32_t added = row_take(tree, lower->level), half = (lower->entries + 1) / 2;
    entries_copy(tree, node_write(tree, added), lower, half, lower->entries - half);
    lower->entries = half;
    entries_shift(tree, parent, place + 1, place + 2);
    struct child *child = children_write(parent);
    uint64_t least = child[place].least;
    child[place] = node_sum(tree, row);
    child[place].least = least;
    child[place + 1] = node_sum(tree, added);
}

static void root_raise(struct tree *tree)
{
    struct node *old = node_write(tree, tree->root);
    uint32_t row = row_take(tree, old->level + 1);
    struct node *root = node_write(tree, row);
    ASSERT(root->level < TREE_DEPTH_MAX);
    root->spread = old->spread;
    old->spread = 0;
    root->entries = 1;
    children_write(root)[0] = node_sum(tree, tree->root);
    tree->root = row;
}

/* One more of the key below the child, which now occurs `count` times. */
static void child_gain(struct child *child, uint64_t key, uint32_t count)
{
    child->values++;
    child->distinct += count == 1;
    child->largest = count > child->largest ? count : child->largest;
    child->least = key < child->least ? key : child->least;
}

static void leaf_gain(const struct tree *tree, struct node *leaf, uint32_t place, uint64_t key,
                      uint32_t count)
{
    if (count == 1) {
        entries_shift(tree, leaf, place, place + 1);
        leaf_keys_write(leaf)[place] = key;
    }
    leaf_counts_write(tree, leaf)[place] = count;
}

/* Puts in what splits no node of its way, on which nothing changed yet; false if it does. */
static bool insert_plain(const struct tree *tree, uint64_t key)
{
    struct path path;
    struct node *leaf = path_down(tree, key, &path);
    uint32_t place = leaf_place(leaf, key);
    bool found = place < leaf->entries && leaf_keys(leaf)[place] == key;
    uint32_t count = found ? leaf_counts(tree, leaf)[place] + 1 : 1;
    bool full = !found && node_room(tree, leaf) == 0;
    for (uint32_t i = 0; !found && i < path.depth; i++)
        full |= node_room(tree, path.node[i]) == 0;
    if (full || (!found && !rows_suffice(tree)))
        return false;
    if (tree->plan->spreads)
        node_write(tree, tree->root)->spread += spread_term(count) - spread_term(count - 1);
    for (uint32_t i = 0; i < path.depth; i++)
        child_gain(&children_write(path.node[i])[path.entry[i]], key, count);
    leaf_gain(tree, leaf, place, key, count);
    return true;
}

bool tree_insert(struct tree *tree, uint64_t key)
{
    if (tree->root && insert_plain(tree, key))
        return true;
    uint32_t count = tree->root ? (uint32_t)tree_equal(tree, key) + 1 : 1;
    if (count == 1 && !rows_suffice(tree))
        return false;
    if (!tree->root)
        tree->root = row_take(tree, 0);
    else if (count == 1 && node_room(tree, node_read(tree, tree->root)) == 0)
        root_raise(tree);
    struct node *node = node_write(tree, tree->root);
    if (tree->plan->spreads)
        node->spread += spread_term(count) - spread_term(count - 1);
    while (node->level > 0) {
        uint32_t place = child_place(node, key);
        if (count == 1 && node_room(tree, node_read(tree, children(node)[place].row)) == 0) {
            child_split(tree, node, place);
            place = child_place(node, key);
        }
        child_gain(&children_write(node)[place], key, count);
        node = node_write(tree, children(node)[place].row);
    }
    leaf_gain(tree, node, leaf_place(node, key), key, count);
    return true;
}

/* ---- taking out ---- */

/* Entry `place` of the parent and the next one become one. */
static void children_join(const struct tree *tree, struct node *parent, uint32_t place)
{
    struct child *child = children_write(parent);
    uint32_t upper = child[place + 1].row;
    const struct node *node = node_read(tree, upper);
    uint64_t least = child[place].least;
    entries_copy(tree, node_write(tree, child[place].row), node, 0, node->entries);
    row_give(tree, upper);
    child[place] = node_sum(tree, child[place].row);
    child[place].least = least;
    entries_shift(tree, parent, place + 2, place + 1);
}

/* Do neighbours fit into one, with room for a quarter more? */
static bool children_fit(const struct tree *tree, const struct node *parent, uint32_t place)
{
    const struct node *left = node_read(tree, children(parent)[place].row);
    const struct node *right = node_read(tree, children(parent)[place + 1].row);
    uint32_t together = left->entries + right->entries;
    return 4 * together <= 3 * (node_room(tree, left) + left->entries);
}

/* A child goes if it is empty; if it is half empty it joins a neighbour that has room. */
static void child_thin(const struct tree *tree, struct node *parent, uint32_t place)
{
    const struct child *child = children(parent);
    const struct node *node = node_read(tree, child[place].row);
    if (node->entries == 0) {
        row_give(tree, child[place].row);
        entries_shift(tree, parent, place + 1, place);
        return;
    }
    if (node_room(tree, node) < node->entries)
        return;
    if (place + 1 < parent->entries && children_fit(tree, parent, place))
        children_join(tree, parent, place);
    else if (place > 0 && children_fit(tree, parent, place - 1))
        children_join(tree, parent, place - 1);
}

static void path_up(const struct tree *tree, const struct path *path, uint32_t count)
{
    for (uint32_t i = path->depth; i-- > 0;) {
        uint32_t place = path->entry[i];
        struct child *child = &children_write(path->node[i])[place];
        child->values--;
        child->distinct -= count == 1;
        if (child->largest == count)
            child->largest = node_largest(tree, child->row, count);
        if (count == 1)
            child_thin(tree, path->node[i], place);
    }
}

static void root_lower(struct tree *tree)
{
    for (;;) {
        const struct node *root = node_read(tree, tree->root);
        if (root->level == 0 || root->entries > 1)
            return;
        uint32_t row = root->entries ? children(root)[0].row : 0;
        ASSERT(row != 0);
        node_write(tree, row)->spread = root->spread;
        row_give(tree, tree->root);
        tree->root = row;
    }
}

void tree_remove(struct tree *tree, uint64_t key)
{
    struct path path;
    ASSERT(tree->root != 0);
    struct node *leaf = path_down(tree, key, &path);
    uint32_t place = leaf_place(leaf, key);
    ASSERT(place < leaf->entries && leaf_keys(leaf)[place] == key);
    uint32_t count = leaf_counts(tree, leaf)[place];
    if (tree->plan->spreads)
        node_write(tree, tree->root)->spread += spread_term(count - 1) - spread_term(count);
    if (count > 1)
        leaf_counts_write(tree, leaf)[place]--;
    else
        entries_shift(tree, leaf, place + 1, place);
    path_up(tree, &path, count);
    if (node_read(tree, tree->root)->entries == 0)
        tree_free(tree);
    else
        root_lower(tree);
}
