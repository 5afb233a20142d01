/* Which class was taken for the truth, against the labels: by the pipeline's score, and by two who
 * look at labels alone and are to be beaten.
 *
 *     of two classes the score's is the second if the score is above 0.5; of more the score itself
 *     no change: the last label that was known when the event was decided
 *     majority: the class that most labels had until then, of equals the one that had so many first
 *
 * With a matrix c of counts (truth, taken), of n in all, and its sums r_i over a row, s_i over a
 * column:
 *
 *     accuracy   a = sum_i c_ii / n
 *     F1         2 c_11 / (r_1 + s_1) of two classes; of more the mean of 2 c_ii / (r_i + s_i) over
 *                those that occur
 *     kappa      (a - e) / (1 - e), e = sum_i r_i s_i / n^2: what agreement by chance is taken off
 *                (Jacob Cohen, "A coefficient of agreement for nominal scales", 1960) */
#ifndef MONITOR_CLASSES_H
#define MONITOR_CLASSES_H

#include "monitor/monitor.h"

/* One row of the state; flat. */
struct classes_row {
    uint64_t last, common; /* of the labels so far: a class plus 1; 0: there was none */
    uint64_t cell[];       /* seen[count], then of each predictor (count, count): truth, taken */
};

uint64_t classes_size(uint32_t class_count);

/* Counts a label and who was right about it, by what was known when its event was decided. */
void classes_add(struct classes_row *row, uint32_t class_count, const struct judged *judged);

void classes_finish(const struct classes_row *row, uint32_t class_count,
                    enum class_predictor predictor, struct class_metrics *metrics);

#endif
