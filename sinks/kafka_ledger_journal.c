/* Reads the journal: a consumer that is placed by hand, and sees committed records only; see
 * kafka_ledger_parts.h.
 *
 * Whether the end was reached is a comparison of offsets, not of times: `target` is where the
 * journal ended when the reader was placed, transactions without an end included, because one that
 * has committed lies there for a moment like one that has not; after a claim it is where the claim
 * found the end.  `passed` is where the client says that the partition ends (or behind the last
 * record), so an answer that was on its way cannot pretend an end.  Offsets of control records
 * belong to no record, therefore the last record alone cannot tell.
 *
 * An entry that is too large for a record lies in the journal as parts, one behind the other, each
 * with a header "part" = "2/7".  They come whole, because they belong to one transaction; what is
 * left of a series whose first part is missing (the reader was placed inside of it) is passed over.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "sinks/kafka_ledger_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEEK_TIMEOUT_MS = 5000, ASK_TIMEOUT_MS = 500, PAUSE_US = 20000 };
static const uint64_t replace_after_ns = 500000000, ask_after_ns = 2000000000;

const char ledger_part_header[] = "part";

enum status ledger_reader_open(struct ledger_reader *reader, const struct ledger_setting *setting,
                               int event, struct failure *failure)
{
    static const uint64_t one = 1;
    static const struct kafka_property standards[] = {
        {"fetch.wait.max.ms", "20"}, /* how late the end is seen after the last control record */
        {"fetch.error.backoff.ms", "100"},
        {"reconnect.backoff.max.ms", "1000"},
        {"queued.max.messages.kbytes", "16384"},
        {NULL, NULL},
    };
    const struct kafka_property musts[] = {
        {"group.id", setting->group}, /* a consumer needs one; it does not join it */
        {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},   {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"}, {"allow.auto.create.topics", "false"},
        {"check.crcs", "true"},           {NULL, NULL},
    };
    snprintf(reader->journal, sizeof reader->journal, "%s", setting->journal);
    char error[200];
    rd_kafka_conf_t *conf =
        kafka_conf_make(setting->kafka, NULL, standards, musts, &reader->trouble, failure);
    if (!conf)
        return STATUS_STOP;
    reader->asker = rd_kafka_conf_dup(conf);
    rd_kafka_conf_set(reader->asker, "isolation.level", "read_uncommitted", error, sizeof error);
    if (kafka_client_open(&reader->client, RD_KAFKA_CONSUMER, conf, failure) != STATUS_OK)
        return STATUS_STOP;
    rd_kafka_poll_set_consumer(reader->client);
    reader->queue = rd_kafka_queue_get_consumer(reader->client);
    rd_kafka_queue_io_event_enable(reader->queue, event, &one, sizeof one);
    return STATUS_OK;
}

static void release(rd_kafka_message_t **message)
{
    if (*message)
        rd_kafka_message_destroy(*message);
    *message = NULL;
}

static void forget_parts(struct ledger_reader *reader)
{
    reader->joined_size = 0;
    reader->part = reader->part_count = 0;
}

/* Whatever the client still holds is of no use any more. */
static void empty_queue(struct ledger_reader *reader)
{
    rd_kafka_message_t *message;
    release(&reader->pending);
    while ((message = rd_kafka_consumer_poll(reader->client, 0)))
        rd_kafka_message_destroy(message);
}

void ledger_reader_park(struct ledger_reader *reader)
{
    if (!reader->placed)
        return;
    rd_kafka_assign(reader->client, NULL);
    empty_queue(reader);
    forget_parts(reader);
    reader->placed = reader->waiting = false;
}

static void place(struct ledger_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, reader->journal, 0)->offset = reader->position;
    rd_kafka_assign(reader->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    reader->fetched = reader->position;
    reader->placed = true;
    reader->retry_ns = 0;
}

/* ---- where the journal begins and ends ---- */

static enum status judge_bounds(const struct ledger_reader *reader, rd_kafka_resp_err_t error,
                                struct failure *failure)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return failure_set(failure, STATUS_STOP,
                           "could not read the journal %s: the user needs the right Read on it",
                           reader->journal);
    default:
        return failure_set(failure, STATUS_RETRY, "could not ask where the journal %s ends: %s",
                           reader->journal, rd_kafka_err2str(error));
    }
}

