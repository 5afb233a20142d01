/* A member of the consumer group, for one thing only: the group gives the journal's one partition
 * to one member, and that one owns the journal.  See kafka_ledger_parts.h.
 *
 * No record is wanted from it, so the partition is paused as soon as it is assigned.  The range
 * assignor gives the only partition to the member whose id sorts first, and ids begin with the
 * client's id, which begins with the time at which the member was made: who has been there longest
 * keeps the lead when others join.  Who was thrown out (a process that was stopped for long) comes
 * back as a new member, at the end of the line.
 *
 * The metadata that a transaction carries (member id, generation) is fetched within the assignment
 * and stays that of the assignment: asked for later, it might be of a generation in which another
 * owns the journal, or of none at all, which brokers accept in a transaction from anybody. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "sinks/kafka_ledger_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t backoff_first_ns = 100000000, backoff_last_ns = 10000000000;
enum { CLOSE_TIMEOUT_MS = 3000 };

/* The metadata's format is the library's own; but if the id of this member stands in it, there is
 * one, and the broker compares it. */
static bool names_member(const struct ledger_member *member, rd_kafka_t *client)
{
    void *bytes = NULL;
    size_t size = 0;
    char *id = rd_kafka_memberid(client);
    rd_kafka_error_t *error =
        rd_kafka_consumer_group_metadata_write(member->metadata, &bytes, &size);
    ASSERT(!error);
    bool named = id && id[0] && memmem(bytes, size, id, strlen(id));
    rd_kafka_mem_free(NULL, bytes);
    if (id)
        rd_kafka_mem_free(client, id);
    return named;
}

rd_kafka_consumer_group_metadata_t *ledger_member_metadata(const struct ledger_member *member)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *bytes = NULL;
    size_t size = 0;
    rd_kafka_error_t *error =
        rd_kafka_consumer_group_metadata_write(member->metadata, &bytes, &size);
    ASSERT(!error);
    error = rd_kafka_consumer_group_metadata_read(&copy, bytes, size);
    ASSERT(!error);
    rd_kafka_mem_free(NULL, bytes);
    return copy;
}

static void forget_metadata(struct ledger_member *member)
{
    if (member->metadata)
        rd_kafka_consumer_group_metadata_destroy(member->metadata);
    member->metadata = NULL;
}

static void take(struct ledger_member *member, rd_kafka_t *client,
                 rd_kafka_topic_partition_list_t *partitions)
{
    for (int index = 0; index < partitions->cnt; index++)
        partitions->elems[index].offset = RD_KAFKA_OFFSET_END;
    rd_kafka_assign(client, partitions);
    forget_metadata(member);
    member->backoff_ns = 0;
    if (partitions->cnt == 0)
        return;
    rd_kafka_pause_partitions(client, partitions);
    member->metadata = rd_kafka_consumer_group_metadata(client);
    if (!member->metadata || !names_member(member, client)) {
        member->lost = true;
        return;
    }
    member->tenure++;
    member->owned = true;
}

/* Of a lost membership nothing is given back: the client is given up instead, so that it does not
 * come back under its old name. */
static void rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
                      rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ledger_member *member = opaque;
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take(member, client, partitions);
        return;
    }
    member->owned = false;
    if (error != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(client))
        member->lost = true;
    else
        rd_kafka_assign(client, NULL);
}

