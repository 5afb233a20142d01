/* The settling thread: it takes one order at a time from the loop, a claim or a transaction, waits
 * for the brokers in the loop's place, and tells the result by the ledger's descriptor; see
 * kafka_ledger_parts.h.
 *
 * A claim proves first that this process still is a member: an ordinary offset commit, which the
 * coordinator refuses from a member that it has thrown out.  Only then a new producer takes over
 * the transactional id, which fences every earlier one and ends its open transaction.  A process
 * that was stopped in between and goes on later fences a healthy leader once, which then claims
 * anew; it cannot do so again, because its own next claim fails.  So what is under way for long is
 * begun anew from the proof on. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "sinks/kafka_ledger_parts.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PROVE_TIMEOUT_MS = 3000,
    INIT_TIMEOUT_MS = 10000, /* a broker's first transaction makes it load its coordinator */
    CALL_TIMEOUT_MS = 1000,
    CLOSE_TIMEOUT_MS = 10000,
    HURRY_TIMEOUT_MS = 3000,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    BATCH_SIZE_STANDARD = 1000000,
};

/* ---- claiming ---- */

static enum status judge_proof(const struct ledger_settler *settler, rd_kafka_resp_err_t error,
                               struct failure *failure)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return failure_set(failure, STATUS_STOP,
                           "could not claim the journal %s: not allowed to commit offsets; the "
                           "user needs the right Read on the group %s and on the journal",
                           settler->journal, settler->group);
    default:
        return failure_set(failure, STATUS_RETRY, "could not claim the journal %s: %s",
                           settler->journal, rd_kafka_err2str(error));
    }
}

/* An offset commit by the member, as far as the coordinator: it compares member id and
 * generation. */
static enum status prove_membership(struct ledger_settler *settler, struct failure *failure)
{
    const struct ledger_claim *claim = &settler->claim;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(claim->member);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, settler->journal, 0)->offset = claim->position;
    rd_kafka_resp_err_t error = rd_kafka_commit_queue(claim->member, list, queue, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_event_t *event =
        error == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_queue_poll(queue, PROVE_TIMEOUT_MS) : NULL;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    list = event ? rd_kafka_event_topic_partition_list(event) : NULL;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && list && list->cnt > 0)
        error = list->elems[0].err;
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return judge_proof(settler, error, failure);
}

static enum status initialise(struct ledger_settler *settler, struct failure *failure)
{
    uint64_t deadline_ns = clock_monotonic_ns(&system_clock) + INIT_TIMEOUT_MS * UINT64_C(1000000);
    enum ledger_verdict verdict;
    do
        verdict =
            ledger_judge(settler, rd_kafka_init_transactions(settler->producer, CALL_TIMEOUT_MS),
                         "claim the journal", failure);
    while (verdict == LEDGER_AGAIN && !atomic_load(&settler->hurry) &&
           clock_monotonic_ns(&system_clock) < deadline_ns);
    return verdict == LEDGER_FINE ? STATUS_OK : failure->status;
}

/* The first record to a topic would wait for its partitions' leaders otherwise. */
static void warm_topics(struct ledger_settler *settler)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(settler->producer, 0, NULL, &metadata, CALL_TIMEOUT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

/* Behind the last record that has committed: nobody else can commit one any more. */
static enum status find_end(struct ledger_settler *settler, int64_t *end, struct failure *failure)
{
    enum { TRIES = 5 };
    int64_t begin;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int index = 0; index < TRIES && !atomic_load(&settler->hurry); index++) {
        error = rd_kafka_query_watermark_offsets(settler->claim.reader, settler->journal, 0, &begin,
                                                 end, CALL_TIMEOUT_MS);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_RETRY, "could not ask for the journal's end: %s",
                       rd_kafka_err2str(error));
}

