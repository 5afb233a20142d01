/* Ensembles of Hoeffding trees. */
#include "models/tree_ensemble.h"
#include "base/adwin.h"
#include "base/assert.h"
#include <string.h>

enum { POISSON_MOST = 64, ADWIN_CLOCK = 32, ADWIN_MINIMUM = 5 };

struct member {
    uint64_t root, background; /* background: HOEFFDING_NONE, or a root */
    double seen, right;        /* examples since it stands here, older ones fading */
    struct adwin drift, warning;
};

/* The row: this; members (member_count); the arena at the next cache line. */
struct ensemble {
    struct random random;
    uint64_t member_count, arena_at, warns, replaces_worst, weighted;
    double warning_delta, drift_delta, fading;
    uint64_t poisson[POISSON_MOST]; /* [k]: 2^64 P(X <= k) */
    struct member member[];
};

/* What a member said of the example that is now learned. */
struct seat {
    uint32_t node, taken, majority, naive;
};

static uint64_t arena_at(const struct ensemble_plan *plan)
{
    uint64_t size =
        sizeof(struct ensemble) + (uint64_t)plan->options->trees * sizeof(struct member);
    return (size + 63) / 64 * 64;
}

/* Each member has at least a root for itself and its background, and one to grow. */
static uint64_t leaves_least(const struct ensemble_plan *plan)
{
    return 4 * (uint64_t)plan->options->trees;
}

static struct hoeffding *arena_of(const struct ensemble *self)
{
    return (struct hoeffding *)(void *)((uint8_t *)(uintptr_t)self + self->arena_at);
}

uint64_t ensemble_watched(double features, const struct model_shape *shape, uint64_t least)
{
    uint64_t usable = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        usable += !value_type_is_key(shape->type[i]);
    double wanted = features > 1    ? floor(features)
                    : features == 0 ? round(sqrt((double)usable))
                                    : round(features * (double)usable);
    uint64_t watched = wanted > 1 ? (uint64_t)wanted : 1;
    watched = watched < least ? least : watched;
    return watched < usable ? watched : usable;
}

uint64_t ensemble_size(const struct ensemble_plan *plan, const struct model_shape *shape)
{
    return arena_at(plan) +
           hoeffding_size(&plan->options->tree, shape, plan->watched, leaves_least(plan));
}

enum status ensemble_check(const void *options, const struct model_shape *shape,
                           struct failure *failure)
{
    (void)options;
    return hoeffding_check(shape, failure);
}

static void poisson_begin(struct ensemble *self, double lambda)
{
    double chance = exp(-lambda), sum = 0;
    for (int k = 0; k < POISSON_MOST; k++) {
        sum += chance;
        chance *= lambda / (k + 1);
        self->poisson[k] = sum < 1 ? (uint64_t)(sum * 0x1p64) : UINT64_MAX;
    }
}

static double draw_poisson(struct ensemble *self)
{
    uint64_t bits = random_bits(&self->random);
    int k = 0;
    while (k < POISSON_MOST - 1 && bits >= self->poisson[k])
        k++;
    return k;
}

static void watch_anew(const struct ensemble *self, struct member *member)
{
    adwin_init(&member->drift, self->drift_delta, ADWIN_CLOCK, ADWIN_MINIMUM, ADWIN_BOTH);
    adwin_init(&member->warning, self->warning_delta, ADWIN_CLOCK, ADWIN_MINIMUM, ADWIN_BOTH);
}

void ensemble_init(void *memory, const struct ensemble_plan *plan, const struct model_shape *shape,
                   uint64_t seed)
{
    struct ensemble *self = (struct ensemble *)memory;
    memset(self, 0, arena_at(plan));
    random_seed(&self->random, seed);
    self->member_count = (uint64_t)plan->options->trees;
    self->arena_at = arena_at(plan);
    self->warns = plan->warns;
    self->replaces_worst = plan->replaces_worst;
    self->weighted = plan->options->weighted;
    /* Without warnings that watcher is never asked. */
    self->warning_delta = plan->warns ? plan->options->warning_delta : plan->options->drift_delta;
    self->drift_delta = plan->options->drift_delta;
    double half_life = plan->options->half_life;
    self->fading = half_life > 0 ? exp2(-1 / half_life) : 1;
    poisson_begin(self, plan->options->lambda);
    hoeffding_init(arena_of(self), &plan->options->tree, shape, plan->watched, leaves_least(plan),
                   plan->subspace, random_bits(&self->random));
    struct hoeffding_view nobody;
    nobody.state = NULL;
    for (uint64_t i = 0; i < self->member_count; i++) {
        self->member[i].root = hoeffding_plant(arena_of(self), &nobody);
        watch_anew(self, &self->member[i]);
    }
}

/* One that has not been asked yet has the benefit of the doubt. */
static double vote_of(const struct ensemble *self, const struct member *member)
{
    if (!self->weighted || member->seen <= 0)
        return 1;
    double right = member->right / member->seen;
    return right * right * right * right;
}

