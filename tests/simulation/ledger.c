/* Owning, claiming, reading and submitting; see ledger.h. */
#include "base/hash.h"
#include "tests/simulation/simulation.h"
#include <stdlib.h>
#include <string.h>

static struct process *process_of(const struct sim_ledger *ledger)
{
    return &ledger->simulation->process[ledger->process];
}

static uint64_t later(const struct sim_ledger *ledger, uint64_t least_ms, uint64_t most_ms)
{
    struct simulation *simulation = ledger->simulation;
    return simulation->now_ns +
           milliseconds(chance_between(&simulation->chance, least_ms, most_ms));
}

void sim_ledger_open(struct sim_ledger *ledger, struct simulation *simulation, uint32_t process)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->simulation = simulation;
    ledger->process = process;
    ledger->open = true;
    broker_join(simulation, process);
}

static void lent_free(struct sim_ledger *ledger)
{
    if (ledger->lent)
        memset(ledger->lent, 0xDD, ledger->lent_size); /* whoever still looks sees nonsense */
    free(ledger->lent);
    ledger->lent = NULL;
}

/* ---- the group ---- */

void sim_ledger_rebalanced(struct sim_ledger *ledger)
{
    if (!ledger->open)
        return;
    struct chance *chance = &ledger->simulation->chance;
    bool loses = ledger->owns && ledger->simulation->broker.owner != (int)ledger->process;
    ledger->notices = true;
    ledger->notice_ns = later(ledger, 0, 50);
    if (loses && chance_strikes(chance, FAULT_SLOW_NOTICE, 0.2))
        ledger->notice_ns = later(ledger, 100, 1500);
}

static void ledger_notice(struct sim_ledger *ledger)
{
    struct simulation *simulation = ledger->simulation;
    const struct broker *broker = &simulation->broker;
    if (!ledger->notices || broker_is_away(simulation) || simulation->now_ns < ledger->notice_ns)
        return;
    ledger->notices = false;
    ledger->owns = broker->owner == (int)ledger->process;
    ledger->generation = broker->generation;
    if (!broker->member[ledger->process].joined) {
        ledger->owns = false;
        broker_join(simulation, ledger->process);
    }
}

static bool ledger_owns(void *self)
{
    struct sim_ledger *ledger = self;
    struct process *process = process_of(ledger);
    if (process_enter(process, SEAM_LEDGER))
        return ledger->owns;
    ledger_notice(ledger);
    process_leave(process, SEAM_LEDGER);
    return ledger->owns;
}

/* ---- claiming ---- */

static bool is_confirmed(const struct sim_ledger *ledger)
{
    const struct broker *broker = &ledger->simulation->broker;
    return ledger->owns && broker->owner == (int)ledger->process &&
           broker->generation == ledger->generation && broker->member[ledger->process].joined;
}

static bool claim_advance(struct sim_ledger *ledger)
{
    struct simulation *simulation = ledger->simulation;
    if (ledger->claim == CLAIM_NONE || ledger->claim == CLAIM_DONE ||
        simulation->now_ns < ledger->claim_ns)
        return false;
    switch (ledger->claim) {
    case CLAIM_CONFIRMING:
        if (!is_confirmed(ledger)) {
            ledger->claim = CLAIM_NONE;
            ledger->notices = true;
            return true;
        }
        ledger->claim = CLAIM_FENCING;
        ledger->claim_ns = later(ledger, 1, 10);
        if (chance_strikes(&simulation->chance, FAULT_LATE_CLAIM, 0.1))
            ledger->claim_ns = later(ledger, 50, 1500);
        return true;
    case CLAIM_FENCING:
        ledger->epoch = broker_fence(simulation);
        ledger->claim = CLAIM_WAITING;
        tell(simulation, "process %u: claims with epoch %llu%s", ledger->process,
             (unsigned long long)ledger->epoch, is_confirmed(ledger) ? "" : ", owner no more");
        return true;
    case CLAIM_WAITING:
        if (broker_is_stable(&simulation->broker))
            ledger->claim = CLAIM_DONE;
        return true;
    default:
        return false;
    }
}

