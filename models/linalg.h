/* The linear algebra of batch training and of networks: dense, row by row, in double.  The only
 * door to BLAS, which runs on one thread and sees blocks of one shape, because its last bits depend
 * on both. */
#ifndef MODELS_LINALG_H
#define MODELS_LINALG_H

#include <stdbool.h>
#include <stdint.h>

enum { LINALG_ROWS = 256, LINALG_COLUMNS_UNIT = 8 };

/* Call before the others. */
void linalg_start(void);

/* The columns that a block must have to hold so many. */
uint32_t linalg_columns(uint32_t columns);

/* result (LINALG_ROWS) = block vector. */
void linalg_multiply(const double *block, uint32_t columns, const double *vector, double *result);

/* result (columns) += block' vector. */
void linalg_add_transposed(const double *block, uint32_t columns, const double *vector,
                           double *result);

/* The lower triangle of matrix (columns, columns) += block' block. */
void linalg_add_square(const double *block, uint32_t columns, double *matrix);

/* What a layer of a network saw in a batch: deltas (rows, delta_count), values (rows, value_count),
 * their rows `stride` cells apart. */
struct linalg_slopes {
    uint32_t rows, stride, delta_count, value_count;
    const double *deltas, *values;
};

/* result (delta_count, value_count) = deltas' values / rows.  Starts by itself. */
void linalg_slopes(const struct linalg_slopes *given, double *result);

/* Cholesky: the lower triangle of the first `count` rows becomes L with matrix = L L'; false if the
 * matrix is not positive definite in these numbers. */
bool linalg_factor(double *matrix, uint32_t count, uint32_t columns);

/* vector = matrix^-1 vector, given the factor. */
void linalg_solve(const double *factor, uint32_t count, uint32_t columns, double *vector);

#endif