/* The journal's first offset and the one behind its last.  RETRY: no answer in time. */
static enum status ask_bounds(struct ledger_reader *reader, int timeout_ms, int64_t *begin,
                              int64_t *end, struct failure *failure)
{
    uint64_t deadline_ns =
        clock_monotonic_ns(&system_clock) + (uint64_t)timeout_ms * UINT64_C(1000000);
    rd_kafka_t *client;
    enum status status =
        kafka_client_open(&client, RD_KAFKA_CONSUMER, rd_kafka_conf_dup(reader->asker), failure);
    if (status != STATUS_OK)
        return status;
    while (true) {
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(client, reader->journal, 0, begin, end, timeout_ms);
        status = judge_bounds(reader, error, failure);
        if (status != STATUS_RETRY || clock_monotonic_ns(&system_clock) > deadline_ns)
            break;
        usleep(PAUSE_US);
    }
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return status;
}

/* Whether the journal still holds, or holds already, the offset that somebody relies on. */
static enum status check_bounds(const struct ledger_reader *reader, int64_t begin, int64_t end,
                                struct failure *failure)
{
    if (reader->position < begin)
        return failure_set(
            failure, STATUS_STOP,
            "the journal %s was cut off by retention: it begins at offset %lld, the "
            "state needs it from %lld; put a newer snapshot into the state "
            "directory (a standby may take its leader's), or begin anew by `weir run "
            "--cold-start`",
            reader->journal, (long long)begin, (long long)reader->position);
    if (reader->position > end)
        return failure_set(failure, STATUS_STOP,
                           "the journal %s ends at offset %lld, before %lld where the state "
                           "stands: it was made anew or has lost records; `weir run --cold-start` "
                           "leaves the state behind and begins anew",
                           reader->journal, (long long)end, (long long)reader->position);
    return STATUS_OK;
}

static enum status bound(struct ledger_reader *reader, int timeout_ms, struct failure *failure)
{
    int64_t begin, end;
    enum status status = ask_bounds(reader, timeout_ms, &begin, &end, failure);
    if (status == STATUS_OK && reader->position > 0)
        status = check_bounds(reader, begin, end, failure);
    reader->asked_ns = clock_monotonic_ns(&system_clock);
    if (status != STATUS_OK)
        return status;
    if (reader->position == 0)
        reader->position = begin;
    reader->passed = reader->position;
    reader->target = end;
    reader->bounded = true;
    place(reader);
    return STATUS_OK;
}

/* If the brokers are away, reading goes on asking. */
enum status ledger_reader_seek(struct ledger_reader *reader, int64_t offset,
                               struct failure *failure)
{
    ledger_reader_park(reader);
    release(&reader->lent);
    reader->position = offset;
    reader->bounded = false;
    return bound(reader, SEEK_TIMEOUT_MS, failure) == STATUS_STOP ? STATUS_STOP : STATUS_OK;
}

/* ---- parts ---- */

/* A header "2/7"; false: the record is whole.  Nothing else writes the journal, but it may lie
 * there. */
static bool read_part(const rd_kafka_message_t *message, uint32_t *part, uint32_t *part_count)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    char text[32] = "";
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, ledger_part_header, &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        size >= sizeof text)
        return false;
    memcpy(text, value, size);
    return sscanf(text, "%u/%u", part, part_count) == 2;
}

static void join_bytes(struct ledger_reader *reader, const rd_kafka_message_t *message)
{
    size_t size = reader->joined_size + message->len;
    if (size > reader->joined_capacity) {
        reader->joined_capacity = 2 * size;
        reader->joined = realloc(reader->joined, reader->joined_capacity);
        ASSERT(reader->joined);
    }
    if (message->len > 0)
        memcpy(reader->joined + reader->joined_size, message->payload, message->len);
    reader->joined_size = size;
}

/* Whether the entry is whole with it. */
static bool join_part(struct ledger_reader *reader, const rd_kafka_message_t *message,
                      uint32_t part, uint32_t part_count)
{
    if (part == 1) {
        forget_parts(reader);
        reader->joined_at = message->offset;
    }
    bool fits = part == reader->part + 1 && (part == 1 || part_count == reader->part_count) &&
                reader->joined_size + message->len <= LEDGER_ENTRY_MAX + LEDGER_PART_SIZE;
    if (!fits) {
        forget_parts(reader);
        return false;
    }
    join_bytes(reader, message);
    reader->part = part;
    reader->part_count = part_count;
    return part == part_count;
}

/* ---- reading ---- */

/* Out of range: is it really?  A leader that has just changed may say so in error. */
static enum status judge_range(struct ledger_reader *reader, struct failure *failure)
{
    int64_t begin, end;
    enum status status = ask_bounds(reader, ASK_TIMEOUT_MS, &begin, &end, failure);
    return status == STATUS_OK ? check_bounds(reader, begin, end, failure) : status;
}

