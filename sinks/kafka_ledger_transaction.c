/* The transactional producer, and one transaction from its begin to its end; see
 * kafka_ledger_parts.h.  All of it runs in the settler's thread.
 *
 * The classes of errors are the library's: what may be tried again, what asks for an abort, what is
 * fatal; and what is none of these counts as fatal.  Two things it does not know:
 *
 *   - Fatal does not mean that somebody else leads: a transaction that the broker timed out looks
 *     the same.  So the producer is given up, and the next claim asks the broker who owns.
 *   - The library sends the end of a transaction again by itself when the connection breaks.  The
 *     first request may still be on its way and could end a later transaction (KIP-890, which only
 *     newer clients know).  So such requests are counted where they leave: when there was more than
 *     one, or the end took long, the producer is given up as well, and the epoch of the next one
 *     keeps out what is still on its way.
 */
#include "base/clock.h"
#include "base/log.h"
#include "sinks/kafka_ledger_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { API_END_TRANSACTION = 26, CALL_TIMEOUT_MS = 2000, DRAIN_TIMEOUT_MS = 5000 };
static const uint64_t suspect_after_ns = 5000000000, markers_ns = 30000000;
/* Brokers that stay away: the next claim and the journal find out what became of it. */
static const uint64_t patience_ns = 20000000000;

/* ---- errors ---- */

static const struct {
    rd_kafka_resp_err_t code;
    const char *advice;
} hopeless[] = {
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
     "the user needs the rights Write and Describe on the transactional id"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
     "the user needs the right IdempotentWrite on the cluster"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
     "the user needs the rights Write and Describe on the journal and the outputs' topics"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "the user needs the right Read on the group"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
     "transaction.timeout.ms must not be above the brokers' transaction.max.timeout.ms"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
     "raise max.message.bytes of the topic or lower message_max in the configuration"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "create the topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "create the topic"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, "brokers of version 2.5 or later are needed"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, "brokers of version 2.5 or later are needed"},
};

static const char *advice_of(rd_kafka_resp_err_t code)
{
    for (size_t index = 0; index < sizeof hopeless / sizeof hopeless[0]; index++)
        if (hopeless[index].code == code)
            return hopeless[index].advice;
    return NULL;
}

/* The sentence of a failure: attempt, reason, and what a right or a setting would mend. */
static void explain(const struct ledger_settler *settler, const char *attempt,
                    rd_kafka_resp_err_t code, const char *why, struct failure *failure)
{
    char reason[300];
    const char *advice = advice_of(code);
    snprintf(reason, sizeof reason, "%s", why);
    kafka_sentence(reason);
    failure_set(failure, advice ? STATUS_STOP : STATUS_RETRY,
                "could not %s (transactional id %s): %s%s%s", attempt, settler->id, reason,
                advice ? "; " : "", advice ? advice : "");
}