static enum status claim_journal(struct ledger_settler *settler, struct ledger_result *result)
{
    ledger_producer_drop(settler);
    enum status status = prove_membership(settler, &result->failure);
    if (status == STATUS_OK)
        status = ledger_producer_make(settler, &result->failure);
    if (status == STATUS_OK)
        status = initialise(settler, &result->failure);
    if (status == STATUS_OK) {
        warm_topics(settler);
        status = find_end(settler, &result->end, &result->failure);
    }
    if (status != STATUS_OK)
        ledger_producer_drop(settler);
    return status;
}

/* Under the lock; false: the time is over. */
static bool wait_until(struct ledger_settler *settler, uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                             .tv_nsec = (long)(deadline_ns % 1000000000)};
    return pthread_cond_timedwait(&settler->changed, &settler->lock, &until) != ETIMEDOUT;
}

static uint64_t deadline_after(uint64_t span_ms)
{
    return clock_monotonic_ns(&system_clock) + span_ms * UINT64_C(1000000);
}

/* The pause after a failure belongs to the claim, so that nobody needs a timer for it. */
static void pause_claim(struct ledger_settler *settler)
{
    settler->backoff_ms = settler->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * settler->backoff_ms;
    if (settler->backoff_ms > BACKOFF_LAST_MS)
        settler->backoff_ms = BACKOFF_LAST_MS;
    uint64_t deadline_ns = deadline_after(settler->backoff_ms);
    pthread_mutex_lock(&settler->lock);
    while (!settler->ending && wait_until(settler, deadline_ns))
        ;
    pthread_mutex_unlock(&settler->lock);
}

static void claim(struct ledger_settler *settler, struct ledger_result *result)
{
    result->status = claim_journal(settler, result);
    if (result->status != STATUS_OK) {
        rd_kafka_consumer_group_metadata_destroy(settler->claim.metadata);
        pause_claim(settler);
        return;
    }
    if (settler->metadata)
        rd_kafka_consumer_group_metadata_destroy(settler->metadata);
    settler->metadata = settler->claim.metadata;
    settler->journal_next = result->end;
    settler->backoff_ms = 0;
}

/* ---- the thread ---- */

static void wake(const struct ledger_settler *settler)
{
    static const uint64_t one = 1;
    ASSERT(write(settler->event, &one, sizeof one) == sizeof one);
}

static void *run(void *self)
{
    struct ledger_settler *settler = self;
    pthread_mutex_lock(&settler->lock);
    while (true) {
        while (settler->order == LEDGER_ORDER_NONE && !settler->ending)
            pthread_cond_wait(&settler->changed, &settler->lock);
        enum ledger_order order = settler->order;
        pthread_mutex_unlock(&settler->lock);
        if (order == LEDGER_ORDER_NONE)
            break;
        struct ledger_result result = {.at = -1};
        if (order == LEDGER_ORDER_CLAIM)
            claim(settler, &result);
        else
            ledger_transaction_settle(settler, &result);
        pthread_mutex_lock(&settler->lock);
        settler->order = LEDGER_ORDER_NONE;
        settler->result = result;
        settler->done = true;
        pthread_cond_broadcast(&settler->changed);
        if (!settler->abandoned)
            wake(settler);
    }
    ledger_producer_drop(settler);
    pthread_mutex_lock(&settler->lock);
    settler->ended = true;
    pthread_cond_broadcast(&settler->changed);
    pthread_mutex_unlock(&settler->lock);
    return NULL;
}

static void give_order(struct ledger_settler *settler, enum ledger_order order)
{
    pthread_mutex_lock(&settler->lock);
    ASSERT(settler->order == LEDGER_ORDER_NONE && !settler->done);
    settler->order = order;
    pthread_cond_broadcast(&settler->changed);
    pthread_mutex_unlock(&settler->lock);
}

void ledger_settler_claim(struct ledger_settler *settler, const struct ledger_claim *order)
{
    settler->claim = *order;
    give_order(settler, LEDGER_ORDER_CLAIM);
}

void ledger_settler_submit(struct ledger_settler *settler, const struct transaction *transaction)
{
    settler->transaction = *transaction;
    give_order(settler, LEDGER_ORDER_SETTLE);
}