/* Anything but the end of the partition; what may pass is tried again a little later. */
static enum status judge(struct ledger_reader *reader, const rd_kafka_message_t *message,
                         struct failure *failure)
{
    const char *why = message->payload ? message->payload : rd_kafka_err2str(message->err);
    enum status status = STATUS_RETRY;
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        status = judge_range(reader, failure);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return failure_set(failure, STATUS_STOP,
                           "could not read the journal %s: the user needs the right Read on it",
                           reader->journal);
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__FATAL:
        return failure_set(failure, STATUS_STOP,
                           "could not read the journal %s after offset %lld: %s", reader->journal,
                           (long long)reader->fetched, why);
    default:
        break;
    }
    if (status == STATUS_STOP)
        return status;
    kafka_complain(&reader->trouble, why);
    if (reader->retry_ns == 0)
        reader->retry_ns = clock_monotonic_ns(&system_clock) + replace_after_ns;
    return STATUS_RETRY;
}

static rd_kafka_message_t *next_message(struct ledger_reader *reader)
{
    rd_kafka_message_t *message = reader->pending;
    reader->pending = NULL;
    return message ? message : rd_kafka_consumer_poll(reader->client, 0);
}

/* Whether an entry is whole with the record; it keeps the message if that is the entry. */
static bool take_record(struct ledger_reader *reader, rd_kafka_message_t *message,
                        struct ledger_record *record)
{
    uint32_t part, part_count;
    bool whole;
    if (message->offset < reader->fetched) {
        rd_kafka_message_destroy(message);
        return false;
    }
    reader->fetched = message->offset + 1;
    if (!read_part(message, &part, &part_count)) {
        forget_parts(reader);
        whole = true;
        reader->lent = message;
        *record = (struct ledger_record){message->payload, message->len, message->offset};
    } else {
        whole = join_part(reader, message, part, part_count);
        *record = (struct ledger_record){reader->joined, reader->joined_size, reader->joined_at};
        rd_kafka_message_destroy(message);
    }
    if (whole)
        reader->position = reader->passed = reader->fetched;
    return whole;
}

/* It may have been parked, or have failed for a while. */
static enum status place_again(struct ledger_reader *reader, struct failure *failure)
{
    if (reader->placed && reader->retry_ns == 0)
        return STATUS_OK;
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (!reader->bounded)
        return now_ns - reader->asked_ns < ask_after_ns
                   ? failure_set(failure, STATUS_RETRY, "kafka is away")
                   : bound(reader, ASK_TIMEOUT_MS, failure);
    if (reader->retry_ns != 0 && now_ns >= reader->retry_ns)
        ledger_reader_park(reader);
    if (!reader->placed)
        place(reader);
    return STATUS_OK;
}

enum status ledger_reader_read(struct ledger_reader *reader, struct ledger_record *record,
                               struct failure *failure)
{
    rd_kafka_message_t *message;
    release(&reader->lent);
    reader->waiting = false;
    enum status status = place_again(reader, failure);
    if (status != STATUS_OK)
        return status;
    while ((message = next_message(reader))) {
        status = STATUS_OK;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (take_record(reader, message, record))
                return STATUS_OK;
            continue;
        }
        if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            status = judge(reader, message, failure);
        else if (message->offset > reader->passed)
            reader->passed = message->offset;
        rd_kafka_message_destroy(message);
        if (status == STATUS_STOP)
            return status;
    }
    reader->waiting = true;
    if (reader->passed >= reader->target)
        return STATUS_END;
    return failure_set(failure, STATUS_RETRY, "the journal's end at offset %lld is not reached yet",
                       (long long)reader->target);
}

bool ledger_reader_news(struct ledger_reader *reader)
{
    if (!reader->waiting || !reader->placed)
        return false;
    if (!reader->pending)
        reader->pending = rd_kafka_consumer_poll(reader->client, 0);
    if (!reader->pending)
        return false;
    reader->waiting = false;
    return true;
}

void ledger_reader_close(struct ledger_reader *reader)
{
    if (reader->asker)
        rd_kafka_conf_destroy(reader->asker);
    if (!reader->client)
        return;
    release(&reader->lent);
    release(&reader->pending);
    rd_kafka_queue_io_event_enable(reader->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(reader->queue);
    rd_kafka_destroy_flags(reader->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(reader->joined);
}