/* Errors that end the producer whatever class the library puts them in. */
static bool is_fence(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* Whoever is no member, or of an older generation, may not go on. */
static bool is_eviction(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
           code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static enum ledger_verdict classify(const rd_kafka_error_t *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (rd_kafka_error_is_fatal(error) || is_fence(code))
        return LEDGER_DOUBT;
    if (rd_kafka_error_is_retriable(error))
        return LEDGER_AGAIN;
    return rd_kafka_error_txn_requires_abort(error) ? LEDGER_ABORT : LEDGER_DOUBT;
}

enum ledger_verdict ledger_judge(struct ledger_settler *settler, rd_kafka_error_t *error,
                                 const char *attempt, struct failure *failure)
{
    settler->code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!error)
        return LEDGER_FINE;
    char text[300];
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    snprintf(text, sizeof text, "%s", rd_kafka_error_string(error));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        code = rd_kafka_fatal_error(settler->producer, text, sizeof text);
    enum ledger_verdict verdict = classify(error);
    settler->code = code;
    explain(settler, attempt, code, text, failure);
    if (verdict == LEDGER_AGAIN)
        failure->status = STATUS_RETRY;
    rd_kafka_error_destroy(error);
    return verdict;
}

/* ---- the producer ---- */

static rd_kafka_resp_err_t end_sent(rd_kafka_t *client, int socket, const char *broker, int32_t id,
                                    int16_t api, int16_t version, int32_t correlation, size_t size,
                                    void *opaque)
{
    struct ledger_settler *settler = opaque;
    (void)client, (void)socket, (void)broker, (void)id, (void)version, (void)correlation;
    (void)size;
    if (api == API_END_TRANSACTION)
        atomic_fetch_add(&settler->ends_sent, 1);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t count_ends(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque,
                                      char *error, size_t error_size)
{
    (void)conf, (void)error, (void)error_size;
    rd_kafka_interceptor_add_on_request_sent(client, "ends", end_sent, opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void open_topics(struct ledger_settler *settler)
{
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (settler->topic[stream][0])
            settler->topics[stream] =
                rd_kafka_topic_new(settler->producer, settler->topic[stream], NULL);
    settler->journal_topic = rd_kafka_topic_new(settler->producer, settler->journal, NULL);
}

enum status ledger_producer_make(struct ledger_settler *settler, struct failure *failure)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(settler->conf);
    rd_kafka_conf_interceptor_add_on_new(conf, "ends", count_ends, settler);
    settler->trouble.fatal = false;
    settler->trouble.text[0] = '\0';
    if (kafka_client_open(&settler->producer, RD_KAFKA_PRODUCER, conf, failure) != STATUS_OK)
        return STATUS_STOP;
    open_topics(settler);
    return STATUS_OK;
}

/* Afterwards nothing reads the outputs' bytes any more.  If the thread was given up meanwhile, so
 * is the producer. */
void ledger_producer_drop(struct ledger_settler *settler)
{
    pthread_mutex_lock(&settler->lock);
    rd_kafka_t *producer = settler->abandoned ? NULL : settler->producer;
    if (producer)
        settler->producer = NULL;
    pthread_mutex_unlock(&settler->lock);
    if (!producer)
        return;
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        if (settler->topics[stream])
            rd_kafka_topic_destroy(settler->topics[stream]);
        settler->topics[stream] = NULL;
    }
    rd_kafka_topic_destroy(settler->journal_topic);
    settler->journal_topic = NULL;
    rd_kafka_destroy(producer);
}

/* ---- records ---- */

/* The queue is larger than usual, but not endless: what is in it leaves while we wait. */
static bool wait_for_room(struct ledger_settler *settler, rd_kafka_resp_err_t error)
{
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || settler->trouble.fatal ||
        settler->lost.status != STATUS_OK || atomic_load(&settler->hurry))
        return false;
    rd_kafka_poll(settler->producer, 100);
    return true;
}

void ledger_settler_lose(struct ledger_settler *settler, const char *topic, size_t size,
                         rd_kafka_resp_err_t error)
{
    char attempt[LEDGER_TOPIC_MAX + 64];
    if (settler->lost.status != STATUS_OK)
        return;
    snprintf(attempt, sizeof attempt, "write %zu bytes to topic %s", size, topic);
    explain(settler, attempt, error, rd_kafka_err2str(error), &settler->lost);
}

static bool put_failed(struct ledger_settler *settler, const char *topic, size_t size,
                       rd_kafka_resp_err_t error)
{
    ledger_settler_lose(settler, topic, size, error);
    return false;
}

/* Outputs of one stream that are handed over together: the library looks at the clock and takes
 * its locks once for all of them.  The bytes stay where they are. */
enum { SHEAF_OUTPUTS = 256 };

static void sheaf_add(rd_kafka_message_t *message, const struct output *output)
{
    message->payload = (void *)(uintptr_t)output->bytes;
    message->len = output->size;
    message->key = (void *)(uintptr_t)output->key;
    message->key_len = output->key_size;
    message->_private = NULL;
}

/* When the queue is full the library takes none of those behind, so their order stays. */
static bool sheaf_put(struct ledger_settler *settler, enum stream stream,
                      rd_kafka_message_t *message, int count)
{
    rd_kafka_topic_t *topic = settler->topics[stream];
    int put = 0;
    while (topic) {
        int left = count - put;
        if (rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, 0, message + put, left) == left)
            return true;
        while (message[put].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            put++;
        if (!wait_for_room(settler, message[put].err))
            return put_failed(settler, settler->topic[stream], message[put].len, message[put].err);
    }
    return true;
}

static bool put_outputs(struct ledger_settler *settler, const struct transaction *transaction)
{
    const struct output *outputs = transaction->outputs;
    rd_kafka_message_t message[SHEAF_OUTPUTS];
    for (uint32_t index = 0; index < transaction->output_count;) {
        enum stream stream = outputs[index].stream;
        int count = 0;
        while (index < transaction->output_count && outputs[index].stream == stream &&
               count < SHEAF_OUTPUTS)
            sheaf_add(&message[count++], &outputs[index++]);
        if (!sheaf_put(settler, stream, message, count))
            return false;
    }
    return true;
}

/* One record of the entry; part_count 1: all of it.  Its delivery report is known by its opaque. */
static bool put_part(struct ledger_settler *settler, const char *bytes, size_t size, size_t part,
                     size_t part_count)
{
    char text[32];
    rd_kafka_resp_err_t error;
    snprintf(text, sizeof text, "%zu/%zu", part, part_count);
    do {
        error = part_count == 1
                    ? rd_kafka_producev(settler->producer, RD_KAFKA_V_RKT(settler->journal_topic),
                                        RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_OPAQUE(settler),
                                        RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, size),
                                        RD_KAFKA_V_END)
                    : rd_kafka_producev(settler->producer, RD_KAFKA_V_RKT(settler->journal_topic),
                                        RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_OPAQUE(settler),
                                        RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, size),
                                        RD_KAFKA_V_HEADER(ledger_part_header, text, -1),
                                        RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
    } while (wait_for_room(settler, error));
    return put_failed(settler, settler->journal, size, error);
}