bool ledger_settler_busy(struct ledger_settler *settler)
{
    pthread_mutex_lock(&settler->lock);
    bool busy = settler->order != LEDGER_ORDER_NONE;
    pthread_mutex_unlock(&settler->lock);
    return busy;
}

bool ledger_settler_result(struct ledger_settler *settler, struct ledger_result *result)
{
    pthread_mutex_lock(&settler->lock);
    bool done = settler->done;
    if (done)
        *result = settler->result;
    settler->done = false;
    pthread_mutex_unlock(&settler->lock);
    return done;
}

/* ---- opening and closing ---- */

static void delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct ledger_settler *settler = opaque;
    (void)client;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (message->_private && message->offset >= 0) {
            if (settler->entry_at < 0)
                settler->entry_at = message->offset;
            settler->entry_next = message->offset + 1;
        }
        return;
    }
    /* What was thrown away by an abort is only its consequence. */
    if (settler->lost.status == STATUS_OK && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        ledger_settler_lose(settler, rd_kafka_topic_name(message->rkt), message->len, message->err);
}

/* What a batch may be is what each topic takes, not only what a record may be. */
static enum status limit_sizes(struct ledger_settler *settler, const struct ledger_limits *limits,
                               const struct ledger_setting *setting, struct failure *failure)
{
    char text[32], error[200];
    size_t size = sizeof text;
    int64_t largest = 0, batch = 0;
    rd_kafka_conf_get(settler->conf, "message.max.bytes", text, &size);
    largest = strtoll(text, NULL, 10);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (setting->topic[stream] && setting->message_max[stream] + LEDGER_RECORD_EXTRA > largest)
            return failure_set(failure, STATUS_STOP,
                               "kafka property 'message.max.bytes': outputs may have %lld bytes, "
                               "so it must be %lld or more",
                               (long long)setting->message_max[stream],
                               (long long)setting->message_max[stream] + LEDGER_RECORD_EXTRA);
    int64_t part = limits->journal < largest ? limits->journal : largest;
    settler->part_size = part - LEDGER_RECORD_EXTRA < LEDGER_PART_SIZE
                             ? (size_t)(part - LEDGER_RECORD_EXTRA)
                             : LEDGER_PART_SIZE;
    size = sizeof text;
    rd_kafka_conf_get(settler->conf, "batch.size", text, &size);
    batch = strtoll(text, NULL, 10);
    if (batch > limits->batch - LEDGER_RECORD_EXTRA) {
        snprintf(text, sizeof text, "%lld", (long long)limits->batch - LEDGER_RECORD_EXTRA);
        rd_kafka_conf_set(settler->conf, "batch.size", text, error, sizeof error);
    }
    return STATUS_OK;
}

static enum status make_conf(struct ledger_settler *settler, const struct ledger_setting *setting,
                             struct failure *failure)
{
    char largest_text[32];
    int64_t largest = BATCH_SIZE_STANDARD;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (setting->topic[stream] && setting->message_max[stream] + LEDGER_RECORD_EXTRA > largest)
            largest = setting->message_max[stream] + LEDGER_RECORD_EXTRA;
    snprintf(largest_text, sizeof largest_text, "%lld", (long long)largest);
    const struct kafka_property standards[] = {
        {"transaction.timeout.ms", "10000"},
        {"compression.type", "lz4"},
        {"linger.ms", "1"},
        {"retry.backoff.ms",
         "10"}, /* the coordinator is busy for some milliseconds after a commit */
        {"queue.buffering.max.messages", "250000"},
        {"queue.buffering.max.kbytes", "131072"},
        {"message.max.bytes", largest_text},
        {"reconnect.backoff.max.ms", "1000"},
        {NULL, NULL},
    };
    const struct kafka_property musts[] = {
        {"transactional.id", settler->id},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {NULL, NULL},
    };
    settler->conf =
        kafka_conf_make(setting->kafka, NULL, standards, musts, &settler->trouble, failure);
    if (!settler->conf)
        return STATUS_STOP;
    rd_kafka_conf_set_dr_msg_cb(settler->conf, delivery_report);
    return STATUS_OK;
}