static enum status ledger_claim(void *self, struct failure *failure)
{
    struct sim_ledger *ledger = self;
    struct process *process = process_of(ledger);
    struct simulation *simulation = ledger->simulation;
    if (process_enter(process, SEAM_LEDGER))
        return failure_set(failure, STATUS_RETRY, "the process is dead");
    ledger_notice(ledger);
    ledger->may_submit = false;
    enum status status = STATUS_RETRY;
    if (ledger->claim == CLAIM_DONE && !broker_is_away(simulation)) {
        status = STATUS_OK;
        ledger->claim = CLAIM_NONE;
        ledger->may_submit = true;
        ledger->flight.step = FLIGHT_NONE;
    } else if (ledger->claim == CLAIM_NONE && ledger->owns) {
        ledger->claim = CLAIM_CONFIRMING;
        ledger->claim_ns = later(ledger, 1, 10);
    }
    process_leave(process, SEAM_LEDGER);
    return status == STATUS_OK ? status : failure_set(failure, status, "the claim is under way");
}

/* ---- reading ---- */

static enum status journal_lost(struct sim_ledger *ledger, int64_t offset, struct failure *failure)
{
    process_of(ledger)->denied = true;
    return failure_set(failure, STATUS_STOP,
                       "the journal was cut off by retention: it begins at offset %lld, the state "
                       "needs it from %lld",
                       (long long)ledger->simulation->broker.journal_begin, (long long)offset);
}

static enum status ledger_seek(void *self, int64_t offset, struct failure *failure)
{
    struct sim_ledger *ledger = self;
    struct process *process = process_of(ledger);
    if (process_enter(process, SEAM_LEDGER) || broker_is_away(ledger->simulation))
        return failure_set(failure, STATUS_RETRY, "no broker answers");
    lent_free(ledger);
    if (offset < 0)
        violate(ledger->simulation, "process %u seeks the journal's offset %lld", ledger->process,
                (long long)offset);
    if (offset > 0 && offset < ledger->simulation->broker.journal_begin)
        return journal_lost(ledger, offset, failure);
    ledger->position = offset > 0 ? offset : ledger->simulation->broker.journal_begin;
    ledger->awaited = ledger->simulation->broker.transaction_count;
    tell(ledger->simulation, "process %u: seeks offset %lld", ledger->process, (long long)offset);
    process_leave(process, SEAM_LEDGER);
    return STATUS_OK;
}

static enum status read_record(struct sim_ledger *ledger, struct ledger_record *record,
                               struct failure *failure)
{
    struct simulation *simulation = ledger->simulation;
    struct chance *chance = &simulation->chance;
    if (simulation->broker.journal_moved_ns > simulation->now_ns ||
        ledger->empty_until_ns > simulation->now_ns)
        return failure_set(failure, STATUS_RETRY, "nothing has been fetched");
    if (chance_strikes(chance, FAULT_JOURNAL_LAGS, 0.03)) {
        ledger->empty_until_ns = later(ledger, 0, chance_one_in(chance, 10) ? 300 : 20);
        return failure_set(failure, STATUS_RETRY, "nothing has been fetched");
    }
    if (ledger->position < simulation->broker.journal_begin)
        return journal_lost(ledger, ledger->position, failure);
    const struct broker_transaction *found = broker_find(&simulation->broker, ledger->position);
    if (!found)
        return broker_awaits(&simulation->broker, ledger->awaited)
                   ? failure_set(failure, STATUS_RETRY, "the end is not stable")
                   : STATUS_END;
    ledger->lent = malloc(found->entry_size ? found->entry_size : 1);
    ASSERT(ledger->lent);
    memcpy(ledger->lent, found->entry, found->entry_size);
    ledger->lent_size = found->entry_size;
    ledger->position = found->end;
    *record = (struct ledger_record){ledger->lent, found->entry_size, found->at};
    plant_read(simulation, found);
    return STATUS_OK;
}

static enum status ledger_read(void *self, struct ledger_record *record, struct failure *failure)
{
    struct sim_ledger *ledger = self;
    struct process *process = process_of(ledger);
    if (process_enter(process, SEAM_LEDGER) || broker_is_away(ledger->simulation))
        return failure_set(failure, STATUS_RETRY, "no broker answers");
    lent_free(ledger);
    enum status status = read_record(ledger, record, failure);
    process_leave(process, SEAM_LEDGER);
    return status;
}

