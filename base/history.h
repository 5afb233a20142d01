/* What is remembered of each event until its label is known: a ring of fixed rows, row = event number
 * modulo capacity, holding the keys, the features as they were scored and the scores.  Learners are fed
 * from it when labels mature, the batch trainer reads it as its training set.
 *
 * It is a mapped file beside the state (or memory without a name in a replay).  Rows are written
 * idempotently: folding the same records again writes the same bytes, so the file needs no journal of
 * its own; it is synced before a snapshot that refers to it is published. */
#ifndef BASE_HISTORY_H
#define BASE_HISTORY_H

#include "base/status.h"
#include <stdint.h>

struct history_row {
    uint64_t number; /* of the event, plus 1; 0: never written */
    uint64_t id;     /* hash of the event's id */
    int64_t time_ms;
    double carried; /* the label that came inside the event and is not known yet; NaN if none */
    double label;   /* the truth: 0 or 1 (or a class); NaN while unknown */
    double weight;
    double score; /* that the decision was made with */
    uint32_t outcome;
    uint32_t reserved;
    /* then: uint64_t key[key_count]; double feature[feature_count]; double model_score[score_count] */
};

/* The file's first page says how to read the rest, for `weir train` and for people. */
struct history_header {
    char magic[8];
    uint32_t version;
    uint32_t key_count, feature_count, score_count;
    uint64_t row_size, capacity;
    uint64_t feature_fingerprint; /* of the features' names and formulas */
};

struct history {
    int descriptor; /* inherited by the training child */
    struct history_header *header;
    uint8_t *rows;
    uint64_t mapped_size;
};

/* Opens or makes the file (path NULL: memory without a name).  A file of another shape is started
 * anew and said so in the log.  STATUS_STOP if the disk refuses. */
enum status history_open(struct history *history, const char *path,
                         const struct history_header *shape, struct failure *failure);

/* Opens an inherited or named file for reading only (the trainer). */
enum status history_open_reader(struct history *history, int descriptor, const char *path,
                                struct failure *failure);
void history_close(struct history *history);

static inline struct history_row *history_at(const struct history *history, uint64_t number)
{
    const struct history_header *header = history->header;
    return (struct history_row *)(history->rows + (number % header->capacity) * header->row_size);
}

/* The row of an event if it is still there, else NULL. */
static inline struct history_row *history_find(const struct history *history, uint64_t number)
{
    struct history_row *row = history_at(history, number);
    return row->number == number + 1 ? row : NULL;
}

static inline uint64_t *history_keys(struct history_row *row)
{
    return (uint64_t *)(row + 1);
}

static inline double *history_features(const struct history *history, struct history_row *row)
{
    return (double *)(history_keys(row) + history->header->key_count);
}

static inline double *history_scores(const struct history *history, struct history_row *row)
{
    return history_features(history, row) + history->header->feature_count;
}

#endif