static void copy_names(struct ledger_settler *settler, const struct ledger_setting *setting)
{
    snprintf(settler->journal, sizeof settler->journal, "%s", setting->journal);
    snprintf(settler->group, sizeof settler->group, "%s", setting->group);
    snprintf(settler->id, sizeof settler->id, "weir-%s", setting->pipeline);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (setting->topic[stream])
            snprintf(settler->topic[stream], sizeof settler->topic[stream], "%s",
                     setting->topic[stream]);
}

/* Made once for the mistakes that only making finds, long before the first claim. */
static enum status try_producer(struct ledger_settler *settler, struct failure *failure)
{
    enum status status = ledger_producer_make(settler, failure);
    ledger_producer_drop(settler);
    return status;
}

static void make_lock(struct ledger_settler *settler)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&settler->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&settler->lock, NULL);
}

static enum status start_thread(struct ledger_settler *settler, struct failure *failure)
{
    int error = pthread_create(&settler->thread, NULL, run, settler);
    if (error != 0)
        return failure_set(failure, STATUS_STOP, "could not start a thread: %s", strerror(error));
    settler->running = true;
    return STATUS_OK;
}

enum status ledger_settler_open(struct ledger_settler *settler,
                                const struct ledger_setting *setting,
                                const struct ledger_limits *limits, int event,
                                struct failure *failure)
{
    settler->event = event;
    make_lock(settler);
    copy_names(settler, setting);
    enum status status = make_conf(settler, setting, failure);
    if (status == STATUS_OK)
        status = limit_sizes(settler, limits, setting, failure);
    if (status == STATUS_OK)
        status = try_producer(settler, failure);
    return status == STATUS_OK ? start_thread(settler, failure) : status;
}

/* Nobody waits for a claim; what was submitted gets some time to end well.  A thread that hangs in
 * a call of the library (while no broker can be reached, some wait without an end) is left to the
 * end of the process; the records are taken from its producer, because their bytes will go. */
static enum ledger_order stop_thread(struct ledger_settler *settler)
{
    uint64_t deadline_ns = deadline_after(CLOSE_TIMEOUT_MS);
    pthread_mutex_lock(&settler->lock);
    settler->ending = true;
    pthread_cond_broadcast(&settler->changed);
    while (settler->order == LEDGER_ORDER_SETTLE && wait_until(settler, deadline_ns))
        ;
    atomic_store(&settler->hurry, true);
    deadline_ns = deadline_after(HURRY_TIMEOUT_MS);
    while (!settler->ended && wait_until(settler, deadline_ns))
        ;
    settler->abandoned = !settler->ended;
    if (settler->abandoned && settler->producer)
        rd_kafka_purge(settler->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    enum ledger_order left = settler->ended                         ? LEDGER_ORDER_NONE
                             : settler->order == LEDGER_ORDER_CLAIM ? LEDGER_ORDER_CLAIM
                                                                    : LEDGER_ORDER_SETTLE;
    pthread_mutex_unlock(&settler->lock);
    return left;
}

enum ledger_order ledger_settler_close(struct ledger_settler *settler)
{
    if (settler->running) {
        enum ledger_order left = stop_thread(settler);
        if (left != LEDGER_ORDER_NONE) {
            log_warning("kafka", "the brokers do not answer: a transaction is left to them id=%s",
                        settler->id);
            pthread_detach(settler->thread);
            return left;
        }
        pthread_join(settler->thread, NULL);
    }
    if (settler->metadata)
        rd_kafka_consumer_group_metadata_destroy(settler->metadata);
    if (settler->conf)
        rd_kafka_conf_destroy(settler->conf);
    return LEDGER_ORDER_NONE;
}