/* ---- submitting ---- */

static uint64_t transaction_digest(const struct transaction *transaction)
{
    uint64_t digest = hash_fingerprint(transaction->entry, transaction->entry_size);
    for (uint32_t i = 0; i < transaction->output_count; i++) {
        const struct output *output = &transaction->outputs[i];
        digest = digest * 31 + hash_fingerprint(output->bytes, output->size);
    }
    for (uint32_t i = 0; i < transaction->offset_count; i++)
        digest = digest * 31 + (uint64_t)transaction->offsets[i].next;
    return digest;
}

static enum fate draw_fate(struct chance *chance)
{
    if (chance_strikes(chance, FAULT_ABORTED, 0.05))
        return FATE_ABORTED;
    if (chance_strikes(chance, FAULT_OFFSETS_TIMED_OUT, 0.04))
        return FATE_OFFSETS_TIMED_OUT;
    if (chance_strikes(chance, FAULT_END_LOST, 0.03))
        return FATE_END_LOST;
    if (chance_strikes(chance, FAULT_ANSWER_LOST, 0.03))
        return FATE_ANSWER_LOST;
    if (chance_strikes(chance, FAULT_END_DELAYED, 0.03))
        return FATE_END_DELAYED;
    if (chance_strikes(chance, FAULT_END_DUPLICATED, 0.03))
        return FATE_END_DUPLICATED;
    return FATE_GOOD;
}

static void ledger_submit(void *self, const struct transaction *transaction)
{
    struct sim_ledger *ledger = self;
    struct simulation *simulation = ledger->simulation;
    struct process *process = process_of(ledger);
    if (process_enter(process, SEAM_LEDGER))
        return;
    struct flight *flight = &ledger->flight;
    if (!ledger->may_submit)
        violate(simulation, "process %u submits entry %llu without a claim", ledger->process,
                (unsigned long long)transaction->sequence);
    if (flight->step != FLIGHT_NONE)
        violate(simulation, "process %u submits entry %llu while another is on its way",
                ledger->process, (unsigned long long)transaction->sequence);
    if (ledger->epoch != simulation->broker.epoch || !is_confirmed(ledger))
        chance_count(&simulation->chance, FAULT_ZOMBIE_SUBMIT);
    *flight = (struct flight){
        .step = FLIGHT_PRODUCE,
        .fate = draw_fate(&simulation->chance),
        .epoch = ledger->epoch,
        .generation = ledger->generation,
        .sent = *transaction,
        .digest = transaction_digest(transaction),
        .slowness = 5,
    };
    if (chance_strikes(&simulation->chance, FAULT_TRANSACTION_SLOW, 0.02))
        flight->slowness = 1000;
    flight->due_ns = later(ledger, 0, flight->slowness);
    tell(simulation, "process %u: submits entry %llu, %u outputs, epoch %llu", ledger->process,
         (unsigned long long)transaction->sequence, transaction->output_count,
         (unsigned long long)ledger->epoch);
    plant_submit(ledger);
    process_leave(process, SEAM_LEDGER);
}

static void flight_told(struct sim_ledger *ledger, enum settlement settlement, const char *why)
{
    struct flight *flight = &ledger->flight;
    flight->step = FLIGHT_TOLD;
    flight->settlement = settlement;
    flight->why = why;
    tell(ledger->simulation, "process %u: %s", ledger->process,
         settlement == SETTLEMENT_COMMITTED ? "committed" : why);
}

static void flight_produce(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    struct broker *broker = &ledger->simulation->broker;
    if (flight->epoch == broker->epoch && !broker_is_stable(broker))
        return; /* the one before is not marked yet: the client tries again */
    struct broker_transaction *written =
        broker_produce(ledger->simulation, &flight->sent, flight->epoch, ledger->process);
    if (!written) {
        flight_told(ledger, SETTLEMENT_DOUBTFUL, "fenced by a newer claim");
        return;
    }
    flight->transaction = broker->transaction_count - 1;
    flight->at = written->at;
    flight->step = FLIGHT_OFFSETS;
}

