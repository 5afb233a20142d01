/* The parts of the Kafka ledger (kafka_ledger.c), each a client of its own.  Nobody else includes
 * this.
 *
 *     reader    the journal's committed records, from where it was placed
 *     member    of the consumer group: who holds the journal's partition owns the journal
 *     settler   a thread with the transactional producer: claims and transactions, one at a time
 *
 * Reader and member belong to the loop's thread.  The settler uses their clients as well (the
 * library allows that), therefore a client is only given up while the settler rests. */
#ifndef SINKS_KAFKA_LEDGER_PARTS_H
#define SINKS_KAFKA_LEDGER_PARTS_H

#include "base/kafka_conf.h"
#include "sinks/ledger.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    LEDGER_TOPIC_MAX = 250,
    LEDGER_PART_SIZE = 900 << 10, /* the largest record of the journal, as far as topics allow */
    LEDGER_RECORD_EXTRA = 4096, /* what a record and its batch may need beside its bytes and key */
    LEDGER_ENTRY_MAX = 64 << 20,
};

/* The header of a record that is a part: "2/7", counted from 1. */
extern const char ledger_part_header[];

/* ---- kafka_ledger_topics.c ---- */

/* The smallest max.message.bytes, where the broker tells it; else the broker's own standard. */
struct ledger_limits {
    int64_t journal; /* of the journal's topic */
    int64_t batch;   /* of all topics that are written: a batch must fit into each */
};

/* Makes the journal's topic if it is not there; checks it, the outputs and the inputs. */
enum status ledger_topics_check(rd_kafka_t *client, struct kafka_trouble *trouble,
                                const struct ledger_setting *setting, struct ledger_limits *limits,
                                struct failure *failure);

/* ---- kafka_ledger_journal.c ---- */

struct ledger_reader {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char journal[LEDGER_TOPIC_MAX];
    rd_kafka_conf_t *asker;      /* of the client that is asked for the journal's bounds */
    int64_t position;            /* the next whole record is there or after it; 0: the first */
    int64_t fetched;             /* what lies before it has come out of the client */
    int64_t passed;              /* no committed record is left before it */
    int64_t target;              /* END once that is passed */
    bool bounded;                /* position and target are known to lie in the journal */
    bool placed;                 /* the client reads; else it begins at `position` when asked */
    bool waiting;                /* the caller was told that there is nothing */
    uint64_t retry_ns;           /* when to place it again after an error; 0: there was none */
    uint64_t asked_ns;           /* when the bounds were asked for in vain */
    rd_kafka_message_t *lent;    /* whose bytes the caller has */
    rd_kafka_message_t *pending; /* came while looking for news */
    char *joined;                /* parts of a record so far; grows */
    size_t joined_size, joined_capacity;
    int64_t joined_at;
    uint32_t part, part_count; /* the last part joined, of how many; 0: none */
};

enum status ledger_reader_open(struct ledger_reader *reader, const struct ledger_setting *setting,
                               int event, struct failure *failure);
enum status ledger_reader_seek(struct ledger_reader *reader, int64_t offset,
                               struct failure *failure);
enum status ledger_reader_read(struct ledger_reader *reader, struct ledger_record *record,
                               struct failure *failure);
/* Whether something has come for a caller who was told that there is nothing; once. */
bool ledger_reader_news(struct ledger_reader *reader);
/* Stops reading until the next read: who leads writes the journal and knows it. */
void ledger_reader_park(struct ledger_reader *reader);
void ledger_reader_close(struct ledger_reader *reader);

/* ---- kafka_ledger_member.c ---- */

struct ledger_member {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    rd_kafka_conf_t *conf;        /* of every client that is made */
    rd_kafka_t *client;           /* NULL: another is made when retry_ns has come */
    rd_kafka_queue_t *queue;
    char journal[LEDGER_TOPIC_MAX], group[LEDGER_TOPIC_MAX];
    int event;
    bool owned;                                   /* between an assignment and its end */
    bool lost;                                    /* thrown out: this client is given up */
    bool gone;                                    /* has not joined, or has left for good */
    uint64_t tenure;                              /* counts the assignments */
    rd_kafka_consumer_group_metadata_t *metadata; /* of the tenure: its member id and generation */
    uint64_t polled_ns, retry_ns, backoff_ns;
    struct failure refused; /* STOP: it may never be a member; else OK */
};

enum status ledger_member_open(struct ledger_member *member, const struct ledger_setting *setting,
                               int event, struct failure *failure);