static bool client_make(struct ledger_member *member, struct failure *failure)
{
    static const uint64_t one = 1;
    char error[384], id[64];
    snprintf(id, sizeof id, "weir-%013lld-%d", (long long)clock_wall_ms(&system_clock),
             (int)getpid());
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(member->conf);
    rd_kafka_conf_set(conf, "client.id", id, error, sizeof error);
    if (kafka_client_open(&member->client, RD_KAFKA_CONSUMER, conf, failure) != STATUS_OK)
        return false;
    member->trouble.fatal = false;
    member->lost = false;
    rd_kafka_poll_set_consumer(member->client);
    member->queue = rd_kafka_queue_get_consumer(member->client);
    rd_kafka_queue_io_event_enable(member->queue, member->event, &one, sizeof one);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, member->journal, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(member->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return true;
}

static void release_queue(struct ledger_member *member)
{
    if (!member->queue)
        return;
    rd_kafka_queue_io_event_enable(member->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(member->queue);
    member->queue = NULL;
}

/* Without leaving the group, which has thrown it out or whose member cannot go on anyway. */
static void client_drop(struct ledger_member *member)
{
    release_queue(member);
    if (member->client)
        rd_kafka_destroy_flags(member->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    member->client = NULL;
    member->owned = false;
}

enum status ledger_member_open(struct ledger_member *member, const struct ledger_setting *setting,
                               int event, struct failure *failure)
{
    static const struct kafka_property
        standards[] =
            {
                {"session.timeout.ms", "6000"},
                {"heartbeat.interval.ms", "300"}, /* how soon it hears that the leader has left */
                {"max.poll.interval.ms", "60000"},
                {"reconnect.backoff.max.ms", "1000"},
                {NULL, NULL},
            };
    const struct kafka_property musts[] = {
        {"group.id", setting->group},           {"partition.assignment.strategy", "range"},
        {"enable.auto.commit", "false"},        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "latest"},        {"queued.min.messages", "1"},
        {"queued.max.messages.kbytes", "1024"}, {NULL, NULL},
    };
    snprintf(member->journal, sizeof member->journal, "%s", setting->journal);
    snprintf(member->group, sizeof member->group, "%s", setting->group);
    member->event = event;
    member->conf =
        kafka_conf_make(setting->kafka, NULL, standards, musts, &member->trouble, failure);
    if (!member->conf)
        return STATUS_STOP;
    rd_kafka_conf_set_rebalance_cb(member->conf, rebalance);
    member->gone = true; /* until it joins */
    return STATUS_OK;
}

void ledger_member_join(struct ledger_member *member)
{
    member->gone = false; /* the next look makes the client */
}

static void refuse(struct ledger_member *member, const char *why, const char *advice)
{
    if (member->refused.status != STATUS_OK)
        return;
    failure_set(&member->refused, STATUS_STOP, "could not join the group %s: %s; %s", member->group,
                why, advice);
    kafka_sentence(member->refused.text);
}

static void judge(struct ledger_member *member, const rd_kafka_message_t *message)
{
    const char *why = message->payload ? message->payload : rd_kafka_err2str(message->err);
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: /* slipped in before the pause */
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        refuse(member, why, "the user needs the right Read on the group");
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        refuse(member, why, "the user needs the right Read on the journal's topic");
        break;
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        refuse(member, why, "session.timeout.ms must lie within the brokers' bounds");
        break;
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
        refuse(member, why, "others use this group; give the pipeline one of its own");
        break;
    default:
        kafka_complain(&member->trouble, why);
    }
}

/* At once the first time, then more and more patiently until an assignment has come. */
static void give_up(struct ledger_member *member, uint64_t now_ns)
{
    log_warning("kafka", "no member of the group any more, joining anew group=%s reason=\"%s\"",
                member->group, member->trouble.text);
    client_drop(member);
    forget_metadata(member);
    member->retry_ns = now_ns + member->backoff_ns;
    member->backoff_ns = member->backoff_ns == 0 ? backoff_first_ns : 2 * member->backoff_ns;
    if (member->backoff_ns > backoff_last_ns)
        member->backoff_ns = backoff_last_ns;
}

static void revive(struct ledger_member *member, uint64_t now_ns)
{
    struct failure failure;
    if (now_ns < member->retry_ns)
        return;
    if (client_make(member, &failure))
        return;
    kafka_complain(&member->trouble, failure.text);
    member->retry_ns = now_ns + backoff_last_ns;
}

void ledger_member_serve(struct ledger_member *member, bool busy)
{
    rd_kafka_message_t *message;
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (!member->client && !member->gone)
        revive(member, now_ns);
    while (member->client && !member->lost &&
           (message = rd_kafka_consumer_poll(member->client, 0))) {
        judge(member, message);
        rd_kafka_message_destroy(message);
    }
    if (member->trouble.fatal)
        member->lost = true;
    if (!member->lost)
        return;
    member->owned = false;
    if (member->client && !busy)
        give_up(member, now_ns);
}

/* Leaving waits for the coordinator, which may be away.  False: it has not left in time. */
static bool leave(struct ledger_member *member)
{
    rd_kafka_message_t *message;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(member->client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(member->client, queue);
    uint64_t deadline_ns = clock_monotonic_ns(&system_clock) + CLOSE_TIMEOUT_MS * UINT64_C(1000000);
    bool closed = error != NULL;
    if (error)
        rd_kafka_error_destroy(error);
    while (!closed && clock_monotonic_ns(&system_clock) < deadline_ns) {
        if ((message = rd_kafka_consume_queue(queue, 20)))
            rd_kafka_message_destroy(message);
        closed = rd_kafka_consumer_closed(member->client);
    }
    rd_kafka_queue_destroy(queue);
    return closed;
}

/* A client that cannot close would not let itself be destroyed either: it is left to the end of the
 * process, since waiting for it could take for ever. */
void ledger_member_leave(struct ledger_member *member)
{
    member->gone = true;
    release_queue(member);
    if (member->client && !member->lost && !leave(member)) {
        log_warning("kafka", "could not leave the group in time group=%s", member->group);
        member->client = NULL;
    }
    client_drop(member);
}

void ledger_member_close(struct ledger_member *member)
{
    ledger_member_leave(member);
    forget_metadata(member);
    if (member->conf)
        rd_kafka_conf_destroy(member->conf);
}
