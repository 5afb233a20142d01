/* Prequential metrics from sums and a histogram; see prequential.h for the mathematics. */
#include "monitor/prequential.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

#define LOGIT_MAX 16.0
#define PROBABILITY_LEAST 1e-15

uint32_t prequential_bin_index(double score)
{
    if (!(score > 0))
        return 0;
    if (score >= 1)
        return PREQUENTIAL_BINS - 1;
    double place = (log(score / (1 - score)) + LOGIT_MAX) * (PREQUENTIAL_BINS / (2 * LOGIT_MAX));
    if (place < 0)
        return 0;
    return place < PREQUENTIAL_BINS ? (uint32_t)place : PREQUENTIAL_BINS - 1;
}

double prequential_log_loss(double score, double label)
{
    double probability = label >= 0.5 ? score : 1 - score;
    return -log(fmin(1, fmax(PROBABILITY_LEAST, probability)));
}

void prequential_add(struct prequential_sums *sums, struct prequential_bin *bin,
                     const struct prequential_row *row)
{
    sums->labels++;
    sums->positives += row->positive;
    sums->alerts += row->alert;
    sums->loss += row->weight * prequential_log_loss(row->score, row->positive);
    if (row->positive) {
        *(row->alert ? &sums->caught : &sums->missed) += row->weight;
        bin->positives += row->weight;
    } else {
        *(row->alert ? &sums->false_alerts : &sums->passed) += row->weight;
        bin->negatives += row->weight;
    }
}

/* From the strongest scores down. */
static void finish_ranking(const struct prequential_bin *bins, struct metrics *metrics)
{
    double positives = 0, negatives = 0, ordered = 0, precision = 0;
    for (uint32_t i = PREQUENTIAL_BINS; i-- > 0;) {
        const struct prequential_bin *bin = &bins[i];
        ordered += bin->negatives * (positives + bin->positives / 2);
        positives += bin->positives;
        negatives += bin->negatives;
        if (bin->positives > 0)
            precision += bin->positives * positives / (positives + negatives);
    }
    metrics->auc = ordered / (positives * negatives);
    metrics->average_precision = precision / positives;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : MISSING;
}

void prequential_finish(const struct prequential_sums *sums, const struct prequential_bin *bins,
                        struct metrics *metrics)
{
    double right = sums->caught + sums->passed, wrong = sums->false_alerts + sums->missed;
    *metrics = (struct metrics){
        .labels = sums->labels,
        .positives = sums->positives,
        .alerts = sums->alerts,
        .auc = MISSING,
        .average_precision = MISSING,
        .accuracy = ratio(right, right + wrong),
        .precision = ratio(sums->caught, sums->caught + sums->false_alerts),
        .recall = ratio(sums->caught, sums->caught + sums->missed),
        .f1 = ratio(2 * sums->caught, 2 * sums->caught + wrong),
        .log_loss = ratio(sums->loss, right + wrong),
    };
    if (sums->positives > 0 && sums->positives < sums->labels)
        finish_ranking(bins, metrics);
}
