/* The ledger of a Kafka cluster: what the loop sees of reader, member and settler; see
 * sinks/ledger.h for what it promises and kafka_ledger_parts.h for the parts.
 *
 * A claim belongs to one assignment of the journal's partition: when the group has assigned it
 * anew, though to the same process, nothing may be submitted before another claim.
 *
 * One event descriptor serves all.  Only `owns` drains it, and then looks at every part, so that no
 * news can get lost between two looks; what it finds for another call, it announces once more. */
#include "base/assert.h"
#include "base/clock.h"
#include "sinks/kafka_ledger_parts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const uint64_t serve_interval_ns = 1000000;
/* Every step of a claim has an end of its own, long before this. */
static const uint64_t claim_hangs_ns = 120000000000, pause_ns = 1000000000;

enum phase { PHASE_IDLE, PHASE_CLAIMING, PHASE_SETTLING, PHASE_SETTLED };

struct kafka_ledger {
    struct ledger_reader reader;
    struct ledger_member member;
    struct ledger_settler settler;
    int event;
    bool is_member;
    enum phase phase;
    bool claimed;                 /* for `tenure`, and the producer has not been given up since */
    bool announced;               /* the settler's result was, once more */
    uint64_t tenure;              /* of the member, when the last claim began */
    uint64_t asked_ns, waited_ns; /* for the claim: when last, and how long in all */
    uint64_t served_ns;           /* when the parts were last looked at */
    struct ledger_result result;  /* of what was settled; until it is told */
};

static bool may_submit(const struct kafka_ledger *ledger)
{
    return ledger->claimed && ledger->member.owned && ledger->member.tenure == ledger->tenure;
}

/* ---- reading ---- */

static enum status kafka_seek(void *self, int64_t offset, struct failure *failure)
{
    return ledger_reader_seek(&((struct kafka_ledger *)self)->reader, offset, failure);
}

static enum status kafka_read(void *self, struct ledger_record *record, struct failure *failure)
{
    struct kafka_ledger *ledger = self;
    if (ledger->member.refused.status != STATUS_OK) {
        *failure = ledger->member.refused;
        return STATUS_STOP;
    }
    return ledger_reader_read(&ledger->reader, record, failure);
}

/* ---- owning ---- */

static void announce(const struct kafka_ledger *ledger)
{
    static const uint64_t one = 1;
    ASSERT(write(ledger->event, &one, sizeof one) == sizeof one);
}

static void serve(struct kafka_ledger *ledger)
{
    uint64_t wakes;
    ASSERT(read(ledger->event, &wakes, sizeof wakes) == sizeof wakes || errno == EAGAIN);
    bool busy = false, news = ledger_reader_news(&ledger->reader);
    if (ledger->is_member) {
        busy = ledger_settler_busy(&ledger->settler);
        ledger_member_serve(&ledger->member, busy);
    }
    bool working = ledger->phase == PHASE_CLAIMING || ledger->phase == PHASE_SETTLING;
    if (working && !busy && !ledger->announced)
        news = ledger->announced = true;
    if (news)
        announce(ledger);
}

static bool kafka_owns(void *self)
{
    struct kafka_ledger *ledger = self;
    uint64_t now_ns = clock_monotonic_ns(&system_clock);
    if (now_ns - ledger->served_ns >= serve_interval_ns) {
        ledger->served_ns = now_ns;
        serve(ledger);
    }
    return ledger->member.owned;
}

/* ---- claiming ---- */

static enum status begin_claim(struct kafka_ledger *ledger, struct failure *failure)
{
    if (!ledger->member.owned)
        return failure_set(failure, STATUS_RETRY, "another process owns the journal");
    struct ledger_claim claim = {
        .member = ledger->member.client,
        .reader = ledger->reader.client,
        .metadata = ledger_member_metadata(&ledger->member),
        .position = ledger->reader.position,
    };
    ledger->tenure = ledger->member.tenure;
    ledger->claimed = false;
    ledger->announced = false;
    ledger->phase = PHASE_CLAIMING;
    ledger->asked_ns = clock_monotonic_ns(&system_clock);
    ledger->waited_ns = 0;
    ledger_settler_claim(&ledger->settler, &claim);
    return failure_set(failure, STATUS_RETRY, "the claim is under way");
}

static enum status end_claim(struct kafka_ledger *ledger, const struct ledger_result *result,
                             struct failure *failure)
{
    ledger->phase = PHASE_IDLE;
    if (result->status != STATUS_OK) {
        *failure = result->failure;
        return result->status;
    }
    ledger->claimed = true;
    if (!may_submit(ledger))
        return failure_set(failure, STATUS_RETRY, "the group has changed during the claim");
    ledger->reader.target = result->end;
    return STATUS_OK;
}

/* Time in which the whole process was stopped does not count. */
static bool claim_hangs(struct kafka_ledger *ledger)
{
    uint64_t now_ns = clock_monotonic_ns(&system_clock), span_ns = now_ns - ledger->asked_ns;
    ledger->waited_ns += span_ns < pause_ns ? span_ns : pause_ns;
    ledger->asked_ns = now_ns;
    return ledger->waited_ns > claim_hangs_ns;
}

