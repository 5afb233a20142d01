/* What walks through the pipeline: up to BATCH_RECORDS_MAX records of the one ordered journal, with
 * room for everything that the stages find out about them.  Fixed in size, made once, used again
 * and again.  Each block is written by one stage and only read by those after it.
 *
 * Whatever a formula can name (a field, a feature, a score) is a column: column[value][row].  A
 * column's index is the value's index in the program (program.h).  Rows that are not events
 * (labels, records that could not be decoded) have missing values in all columns. */
#ifndef BASE_BATCH_H
#define BASE_BATCH_H

#include "base/status.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_RECORDS_MAX = 256,
    BATCH_STRIDE = BATCH_RECORDS_MAX + 8, /* of columns: a power of two would share cache sets */
    BATCH_PAYLOAD_MAX = 1 << 18,          /* bytes of one record; larger ones are refused unread */
    BATCH_BYTES_MAX = 1 << 21,            /* bytes of all records with their rooms for texts */
    BATCH_TEXT_ROOM = 512,                /* for texts that are not in the payload as they stand */
    BATCH_LITERALS_MAX = 1 << 18, /* bytes of the texts in formulas, behind those of the records */
    BATCH_LAYER_BYTES = BATCH_BYTES_MAX + BATCH_LITERALS_MAX,
    BATCH_PADDING = 64, /* readable bytes after every payload: the JSON parser looks ahead */
    BATCH_REASON_MAX = 160,
    BATCH_SILENCES_MAX = 64, /* silences that are told of before one row */
    /* Model events: no row has more than 24 others. */
    BATCH_EVENTS_MAX = BATCH_RECORDS_MAX * (24 + BATCH_SILENCES_MAX),
    MATURED_MAX = 64, /* waits that end before one row; the rest end before the next */
    REASONS_MAX = 3,  /* features named in one decision */
};

#define NUMBER_NONE UINT64_MAX

enum record_kind {
    RECORD_EVENT,   /* a transaction, a login: gets a decision */
    RECORD_LABEL,   /* the truth about an event */
    RECORD_CONTROL, /* the engine's answer to a wish: a trained model, a promotion */
    RECORD_REQUEST, /* of the control topic: somebody asks for an entity to be forgotten */
    RECORD_TICK,    /* a control by which an idle stream's time goes on (engine/tick.h) */
    RECORD_OUTSIDE, /* an event outside the period that a replay asked for: passed over by all */
};

/* What became of a label. */
enum join {
    JOIN_LEARNED,   /* its event was found and had no label: it is learned from */
    JOIN_CORRECTED, /* its event had another: windows are corrected, the new one is learned, metrics
                       do not count it twice */
    JOIN_REPEATED,  /* its event had this very label */
    JOIN_WAITING,   /* its event has not come yet */
    JOIN_REFUSED,   /* its event is forgotten or never came; counted */
};

/* One cell.  Numbers, booleans (0, 1), enum indices and times (seconds since 1970, as a double) are
 * `number`, missing is MISSING.  Identifiers and texts are `key`, a keyed hash, missing is 0. */
union value {
    double number;
    uint64_t key;
};

/* The one NaN that is ever stored: others (with a sign or a payload) would be other bytes. */
#define MISSING ((double)NAN)

/* Bytes inside the batch's payload buffer. */
struct span {
    uint32_t offset, size;
};

/* Where a record came from, so that it can be committed and named in a dead letter. */
struct position {
    uint32_t input;    /* index in the pipeline's inputs */
    int32_t partition; /* 0 for a file */
    int64_t offset;    /* Kafka's offset; the line number (from 1) for a file */
};

/* Of what comes from no input. */
static const struct position position_nowhere = {.input = UINT32_MAX, .partition = 0, .offset = -1};

/* A feature that moved the score, in the champion's own unit (log odds, say); > 0 raised it. */
struct reason {
    uint16_t feature; /* index among the model features */
    double contribution;
};

/* The events whose wait has ended just before a row: numbers [from, to). */
struct matured {
    uint64_t from, to;
};

/* An event that came too late for windows: they were read, but it is in none of them. */
struct lateness {
    uint32_t entities; /* bit i: the windows of the i-th kind of entity */
    int64_t behind_ms; /* behind its entity's newest event; the most of all kinds */
};

enum model_event_kind {
    MODEL_EVENT_DRIFT,      /* a detector gave the alarm */
    MODEL_EVENT_TRAINING,   /* a training was asked for */
    MODEL_EVENT_CHALLENGER, /* a trained model came and is scored in the champion's shadow */
    MODEL_EVENT_PROMOTED,   /* the challenger decides from now on */
    MODEL_EVENT_REJECTED,   /* the challenger was not better */
    MODEL_EVENT_FAILED,     /* a training failed; `detail` says why */
    MODEL_EVENT_ERASED,     /* an entity was forgotten on demand; `detail` says of which kind */
    MODEL_EVENT_SILENCE, /* an entity has not spoken: an alert; `model` is its kind, `detail` who */
};

/* One line for the model-events stream. */
struct model_event {
    enum model_event_kind kind;
    uint32_t row; /* after which it happened */
    int64_t time_ms;
    char model[64];   /* empty for a detector that watches no model */
    int64_t last_ms;  /* of a silence: when it spoke last */
    char detail[192]; /* for people: "adwin on error: 0.021 -> 0.054" */
};

struct batch {
    uint32_t count;

