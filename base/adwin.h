/* ADWIN, adaptive windowing, of a stream of numbers: the mathematics stand in adwin.c.  Drift
 * detectors watch scores and errors with it, ensembles of trees the errors of their members. */
#ifndef BASE_ADWIN_H
#define BASE_ADWIN_H

#include <stdbool.h>
#include <stdint.h>

enum { ADWIN_ROWS_MAX = 32, ADWIN_BUCKETS_MAX = 5 };

/* Sums of squares of so large values stay finite. */
#define ADWIN_VALUE_MAX 1e100

/* Which changes of the mean give the alarm; the others are followed silently. */
enum adwin_direction { ADWIN_BOTH, ADWIN_UP, ADWIN_DOWN };

struct adwin_bucket {
    double sum, deviation; /* deviation: sum of squared differences from the bucket's mean */
    double least, most;
};

/* Flat, without padding: part of the state of whoever watches. */
struct adwin {
    double delta;
    uint64_t clock, minimum;
    uint64_t count;       /* values in the window */
    uint64_t since_check; /* values since splits were last tried */
    double before, after; /* means at the last alarm; 0 before the first */
    uint32_t direction, row_count;
    uint32_t bucket_count[ADWIN_ROWS_MAX];
    struct adwin_bucket bucket[ADWIN_ROWS_MAX]
                              [ADWIN_BUCKETS_MAX + 1]; /* oldest first; one more while merging */
};

/* delta: the chance that one look at an unchanged stream gives a false alarm; clock: values from
 * look to look; minimum: the fewest values on either side of a change.  Writes every byte. */
void adwin_init(struct adwin *adwin, double delta, uint64_t clock, uint64_t minimum,
                enum adwin_direction direction);

/* Takes one value; true on alarm (the window has then been cut to what is new).  What is not finite
 * is passed over, what is beyond +-ADWIN_VALUE_MAX is taken as that. */
bool adwin_update(struct adwin *adwin, double value);

#endif
