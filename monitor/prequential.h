/* Metrics of scores whose labels came later, from sums and a histogram of the scores.
 *
 * The histogram has PREQUENTIAL_BINS equal bins of logit(score) = ln(score / (1 - score)) from -16
 * to 16; scores beyond (0 and 1 among them) go to the end bins.  So two scores are told apart if
 * their odds differ by more than 0.4 %; near a score of 0.5 that is 0.001, near 0 and 1 it is far
 * finer.  Scores in one bin count as ties: with p and n the weights of positives and negatives in a
 * bin, P and N in all,
 *
 *     AUC = sum over bins of n * (positives above + p / 2) / (P * N)
 *     average precision = sum over bins, from the top, of p / P * (positives so far) / (all so far)
 *
 * The AUC is off from that of the very scores by at most sum(p * n) / (2 * P * N).  Each positive's
 * share of the average precision lies between the precisions with its bin's negatives all before
 * and all after it, as the exact one does.  Both are exact if scores in one bin are equal. */
#ifndef MONITOR_PREQUENTIAL_H
#define MONITOR_PREQUENTIAL_H

#include "monitor/monitor.h"

enum { PREQUENTIAL_BINS = 8192 };

/* A judged decision as it is kept; flat. */
struct prequential_row {
    double score, weight;
    uint32_t positive, alert; /* 0 or 1 */
};

struct prequential_bin {
    double positives, negatives; /* weights */
};

struct prequential_sums {
    uint64_t labels, positives, alerts;
    double caught, false_alerts, missed, passed; /* weights: by alert and truth */
    double loss;                                 /* weighted sum of the log losses */
};

/* Where a score counts; what is not a number counts as 0. */
uint32_t prequential_bin_index(double score);

/* -ln of the probability given to the truth, which is clipped at 1e-15: a wrong 0 or 1 costs 34.5.
 */
double prequential_log_loss(double score, double label);

/* `bin` is the one of the row's score. */
void prequential_add(struct prequential_sums *sums, struct prequential_bin *bin,
                     const struct prequential_row *row);

/* `bins`: (PREQUENTIAL_BINS). */
void prequential_finish(const struct prequential_sums *sums, const struct prequential_bin *bins,
                        struct metrics *metrics);

#endif