    /* arrive */
    uint8_t kind[BATCH_RECORDS_MAX]; /* enum record_kind, by the input's role */
    struct position position[BATCH_RECORDS_MAX];
    struct span payload[BATCH_RECORDS_MAX];
    uint32_t
        size[BATCH_RECORDS_MAX]; /* bytes as it came; a payload that is too large is left out */
    /* Payload, padding, room for texts; payload, padding, room ...; then literals.  Each function
     * that makes texts has a layer of its own, as large as all this: what it makes of a text, which
     * is never longer, stands in its layer where the text stands in its own.  So there is always
     * room, and rows do not depend on one another.  Pages of a layer that are not used cost none.
     */
    char *bytes;
    uint32_t bytes_used;
    uint32_t
        room_used[BATCH_RECORDS_MAX]; /* of each row's own room: independent of its neighbours */
    int64_t arrival_ms[BATCH_RECORDS_MAX];  /* by the leader's clock, from the journal; INT64_MIN:
                                               not known (a replay of files) */
    const char *control[BATCH_RECORDS_MAX]; /* of control rows that are held outside, else NULL */
    size_t control_size[BATCH_RECORDS_MAX];

    /* decode */
    bool dead[BATCH_RECORDS_MAX]; /* could not be decoded: gets a dead letter with `reason` */
    int64_t time_ms[BATCH_RECORDS_MAX];
    uint64_t id[BATCH_RECORDS_MAX];         /* hash of the event's id; 0 if it has none */
    struct span id_text[BATCH_RECORDS_MAX]; /* size 0 if it has none */
    double
        label[BATCH_RECORDS_MAX]; /* events: the label it carries, NaN if none; labels: the truth */
    char (*reason)[BATCH_REASON_MAX]; /* of dead rows: "amount: expected a number, found a text" */
    uint32_t column_count, text_count;
    union value *columns; /* (column_count, BATCH_STRIDE) */
    struct span *texts;   /* (text_count, BATCH_RECORDS_MAX): identifiers as they were written */

    uint8_t request_keys[BATCH_RECORDS_MAX]; /* of requests: how many keys they name */

    /* join: which event each label is about, whose wait ends.  In this order before each row: told,
     * spent, then the row itself; an early label is learned right after its event's decision. */
    bool ahead[BATCH_RECORDS_MAX]; /* of events: too far in the future to be believed; decided, but
                                      in no window */
    int64_t newest_ms[BATCH_RECORDS_MAX];    /* of events: the newest time of all so far that is
                                                believed */
    int64_t watermark_ms[BATCH_RECORDS_MAX]; /* of events: how far the last of the partitions is */
    uint64_t number[BATCH_RECORDS_MAX]; /* events: their own number; labels: the event's, or NONE */
    uint8_t join[BATCH_RECORDS_MAX];    /* of labels: enum join */
    double label_before[BATCH_RECORDS_MAX];  /* of labels: what the event's label was; NaN: none */
    double label_early[BATCH_RECORDS_MAX];   /* of events: a label that came before them, or that
                                                they carry and waits for nothing; NaN: none */
    struct matured told[BATCH_RECORDS_MAX];  /* the label they carry is known from now on */
    struct matured spent[BATCH_RECORDS_MAX]; /* no label came in time: taken as negative */

    /* extract */
    struct lateness *late;          /* (BATCH_RECORDS_MAX), of events */
    bool erased[BATCH_RECORDS_MAX]; /* of requests: there was such an entity */

    /* decide */
    double score[BATCH_RECORDS_MAX];
    uint8_t outcome[BATCH_RECORDS_MAX]; /* index in the ordered outcomes */
    uint64_t rules[BATCH_RECORDS_MAX];  /* bit i: rule i fired */
    uint8_t reason_count[BATCH_RECORDS_MAX];
    struct reason reasons[BATCH_RECORDS_MAX][REASONS_MAX];

    /* learn, watch */
    uint32_t event_count;
    struct model_event *events; /* (BATCH_EVENTS_MAX), in the order of their rows */
};

/* Allocates the buffers for so many columns and texts; nothing is allocated after. */
enum status batch_open(struct batch *batch, uint32_t column_count, uint32_t text_count,
                       struct failure *failure);
/* The same, with layers for what functions make of texts (program.h). */
enum status batch_open_layers(struct batch *batch, uint32_t column_count, uint32_t text_count,
                              uint32_t layer_count, struct failure *failure);
void batch_close(struct batch *batch);

/* Empties the batch for the next records. */
void batch_clear(struct batch *batch);

/* Copies a record in.  False if there is no room left (the batch goes on its way and the record
 * comes again); size is at most BATCH_PAYLOAD_MAX, larger ones are for the caller to cut and
 * refuse. */
bool batch_add(struct batch *batch, enum record_kind kind, struct position position,
               const void *bytes, size_t size);

/* A control that stays where it is until the batch has been folded: it may be larger than a
 * payload. False if the batch has no row left. */
bool batch_add_control(struct batch *batch, struct position position, const char *text,
                       size_t size);

/* Turns a row into a dead letter.  Texts are cut at BATCH_REASON_MAX. */
void batch_refuse(struct batch *batch, uint32_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps a copy of a text in the row's own room; false if it is full. */
bool batch_keep_text(struct batch *batch, uint32_t row, const char *text, size_t size,
                     struct span *span);

struct model_event *batch_add_event(struct batch *batch, enum model_event_kind kind,
                                    const char *model, uint32_t row);

static inline union value *batch_column(const struct batch *batch, uint32_t value)
{
    return batch->columns + (size_t)value * BATCH_STRIDE;
}

static inline struct span *batch_texts(const struct batch *batch, uint32_t text)
{
    return batch->texts + (size_t)text * BATCH_RECORDS_MAX;
}

static inline const char *batch_bytes(const struct batch *batch, struct span span)
{
    return batch->bytes + span.offset;
}

#endif