/* The client ends its transaction itself. */
static void flight_abort(struct sim_ledger *ledger, const char *why)
{
    struct flight *flight = &ledger->flight;
    bool ended = broker_end(ledger->simulation, flight->transaction, flight->epoch, false);
    flight_told(ledger, ended ? SETTLEMENT_ABORTED : SETTLEMENT_DOUBTFUL, why);
}

/* It was applied or not, and arrives late in any case.  The client ends the transaction itself,
 * leaves it open, or has asked again with success; whichever it is, it gives its epoch up. */
static void flight_unanswered(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    struct simulation *simulation = ledger->simulation;
    static const char why[] = "a request for offsets was not answered";
    broker_send_offsets(simulation, flight->transaction, flight->epoch, later(ledger, 10, 3000));
    switch (chance_between(&simulation->chance, 0, 2)) {
    case 0:
        flight_abort(ledger, why);
        if (!plant_keeps_epoch())
            flight->settlement = SETTLEMENT_DOUBTFUL;
        break;
    case 1:
        flight_told(ledger, SETTLEMENT_DOUBTFUL, why);
        break;
    default:
        flight->step = FLIGHT_END;
    }
}

static void flight_offsets(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    const struct broker *broker = &ledger->simulation->broker;
    bool member =
        broker->member[ledger->process].joined && broker->generation == flight->generation;
    if (flight->sent.offset_count && !member) {
        chance_count(&ledger->simulation->chance, FAULT_WRONG_GENERATION);
        ledger->notices = true;
        flight_abort(ledger, "the group has another generation");
    } else if (flight->fate == FATE_ABORTED) {
        flight_abort(ledger, "the broker refused a record");
    } else if (flight->fate == FATE_OFFSETS_TIMED_OUT) {
        flight_unanswered(ledger);
    } else {
        flight->step = FLIGHT_END;
    }
}

static void flight_end(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    struct simulation *simulation = ledger->simulation;
    uint64_t late_ns = later(ledger, 10, 3000);
    if (flight->fate == FATE_END_DELAYED)
        broker_send_end(simulation, flight->transaction, flight->epoch, late_ns);
    if (flight->fate == FATE_END_LOST || flight->fate == FATE_END_DELAYED) {
        flight->step = FLIGHT_ANSWER;
        flight->due_ns = later(ledger, 20, 1000);
        return;
    }
    if (!broker_end(simulation, flight->transaction, flight->epoch, true)) {
        flight_told(ledger, SETTLEMENT_DOUBTFUL, "fenced before it committed");
        return;
    }
    if (flight->fate == FATE_END_DUPLICATED)
        broker_send_end(simulation, flight->transaction, flight->epoch, late_ns);
    flight->step = FLIGHT_ANSWER;
}

static void flight_step(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    switch (flight->step) {
    case FLIGHT_PRODUCE:
        flight_produce(ledger);
        break;
    case FLIGHT_OFFSETS:
        flight_offsets(ledger);
        break;
    case FLIGHT_END:
        flight_end(ledger);
        break;
    case FLIGHT_ANSWER:
        if (flight->fate == FATE_GOOD)
            flight_told(ledger, SETTLEMENT_COMMITTED, "");
        else
            flight_told(ledger, SETTLEMENT_DOUBTFUL, "no answer to the commit");
        break;
    default:
        break;
    }
}

void sim_ledger_advance(struct sim_ledger *ledger)
{
    struct flight *flight = &ledger->flight;
    if (!ledger->open)
        return;
    bool frozen = process_of(ledger)->condition == CONDITION_FROZEN;
    if (frozen && ledger->leaving == 0)
        return;
    bool moved = claim_advance(ledger);
    if (flight->step != FLIGHT_NONE && flight->step != FLIGHT_TOLD &&
        ledger->simulation->now_ns >= flight->due_ns) {
        flight->due_ns = later(ledger, 0, flight->slowness);
        flight_step(ledger);
        moved = true;
    }
    ledger->leaving -= frozen && moved;
}

