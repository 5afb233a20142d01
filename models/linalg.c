/* Linear algebra by OpenBLAS; see linalg.h.  The factorisation is our own: LAPACK is not everywhere
 * where BLAS is, and the matrices are small. */
#include "models/linalg.h"
#include <cblas.h>
#include <math.h>
#include <stddef.h>

void linalg_start(void)
{
    openblas_set_num_threads(1);
}

uint32_t linalg_columns(uint32_t columns)
{
    return (columns + LINALG_COLUMNS_UNIT - 1) / LINALG_COLUMNS_UNIT * LINALG_COLUMNS_UNIT;
}

void linalg_multiply(const double *block, uint32_t columns, const double *vector, double *result)
{
    cblas_dgemv(CblasRowMajor, CblasNoTrans, LINALG_ROWS, (blasint)columns, 1, block,
                (blasint)columns, vector, 1, 0, result, 1);
}

void linalg_add_transposed(const double *block, uint32_t columns, const double *vector,
                           double *result)
{
    cblas_dgemv(CblasRowMajor, CblasTrans, LINALG_ROWS, (blasint)columns, 1, block,
                (blasint)columns, vector, 1, 1, result, 1);
}

void linalg_add_square(const double *block, uint32_t columns, double *matrix)
{
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)columns, LINALG_ROWS, 1, block,
                (blasint)columns, 1, matrix, (blasint)columns);
}

void linalg_slopes(const struct linalg_slopes *given, double *result)
{
    /* Whoever resumes a model never comes by a place where it could be started. */
    static bool started;
    if (!started)
        linalg_start();
    started = true;
    blasint stride = (blasint)given->stride, columns = (blasint)given->value_count;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)given->delta_count, columns,
                (blasint)given->rows, 1 / (double)given->rows, given->deltas, stride, given->values,
                stride, 0, result, columns);
}

static double row_product(const double *a, const double *b, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

bool linalg_factor(double *matrix, uint32_t count, uint32_t columns)
{
    for (uint32_t i = 0; i < count; i++) {
        double *row = matrix + (size_t)i * columns;
        for (uint32_t j = 0; j < i; j++) {
            const double *other = matrix + (size_t)j * columns;
            row[j] = (row[j] - row_product(row, other, j)) / other[j];
        }
        double square = row[i] - row_product(row, row, i);
        if (!(square > 0) || !isfinite(square))
            return false;
        row[i] = sqrt(square);
    }
    return true;
}

void linalg_solve(const double *factor, uint32_t count, uint32_t columns, double *vector)
{
    for (uint32_t i = 0; i < count; i++) {
        const double *row = factor + (size_t)i * columns;
        vector[i] = (vector[i] - row_product(row, vector, i)) / row[i];
    }
    for (uint32_t i = count; i-- > 0;) {
        double sum = vector[i];
        for (uint32_t j = i + 1; j < count; j++)
            sum -= factor[(size_t)j * columns + i] * vector[j];
        vector[i] = sum / factor[(size_t)i * columns + i];
    }
}