/* Asks all members; share (class_count) is what the ensemble answers. */
static void vote(const struct ensemble *self, const struct hoeffding_view *view, bool learning,
                 struct seat *seat, double *share)
{
    const struct hoeffding *arena = arena_of(self);
    uint64_t classes = arena->class_count;
    double sum = 0;
    uint32_t at[ENSEMBLE_TREES_MAX];
    for (uint64_t label = 0; label < classes; label++)
        share[label] = 0;
    for (uint64_t i = 0; i < self->member_count; i++) {
        at[i] = (uint32_t)hoeffding_walk(arena, self->member[i].root, view);
        hoeffding_fetch(arena, at[i]);
    }
    for (uint64_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->member[i];
        struct hoeffding_answer answer;
        hoeffding_answer(arena, at[i], view, learning, &answer);
        double weight = vote_of(self, member);
        for (uint64_t label = 0; label < classes; label++)
            share[label] += weight * answer.share[label];
        sum += weight;
        if (learning)
            seat[i] = (struct seat){at[i], answer.taken, answer.majority, answer.naive};
    }
    for (uint64_t label = 0; label < classes; label++)
        share[label] = sum > 0 ? share[label] / sum : 1 / (double)classes;
}

double ensemble_score(const void *memory, const struct example *example)
{
    const struct ensemble *self = (const struct ensemble *)memory;
    struct hoeffding_view view;
    double share[MODEL_CLASSES_MAX];
    hoeffding_see(arena_of(self), example, &view);
    vote(self, &view, false, NULL, share);
    return hoeffding_score(arena_of(self), share);
}

/* The tree in the background takes the member's place, or an empty one. */
static void replace(struct ensemble *self, struct member *member, const struct hoeffding_view *view)
{
    hoeffding_touch(view, member, sizeof *member);
    hoeffding_fell(arena_of(self), member->root, view);
    member->root = member->background ? member->background : hoeffding_plant(arena_of(self), view);
    member->background = HOEFFDING_NONE;
    member->seen = member->right = 0;
    watch_anew(self, member);
}

static void start_background(struct ensemble *self, struct member *member,
                             const struct hoeffding_view *view)
{
    if (member->background)
        hoeffding_fell(arena_of(self), member->background, view);
    member->background = hoeffding_plant(arena_of(self), view);
    adwin_init(&member->warning, self->warning_delta, ADWIN_CLOCK, ADWIN_MINIMUM, ADWIN_BOTH);
}

static void learn_background(struct ensemble *self, const struct member *member,
                             const struct hoeffding_view *view, double weight)
{
    struct hoeffding *arena = arena_of(self);
    struct hoeffding_answer answer;
    uint64_t node = hoeffding_walk(arena, member->background, view);
    hoeffding_answer(arena, node, view, true, &answer);
    hoeffding_learn(arena, node, view, weight, &answer);
}

/* True if the member's error has changed. */
static bool learn_member(struct ensemble *self, struct member *member, const struct seat *seat,
                         const struct hoeffding_view *view, double weight)
{
    bool right = seat->taken == view->label;
    hoeffding_touch(view, member, sizeof *member);
    member->seen = member->seen * self->fading + 1;
    member->right = member->right * self->fading + right;
    double drawn = draw_poisson(self) * weight;
    if (drawn <= 0)
        return false;
    const struct hoeffding_answer answer = {.majority = seat->majority, .naive = seat->naive};
    if (member->background)
        learn_background(self, member, view, drawn);
    hoeffding_learn(arena_of(self), seat->node, view, drawn, &answer);
    if (self->warns && adwin_update(&member->warning, !right))
        start_background(self, member, view);
    return adwin_update(&member->drift, !right);
}

static double adwin_mean(const struct adwin *adwin)
{
    double sum = 0;
    for (uint32_t row = 0; row < adwin->row_count; row++) {
        for (uint32_t i = 0; i < adwin->bucket_count[row]; i++)
            sum += adwin->bucket[row][i].sum;
    }
    return adwin->count > 0 ? sum / (double)adwin->count : 0;
}

static struct member *worst_member(struct ensemble *self)
{
    uint64_t worst = 0;
    double most = -1;
    for (uint64_t i = 0; i < self->member_count; i++) {
        double error = adwin_mean(&self->member[i].drift);
        worst = error > most ? i : worst;
        most = error > most ? error : most;
    }
    return &self->member[worst];
}

/* All members have answered before the first one learns: what one learns can put a leaf of another
 * to sleep. */
double ensemble_learn(void *memory, const struct example *example)
{
    struct ensemble *self = (struct ensemble *)memory;
    struct hoeffding_view view;
    double share[MODEL_CLASSES_MAX];
    struct seat seat[ENSEMBLE_TREES_MAX];
    hoeffding_see_first(arena_of(self), example, &view);
    vote(self, &view, true, seat, share);
    example_touch(example, self, sizeof *self);
    bool changed = false;
    for (uint64_t i = 0; i < self->member_count; i++) {
        struct member *member = &self->member[i];
        if (!learn_member(self, member, &seat[i], &view, example->weight))
            continue;
        if (!self->replaces_worst)
            replace(self, member, &view);
        changed = changed || member->drift.after > member->drift.before;
    }
    if (changed && self->replaces_worst)
        replace(self, worst_member(self), &view);
    return hoeffding_score(arena_of(self), share);
}