void ledger_member_join(struct ledger_member *member);
/* Lets the group's news in.  busy: the settler uses the client, so it must stay. */
void ledger_member_serve(struct ledger_member *member, bool busy);
/* The tenure's, a copy that is the caller's. */
rd_kafka_consumer_group_metadata_t *ledger_member_metadata(const struct ledger_member *member);
/* Leaves the group, within a few seconds, and never comes back. */
void ledger_member_leave(struct ledger_member *member);
void ledger_member_close(struct ledger_member *member);

/* ---- kafka_ledger_settle.c, kafka_ledger_transaction.c ---- */

/* What a command came to. */
struct ledger_result {
    enum status status;         /* of a claim: OK, RETRY, STOP */
    int64_t end;                /* claim: behind the last record that had committed */
    enum settlement settlement; /* of a transaction */
    int64_t at;                 /* COMMITTED: of the entry's first record */
    struct failure failure;
};

enum ledger_order { LEDGER_ORDER_NONE, LEDGER_ORDER_CLAIM, LEDGER_ORDER_SETTLE };

struct ledger_claim {
    rd_kafka_t *member, *reader;
    rd_kafka_consumer_group_metadata_t *metadata; /* becomes the settler's */
    int64_t position;                             /* of the journal, as the group's offset */
};

struct ledger_settler {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    char journal[LEDGER_TOPIC_MAX], group[LEDGER_TOPIC_MAX], id[LEDGER_TOPIC_MAX + 8];
    char topic[STREAMS][LEDGER_TOPIC_MAX]; /* "": not served */
    size_t part_size;
    int event;
    rd_kafka_conf_t *conf; /* of every producer that is made */

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of order ... result */
    pthread_cond_t changed;
    enum ledger_order order; /* what is to be done, or being done */
    bool ending, done;       /* done: the result has not been fetched */
    bool ended, abandoned;   /* the thread has ended; nobody waits for it any more */
    atomic_bool hurry;       /* give up what takes time */
    struct ledger_result result;

    /* The order's; written before it is given, then the thread's until it is done. */
    struct ledger_claim claim;
    struct transaction transaction;

    /* The thread's own. */
    rd_kafka_t *producer;
    rd_kafka_topic_t *topics[STREAMS], *journal_topic;
    rd_kafka_consumer_group_metadata_t *metadata; /* of the last successful claim */
    int64_t journal_next;         /* the group's offset of the journal's partition */
    int64_t entry_at, entry_next; /* offset of its first record, behind its last; -1: not known */
    struct failure lost;          /* the first record that could not be delivered; OK: none */
    rd_kafka_resp_err_t code;     /* of the last call */
    uint64_t begun_ns, committed_ns, backoff_ms;
    /* Of this producer; noticed in threads of the library: */
    atomic_uint ends_sent;          /* requests to end this transaction */
    atomic_bool offsets_unanswered; /* a request to commit offsets was given up */
};

enum status ledger_settler_open(struct ledger_settler *settler,
                                const struct ledger_setting *setting,
                                const struct ledger_limits *limits, int event,
                                struct failure *failure);
/* Each only while nothing is under way and no result waits. */
void ledger_settler_claim(struct ledger_settler *settler, const struct ledger_claim *order);
void ledger_settler_submit(struct ledger_settler *settler, const struct transaction *transaction);
bool ledger_settler_busy(struct ledger_settler *settler);
/* Whether a command has ended; its result is told once. */
bool ledger_settler_result(struct ledger_settler *settler, struct ledger_result *result);
/* Waits for what was submitted, but not for ever: the order that the thread still hangs in, else
 * NONE.  Then the settler's memory stays its own, but it reads nothing that was submitted. */
enum ledger_order ledger_settler_close(struct ledger_settler *settler);

/* In the settler's thread: the producer and one transaction of it. */
enum status ledger_producer_make(struct ledger_settler *settler, struct failure *failure);
void ledger_producer_drop(struct ledger_settler *settler);
void ledger_transaction_settle(struct ledger_settler *settler, struct ledger_result *result);
/* A record could not be delivered; the first one is remembered. */
void ledger_settler_lose(struct ledger_settler *settler, const char *topic, size_t size,
                         rd_kafka_resp_err_t error);

/* What is to be done about an error of the library. */
enum ledger_verdict {
    LEDGER_FINE,
    LEDGER_AGAIN, /* the same call again */
    LEDGER_ABORT, /* the transaction can be aborted */
    LEDGER_DOUBT, /* the producer is of no use any more */
};

/* Says it in the failure as well (STOP if trying again is of no use) and destroys the error. */
enum ledger_verdict ledger_judge(struct ledger_settler *settler, rd_kafka_error_t *error,
                                 const char *attempt, struct failure *failure);

#endif
