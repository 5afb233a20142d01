/* Matrices of truth and what was taken for it; see classes.h for the mathematics. */
#include "monitor/classes.h"

uint64_t classes_size(uint32_t class_count)
{
    uint64_t cells = class_count + (uint64_t)CLASS_PREDICTORS * class_count * class_count;
    return sizeof(struct classes_row) + cells * sizeof(uint64_t);
}

static uint64_t matrix_offset(uint32_t class_count, enum class_predictor predictor)
{
    return class_count + (uint64_t)predictor * class_count * class_count;
}

static uint32_t class_of_score(double score, uint32_t class_count)
{
    if (class_count == 2)
        return score > 0.5;
    double most = class_count - 1;
    return score > 0 ? (uint32_t)(score < most ? score : most) : 0;
}

static void classes_count(struct classes_row *row, uint32_t class_count,
                          enum class_predictor predictor, uint32_t truth, uint32_t taken)
{
    if (taken < class_count)
        row->cell[matrix_offset(class_count, predictor) + (uint64_t)truth * class_count + taken]++;
}

void classes_add(struct classes_row *row, uint32_t class_count, const struct judged *judged)
{
    if (!(judged->label >= 0 && judged->label < class_count))
        return;
    uint32_t truth = (uint32_t)judged->label;
    classes_count(row, class_count, PREDICTOR_SCORE, truth,
                  class_of_score(judged->score, class_count));
    /* None known yet is UINT32_MAX here. */
    classes_count(row, class_count, PREDICTOR_NO_CHANGE, truth, judged->last_class - 1U);
    classes_count(row, class_count, PREDICTOR_MAJORITY, truth, judged->common_class - 1U);
    row->cell[truth]++;
    row->last = truth + 1;
    if (row->common == 0 || row->cell[truth] > row->cell[row->common - 1])
        row->common = truth + 1;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : MISSING;
}

void classes_finish(const struct classes_row *row, uint32_t class_count,
                    enum class_predictor predictor, struct class_metrics *metrics)
{
    const uint64_t *cell = row->cell + matrix_offset(class_count, predictor);
    double all = 0, right = 0, chance = 0, f1 = 0, occurring = 0;
    for (uint32_t i = 0; i < class_count; i++) {
        double truth = 0, taken = 0, both = (double)cell[(uint64_t)i * class_count + i];
        for (uint32_t j = 0; j < class_count; j++) {
            truth += (double)cell[(uint64_t)i * class_count + j];
            taken += (double)cell[(uint64_t)j * class_count + i];
        }
        all += truth;
        right += both;
        chance += truth * taken;
        if (truth + taken > 0 && (class_count > 2 || i == 1)) {
            f1 += 2 * both / (truth + taken);
            occurring++;
        }
    }
    double accuracy = ratio(right, all), expected = ratio(chance, all * all);
    *metrics = (struct class_metrics){.labels = (uint64_t)all,
                                      .accuracy = accuracy,
                                      .f1 = ratio(f1, occurring),
                                      .kappa = ratio(accuracy - expected, 1 - expected)};
}