static bool put_entry(struct ledger_settler *settler, const struct transaction *transaction)
{
    size_t part_count = (transaction->entry_size + settler->part_size - 1) / settler->part_size;
    const char *bytes = transaction->entry;
    if (part_count == 0)
        part_count = 1;
    for (size_t part = 1; part <= part_count; part++) {
        size_t begin = (part - 1) * settler->part_size;
        size_t size = part == part_count ? transaction->entry_size - begin : settler->part_size;
        if (!put_part(settler, bytes + begin, size, part, part_count))
            return false;
    }
    return true;
}

static bool put_all(struct ledger_settler *settler, const struct transaction *transaction)
{
    return put_outputs(settler, transaction) && put_entry(settler, transaction);
}

/* ---- offsets ---- */

/* The journal's own partition is always among them, so that the broker always compares the member
 * and its generation. */
static rd_kafka_topic_partition_list_t *list_offsets(const struct ledger_settler *settler)
{
    const struct transaction *transaction = &settler->transaction;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)transaction->offset_count + 1);
    rd_kafka_topic_partition_list_add(list, settler->journal, 0)->offset = settler->journal_next;
    for (uint32_t index = 0; index < transaction->offset_count; index++) {
        const struct ledger_offset *offset = &transaction->offsets[index];
        rd_kafka_topic_partition_list_add(list, offset->topic, offset->partition)->offset =
            offset->next;
    }
    return list;
}

static bool is_patient(struct ledger_settler *settler)
{
    return !atomic_load(&settler->hurry) &&
           clock_monotonic_ns(&system_clock) - settler->begun_ns < patience_ns;
}

static enum ledger_verdict send_offsets(struct ledger_settler *settler, struct failure *failure)
{
    rd_kafka_topic_partition_list_t *list = list_offsets(settler);
    enum ledger_verdict verdict;
    do
        verdict = ledger_judge(settler,
                               rd_kafka_send_offsets_to_transaction(
                                   settler->producer, list, settler->metadata, CALL_TIMEOUT_MS),
                               "commit offsets", failure);
    while (verdict == LEDGER_AGAIN && is_patient(settler));
    rd_kafka_topic_partition_list_destroy(list);
    /* Who is in a hurry may have taken back what was to be written. */
    if (verdict == LEDGER_AGAIN || atomic_load(&settler->hurry))
        return LEDGER_DOUBT;
    return verdict;
}

/* ---- the end ---- */

/* The library advises to leave it the time that remains of the transaction. */
static enum ledger_verdict end_transaction(struct ledger_settler *settler, bool commit,
                                           struct failure *failure)
{
    uint64_t begin_ns = clock_monotonic_ns(&system_clock);
    enum ledger_verdict verdict;
    do
        verdict = ledger_judge(settler,
                               commit ? rd_kafka_commit_transaction(settler->producer, -1)
                                      : rd_kafka_abort_transaction(settler->producer, -1),
                               commit ? "commit" : "abort", failure);
    while (verdict == LEDGER_AGAIN && is_patient(settler));
    rd_kafka_poll(settler->producer, 0);
    if (verdict == LEDGER_AGAIN)
        return LEDGER_DOUBT;
    if (verdict != LEDGER_FINE)
        return verdict;
    bool repeated = atomic_load(&settler->ends_sent) > 1;
    if (!repeated && clock_monotonic_ns(&system_clock) - begin_ns < suspect_after_ns)
        return LEDGER_FINE;
    failure_set(failure, STATUS_RETRY,
                "%s, but the request to end the transaction %s: the producer is made anew",
                commit ? "committed" : "aborted", repeated ? "was sent twice" : "took long");
    return LEDGER_DOUBT;
}