static enum status kafka_claim(void *self, struct failure *failure)
{
    struct kafka_ledger *ledger = self;
    struct ledger_result result;
    ASSERT(ledger->is_member);
    if (ledger->member.refused.status != STATUS_OK) {
        *failure = ledger->member.refused;
        return STATUS_STOP;
    }
    if (ledger->phase == PHASE_SETTLING && ledger_settler_result(&ledger->settler, &ledger->result))
        ledger->phase = PHASE_SETTLED;
    if (ledger->phase == PHASE_SETTLING)
        return failure_set(failure, STATUS_RETRY, "a transaction is still under way");
    /* An end that nobody asked for: the journal will tell. */
    if (ledger->phase != PHASE_CLAIMING)
        return begin_claim(ledger, failure);
    if (ledger_settler_result(&ledger->settler, &result))
        return end_claim(ledger, &result, failure);
    if (claim_hangs(ledger))
        return failure_set(failure, STATUS_STOP,
                           "the claim of the journal hangs: the process must end, so that it or "
                           "another can claim anew");
    return failure_set(failure, STATUS_RETRY, "the claim is under way");
}

/* ---- settling ---- */

/* Without a claim nothing is sent, and nothing is told that the caller might take for an abort. */
static void refuse(struct kafka_ledger *ledger)
{
    ledger->result = (struct ledger_result){.settlement = SETTLEMENT_DOUBTFUL, .at = -1};
    failure_set(&ledger->result.failure, STATUS_RETRY,
                "the group has assigned the journal anew since the claim");
    ledger->phase = PHASE_SETTLED;
    announce(ledger);
}

static void kafka_submit(void *self, const struct transaction *transaction)
{
    struct kafka_ledger *ledger = self;
    ASSERT(ledger->is_member && ledger->phase == PHASE_IDLE);
    if (!may_submit(ledger)) {
        refuse(ledger);
        return;
    }
    ledger_reader_park(&ledger->reader);
    ledger->announced = false;
    ledger->phase = PHASE_SETTLING;
    ledger_settler_submit(&ledger->settler, transaction);
}

static enum settlement kafka_settlement(void *self, int64_t *at, struct failure *failure)
{
    struct kafka_ledger *ledger = self;
    if (ledger->phase == PHASE_SETTLING && ledger_settler_result(&ledger->settler, &ledger->result))
        ledger->phase = PHASE_SETTLED;
    if (ledger->phase != PHASE_SETTLED)
        return ledger->phase == PHASE_SETTLING ? SETTLEMENT_RUNNING : SETTLEMENT_NONE;
    ledger->phase = PHASE_IDLE;
    *at = ledger->result.at;
    if (ledger->result.settlement != SETTLEMENT_COMMITTED)
        *failure = ledger->result.failure;
    if (ledger->result.settlement == SETTLEMENT_DOUBTFUL)
        ledger->claimed = false;
    return ledger->result.settlement;
}

/* ---- opening and closing ---- */

static int kafka_descriptor(void *self)
{
    return ((struct kafka_ledger *)self)->event;
}

static void kafka_join(void *self)
{
    ledger_member_join(&((struct kafka_ledger *)self)->member);
}

static void kafka_leave(void *self)
{
    struct kafka_ledger *ledger = self;
    ASSERT(ledger->phase != PHASE_SETTLING && ledger->phase != PHASE_CLAIMING);
    ledger->claimed = false;
    ledger_member_leave(&ledger->member);
}

/* The settler first: it uses the others' clients.  What a thread still needs that could not be
 * ended is left to the end of the process. */
static void kafka_close(void *self)
{
    struct kafka_ledger *ledger = self;
    enum ledger_order left = ledger_settler_close(&ledger->settler);
    if (left == LEDGER_ORDER_CLAIM)
        return;
    ledger_member_close(&ledger->member);
    ledger_reader_close(&ledger->reader);
    if (left != LEDGER_ORDER_NONE)
        return;
    if (ledger->event >= 0)
        close(ledger->event);
    free(ledger);
}

static const struct ledger_kind kafka_ledger = {
    .name = "kafka",
    .seek = kafka_seek,
    .read = kafka_read,
    .owns = kafka_owns,
    .claim = kafka_claim,
    .submit = kafka_submit,
    .settlement = kafka_settlement,
    .descriptor = kafka_descriptor,
    .join = kafka_join,
    .leave = kafka_leave,
    .close = kafka_close,
};

static enum status open_parts(struct kafka_ledger *ledger, const struct ledger_setting *setting,
                              struct failure *failure)
{
    struct ledger_limits limits;
    ledger->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (ledger->event < 0)
        return failure_set(failure, STATUS_STOP, "could not make an event descriptor: %s",
                           strerror(errno));
    enum status status = ledger_reader_open(&ledger->reader, setting, ledger->event, failure);
    if (status == STATUS_OK)
        status = ledger_topics_check(ledger->reader.client, &ledger->reader.trouble, setting,
                                     &limits, failure);
    if (status != STATUS_OK || !setting->member)
        return status;
    ledger->is_member = true;
    status = ledger_settler_open(&ledger->settler, setting, &limits, ledger->event, failure);
    if (status == STATUS_OK)
        status = ledger_member_open(&ledger->member, setting, ledger->event, failure);
    return status;
}

enum status kafka_ledger_open(struct ledger *result, const struct ledger_setting *setting,
                              struct failure *failure)
{
    struct kafka_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        return failure_set(failure, STATUS_STOP, "could not open the ledger: out of memory");
    ledger->event = -1;
    if (open_parts(ledger, setting, failure) != STATUS_OK) {
        kafka_close(ledger);
        return STATUS_STOP;
    }
    *result = (struct ledger){&kafka_ledger, ledger};
    return STATUS_OK;
}
