/* Fits of the generalised Pareto distribution; see pareto.h. */
#include "models/pareto.h"
#include <math.h>

/* Values that are all the same say nothing about how far others may lie. */
static const double SCALE_LEAST = 1e-9;

/* A shape nearer to 0 than this is the exponential distribution. */
static const double SHAPE_LEAST = 1e-6;

static const double SHAPE_LOWEST = -0.5;

double pareto_log_tail(const struct pareto *pareto, double y)
{
    double relative = y / pareto->scale;
    if (fabs(pareto->shape) < SHAPE_LEAST)
        return -relative;
    double inner = pareto->shape * relative;
    return inner > -1 ? -log1p(inner) / pareto->shape : (double)-INFINITY;
}

static double usable_scale(double scale, double threshold)
{
    double least = SCALE_LEAST * (fabs(threshold) + SCALE_LEAST);
    return scale > least ? scale : least;
}

/* With the excesses' mean m0 and their mean m1 weighted by the chance of a larger one, which is
 * (i + 1/2) / count for the i-th largest (Hazen's plotting position):
 * shape = 2 - m0 / (m0 - 2 m1), scale = 2 m0 m1 / (m0 - 2 m1). */
struct pareto pareto_from_moments(const double *value, uint64_t count, double threshold)
{
    double mean = 0, weighted = 0;
    for (uint64_t i = 0; i < count; i++) {
        double excess = value[i] - threshold;
        mean += excess;
        weighted += excess * ((double)i + 0.5);
    }
    mean /= (double)count;
    weighted /= (double)count * (double)count;
    double spread = mean - 2 * weighted;
    double shape = spread > 1e-12 * mean ? 2 - mean / spread : 0;
    if (!(shape > 0))
        return (struct pareto){0, usable_scale(mean, threshold)};
    if (shape > 1)
        shape = 1;
    return (struct pareto){shape, usable_scale(2 * mean * weighted / spread, threshold)};
}

/* With x = shape / scale, likelihood is highest where u v = 1, u the mean of 1 / (1 + x excess) and
 * v = 1 + the mean of log(1 + x excess); there the shape is v - 1. */
struct profile {
    double balance, shape; /* u v - 1; v - 1 */
};

static struct profile profile_at(const double *excess, uint64_t count, double x)
{
    double inverse = 0, logarithm = 0;
    for (uint64_t i = 0; i < count; i++) {
        inverse += 1 / (1 + x * excess[i]);
        logarithm += log1p(x * excess[i]);
    }
    double shape = logarithm / (double)count;
    return (struct profile){inverse / (double)count * (1 + shape) - 1, shape};
}

/* What is maximised, for each excess: at a root -(log scale + shape + 1). */
struct search {
    const double *excess;
    uint64_t count;
    struct pareto best;
    double likelihood;
};

static void search_take(struct search *search, double x)
{
    struct profile found = profile_at(search->excess, search->count, x);
    struct pareto pareto = {found.shape, found.shape / x};
    if (!(found.shape > SHAPE_LOWEST) || !(pareto.scale > 0) || !isfinite(pareto.scale))
        return;
    double likelihood = -(log(pareto.scale) + pareto.shape + 1);
    if (likelihood > search->likelihood) {
        search->likelihood = likelihood;
        search->best = pareto;
    }
}

static void search_halve(struct search *search, double from, double to, double balance)
{
    enum { HALVINGS = 60 };
    for (int i = 0; i < HALVINGS; i++) {
        double middle = from + (to - from) / 2;
        struct profile found = profile_at(search->excess, search->count, middle);
        if ((found.balance > 0) == (balance > 0))
            from = middle;
        else
            to = middle;
    }
    search_take(search, from + (to - from) / 2);
}

/* Every change of sign between neighbours of a geometric grid from `from` to `to`, both of one
 * sign. */
static void search_between(struct search *search, double from, double to)
{
    enum { STEPS = 24 };
    double factor = pow(to / from, 1.0 / STEPS), left = from;
    double balance = profile_at(search->excess, search->count, left).balance;
    for (int i = 0; i < STEPS; i++) {
        double right = left * factor;
        double next = profile_at(search->excess, search->count, right).balance;
        if ((next > 0) != (balance > 0))
            search_halve(search, left, right, balance);
        left = right;
        balance = next;
    }
}

struct pareto pareto_from_likelihood(const double *excess, uint64_t count)
{
    double mean = 0, least = excess[0], most = excess[0];
    for (uint64_t i = 0; i < count; i++) {
        mean += excess[i];
        least = excess[i] < least ? excess[i] : least;
        most = excess[i] > most ? excess[i] : most;
    }
    mean = usable_scale(mean / (double)count, 0);
    struct search search = {excess, count, {0, mean}, -(log(mean) + 1)};
    if (!(most > least))
        return search.best;
    search_between(&search, -1e-4 / mean, -(1 - 1e-6) / most);
    double end = 2 * (mean - least) / (least * least);
    double far = 1e6 / mean;
    search_between(&search, 1e-4 / mean, end < far && end > 1e-3 / mean ? end : far);
    return search.best;
}