/* The bytes must be free before the end is told. */
static bool drain(struct ledger_settler *settler)
{
    uint64_t deadline_ns = clock_monotonic_ns(&system_clock) + DRAIN_TIMEOUT_MS * UINT64_C(1000000);
    while (rd_kafka_outq_len(settler->producer) > 0) {
        if (clock_monotonic_ns(&system_clock) > deadline_ns)
            return false;
        rd_kafka_poll(settler->producer, 10);
    }
    return true;
}

/* Why it failed is known; aborting may only make it worse.  After an eviction the lead is lost,
 * however well the abort went. */
static void abort_it(struct ledger_settler *settler, const struct failure *cause,
                     struct ledger_result *result)
{
    struct failure failure;
    bool evicted = is_eviction(settler->code);
    result->failure = *cause;
    /* A request to commit that is still on its way could end whatever this producer begins next. */
    if (atomic_load(&settler->ends_sent) > 0) {
        result->settlement = SETTLEMENT_DOUBTFUL;
        return;
    }
    if (end_transaction(settler, false, &failure) != LEDGER_FINE) {
        if (cause->status != STATUS_STOP || failure.status == STATUS_STOP)
            result->failure = failure;
        result->settlement = SETTLEMENT_DOUBTFUL;
    } else {
        result->settlement = evicted || !drain(settler) ? SETTLEMENT_DOUBTFUL : SETTLEMENT_ABORTED;
    }
}

/* Right after a commit the coordinator is still busy with its markers and refuses what belongs to
 * the next transaction.  The library asks again soon for offsets, but late for partitions: so the
 * offsets go first then; else they travel beside the records. */
static bool is_close(const struct ledger_settler *settler)
{
    return clock_monotonic_ns(&system_clock) - settler->committed_ns < markers_ns;
}

static enum ledger_verdict put_and_offset(struct ledger_settler *settler, struct failure *failure)
{
    bool offsets_first = is_close(settler);
    enum ledger_verdict verdict = LEDGER_FINE;
    if (offsets_first)
        verdict = send_offsets(settler, failure);
    if (verdict == LEDGER_FINE && !put_all(settler, &settler->transaction)) {
        *failure = settler->lost;
        return LEDGER_ABORT;
    }
    if (verdict == LEDGER_FINE && !offsets_first)
        verdict = send_offsets(settler, failure);
    return verdict;
}

static enum ledger_verdict carry_out(struct ledger_settler *settler, struct failure *failure)
{
    atomic_store(&settler->ends_sent, 0);
    enum ledger_verdict verdict =
        ledger_judge(settler, rd_kafka_begin_transaction(settler->producer), "begin", failure);
    if (verdict != LEDGER_FINE)
        return LEDGER_DOUBT;
    verdict = put_and_offset(settler, failure);
    if (verdict != LEDGER_FINE)
        return verdict;
    verdict = end_transaction(settler, true, failure);
    settler->committed_ns = clock_monotonic_ns(&system_clock);
    /* The first record that was lost says more than that the transaction cannot be committed. */
    if (verdict == LEDGER_ABORT && settler->lost.status != STATUS_OK)
        *failure = settler->lost;
    return verdict;
}

void ledger_transaction_settle(struct ledger_settler *settler, struct ledger_result *result)
{
    struct failure failure = {0};
    settler->lost = (struct failure){0};
    settler->begun_ns = clock_monotonic_ns(&system_clock);
    settler->entry_at = settler->entry_next = -1;
    switch (carry_out(settler, &failure)) {
    case LEDGER_FINE:
        result->settlement = SETTLEMENT_COMMITTED;
        /* A report without an offset is rare; a little too early is no harm to a reader. */
        result->at = settler->entry_at >= 0 ? settler->entry_at : settler->journal_next;
        if (settler->entry_next >= 0)
            settler->journal_next = settler->entry_next;
        return;
    case LEDGER_ABORT:
        abort_it(settler, &failure, result);
        break;
    default:
        result->failure = failure;
        result->settlement = SETTLEMENT_DOUBTFUL;
    }
    if (result->settlement == SETTLEMENT_DOUBTFUL)
        ledger_producer_drop(settler);
}