static enum settlement ledger_settlement(void *self, int64_t *at, struct failure *failure)
{
    struct sim_ledger *ledger = self;
    struct flight *flight = &ledger->flight;
    struct simulation *simulation = ledger->simulation;
    struct process *process = process_of(ledger);
    if (process_enter(process, SEAM_LEDGER))
        return flight->step == FLIGHT_NONE ? SETTLEMENT_NONE : SETTLEMENT_RUNNING;
    enum settlement settlement = SETTLEMENT_NONE;
    if (flight->step == FLIGHT_TOLD) {
        settlement = flight->settlement;
        if (transaction_digest(&flight->sent) != flight->digest)
            violate(simulation, "process %u has changed entry %llu before its end was told",
                    ledger->process, (unsigned long long)flight->sent.sequence);
        flight->step = FLIGHT_NONE;
        ledger->may_submit = settlement != SETTLEMENT_DOUBTFUL;
        if (settlement == SETTLEMENT_COMMITTED)
            *at = flight->at;
        else
            failure_set(failure, STATUS_RETRY, "%s", flight->why);
    } else if (flight->step != FLIGHT_NONE) {
        settlement = SETTLEMENT_RUNNING;
    }
    process_leave(process, SEAM_LEDGER);
    return settlement;
}

static int ledger_descriptor(void *self)
{
    (void)self;
    return -1;
}

/* ---- the end ---- */

/* What was on its way arrives or not; the memory that it points to may be gone. */
void sim_ledger_silence(struct sim_ledger *ledger, bool dead)
{
    struct simulation *simulation = ledger->simulation;
    struct flight *flight = &ledger->flight;
    if (!ledger->open)
        return;
    simulation->broker.member[ledger->process].alive = false;
    ledger->leaving = (uint32_t)chance_between(&simulation->chance, 0, 1);
    if (!dead)
        return;
    if (flight->step == FLIGHT_END && ledger->leaving) {
        chance_count(&simulation->chance, FAULT_END_AFTER_DEATH);
        broker_send_end(simulation, flight->transaction, flight->epoch, later(ledger, 0, 1000));
    } else if (flight->step == FLIGHT_PRODUCE && ledger->leaving &&
               broker_is_stable(&simulation->broker)) {
        broker_produce(simulation, &flight->sent, flight->epoch, ledger->process);
    }
    if (ledger->claim == CLAIM_FENCING && ledger->leaving)
        broker_fence(simulation);
    ledger->open = false;
}

void sim_ledger_bury(struct sim_ledger *ledger)
{
    lent_free(ledger);
}

void sim_ledger_wake(struct sim_ledger *ledger)
{
    struct broker *broker = &ledger->simulation->broker;
    ledger->leaving = 0;
    broker->member[ledger->process].alive = true;
    ledger->notices = true;
    ledger->notice_ns = later(ledger, 0, 300);
}

/* An orderly end waits for what was submitted. */
static void ledger_close(void *self)
{
    struct sim_ledger *ledger = self;
    struct simulation *simulation = ledger->simulation;
    struct process *process = process_of(ledger);
    if (process->cut || !ledger->open)
        return;
    for (int step = 0; step < 8 && !broker_is_away(simulation); step++)
        flight_step(ledger);
    if (ledger->flight.step != FLIGHT_NONE && ledger->flight.step != FLIGHT_TOLD)
        sim_ledger_silence(ledger, true); /* it cannot be waited for */
    lent_free(ledger);
    broker_leave(simulation, ledger->process);
    ledger->open = false;
}

/* Its membership began with its start. */
static void ledger_join(void *self)
{
    (void)self;
}

static void ledger_leave(void *self)
{
    struct sim_ledger *ledger = self;
    if (!process_of(ledger)->cut && ledger->open)
        broker_leave(ledger->simulation, ledger->process);
}

const struct ledger_kind sim_ledger_kind = {
    .name = "simulated",
    .seek = ledger_seek,
    .read = ledger_read,
    .owns = ledger_owns,
    .claim = ledger_claim,
    .submit = ledger_submit,
    .settlement = ledger_settlement,
    .descriptor = ledger_descriptor,
    .join = ledger_join,
    .leave = ledger_leave,
    .close = ledger_close,
};
