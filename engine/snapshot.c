/* The snapshot being written, between loop and writer; see snapshot.h.
 *
 *     phase     moved by   means
 *     IDLE      loop       nothing is written
 *     PAGES     loop       the writer takes pages from the image
 *     WAITING   writer     all pages are in the file; the image is not needed any more
 *     ENDED     writer     published, failed or given up: the loop reads which and is IDLE again
 *
 * Both sides talk through atomics and eventfds and never hold a lock: the writer has a low
 * priority, and a lock that it held while others have the processor would stop the loop.
 *
 * There are two writers, of which one is on duty.  The patient one runs when nobody else wants its
 * processor (SCHED_IDLE), so that it delays nobody's waking.  If room for copies gets scarce, or it
 * has been at one snapshot for long, it passes the duty on, between two pages, to the hasty one,
 * which has a share of its own; who is not privileged could not raise its own priority.  When the
 * pages are written the duty goes back.  Each snapshot
 * begins a new turn of duty, so that a writer that was held up between looking and writing cannot
 * take the duty of one for that of the next. */
#include "engine/snapshot.h"
#include "base/histogram.h"
#include "base/log.h"
#include "engine/snapshot_names.h"
#include "engine/snapshot_writer.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum phase { PHASE_IDLE, PHASE_PAGES, PHASE_WAITING, PHASE_ENDED };
enum verdict { VERDICT_OPEN, VERDICT_COMMITTED, VERDICT_DROPPED };
enum outcome { OUTCOME_PUBLISHED, OUTCOME_FAILED, OUTCOME_DROPPED };

enum duty { DUTY_PATIENT, DUTY_HASTY, DUTIES };

enum { HASTY_NICENESS = 10, PATIENCE_S = 30 };

struct snapshots {
    struct snapshots_setting setting;
    struct image *image;
    atomic_int phase;   /* enum phase */
    atomic_int verdict; /* enum verdict, by the loop */
    atomic_bool quit;
    atomic_bool hurry; /* by the loop */
    atomic_uint duty;  /* turn * DUTIES + enum duty: by the one on duty; a new turn by the loop */
    int news;          /* eventfd for the loop */
    struct writer_thread {
        struct snapshots *snapshots;
        enum duty duty;
        int wake; /* eventfd */
        bool started;
        pthread_t thread;
    } thread[DUTIES];

    /* The loop's. */
    bool image_begun, hasty; /* the latter: every one is to be quick */
    uint64_t begun_ns;
    uint64_t pause_ns, waiting_ns; /* of this turn; since when it has waited for room, 0: not */
    struct histogram pauses;
    struct snapshots_report report;

    /* Handed over with the phase: facts to the writer and back, journal_at with the verdict. */
    struct snapshot_facts facts;
    int64_t journal_at;

    /* The writer's, until ENDED. */
    struct snapshot_writer writer;
    bool file_begun;
    uint64_t file_begun_ns; /* of the machine's clock */
    enum outcome outcome;
    struct failure failure; /* of a FAILED one */
    struct failure prune;   /* old ones could not be removed; status OK: they could */
};

static enum phase phase_of(const struct snapshots *snapshots)
{
    return (enum phase)atomic_load(&snapshots->phase);
}

static enum verdict verdict_of(const struct snapshots *snapshots)
{
    return (enum verdict)atomic_load(&snapshots->verdict);
}

/* Neither of the two ever blocks: an eventfd counts to 2^64. */
static void ring(int descriptor)
{
    ssize_t written = eventfd_write(descriptor, 1);
    ASSERT(written == 0);
}

/* ---- the writer's side ---- */

static void writer_enter(struct snapshots *snapshots, enum phase phase)
{
    atomic_store(&snapshots->phase, phase);
    ring(snapshots->news);
}

static void writer_end(struct snapshots *snapshots, enum outcome outcome)
{
    snapshot_writer_abandon(&snapshots->writer);
    snapshots->outcome = outcome;
    writer_enter(snapshots, PHASE_ENDED);
}

static enum status write_page(struct snapshots *snapshots, bool *end)
{
    uint64_t page;
    uint8_t *place = snapshot_writer_place(&snapshots->writer);
    *end = !image_next(snapshots->image, &page, place);
    if (!*end)
        return snapshot_writer_add(&snapshots->writer, page, &snapshots->failure);
    if (image_failed(snapshots->image))
        return failure_set(&snapshots->failure, STATUS_RETRY,
                           "the pages changed meanwhile did not fit into the %llu MiB for copies",
                           (unsigned long long)(snapshots->setting.aside_size >> 20));
    return snapshot_writer_flush(&snapshots->writer, &snapshots->failure);
}

static enum status begin_file(struct snapshots *snapshots)
{
    if (snapshots->file_begun)
        return STATUS_OK;
    snapshots->file_begun = true;
    snapshots->file_begun_ns = clock_monotonic_ns(&system_clock);
    return snapshot_writer_begin(&snapshots->writer, &snapshots->facts,
                                 image_directory(snapshots->image), &snapshots->failure);
}

static enum duty duty_of(const struct snapshots *snapshots)
{
    return (enum duty)(atomic_load(&snapshots->duty) % DUTIES);
}

/* By who is on duty; nothing happens when the loop has begun another turn meanwhile. */
static void pass_duty(struct snapshots *snapshots, enum duty from, enum duty to)
{
    unsigned duty = atomic_load(&snapshots->duty);
    if (duty % DUTIES == from &&
        atomic_compare_exchange_strong(&snapshots->duty, &duty, duty - from + to))
        ring(snapshots->thread[to].wake);
}

/* Whether the patient one has had its time; asked before each page. */
static bool passes_duty(struct snapshots *snapshots)
{
    enum { LOOK_EVERY = 256 };
    if (!snapshots->setting.threaded || duty_of(snapshots) != DUTY_PATIENT)
        return false;
    if (!atomic_load_explicit(&snapshots->hurry, memory_order_relaxed) &&
        (snapshots->writer.tail.page_count % LOOK_EVERY != 0 ||
         clock_monotonic_ns(&system_clock) - snapshots->file_begun_ns <
             PATIENCE_S * UINT64_C(1000000000)))
        return false;
    pass_duty(snapshots, DUTY_PATIENT, DUTY_HASTY);
    return true;
}

static void write_pages(struct snapshots *snapshots, uint64_t most)
{
    enum status status = begin_file(snapshots);
    bool end = false;
    for (uint64_t i = 0; i < most && status == STATUS_OK && !end; i++) {
        if (verdict_of(snapshots) == VERDICT_DROPPED) {
            writer_end(snapshots, OUTCOME_DROPPED);
            return;
        }
        if (passes_duty(snapshots))
            return;
        status = write_page(snapshots, &end);
    }
    if (status != STATUS_OK)
        writer_end(snapshots, OUTCOME_FAILED);
    else if (end)
        writer_enter(snapshots, PHASE_WAITING);
}

static void publish(struct snapshots *snapshots)
{
    struct snapshot_writer *writer = &snapshots->writer;
    struct snapshot_facts *facts = &snapshots->facts;
    if (snapshot_writer_publish(writer, snapshots->journal_at, &snapshots->failure) != STATUS_OK) {
        writer_end(snapshots, OUTCOME_FAILED);
        return;
    }
    facts->journal_at = writer->tail.journal_at;
    facts->state_hash = writer->tail.state_hash;
    facts->page_count = writer->tail.page_count;
    facts->size = writer->tail.size;
    snapshots->prune.status = snapshot_prune(&snapshots->setting.disk, facts->sequence,
                                             snapshots->setting.keep, &snapshots->prune);
    writer_end(snapshots, OUTCOME_PUBLISHED);
}

static bool writer_is_due(const struct snapshots *snapshots)
{
    enum phase phase = phase_of(snapshots);
    return phase == PHASE_PAGES ||
           (phase == PHASE_WAITING && verdict_of(snapshots) != VERDICT_OPEN);
}

/* Does what is due, of pages at most so many. */
static void writer_advance(struct snapshots *snapshots, uint64_t most)
{
    if (!writer_is_due(snapshots))
        return;
    if (verdict_of(snapshots) == VERDICT_DROPPED)
        writer_end(snapshots, OUTCOME_DROPPED);
    else if (phase_of(snapshots) == PHASE_PAGES)
        write_pages(snapshots, most);
    else
        publish(snapshots);
}

/* Only who is on duty writes, and nobody else moves the duty while something is due.  What is due
 * was seen while the duty stayed the same, so it is of the same turn: there are never two. */
static bool has_to_write(const struct writer_thread *own)
{
    const struct snapshots *snapshots = own->snapshots;
    unsigned duty = atomic_load(&snapshots->duty);
    return duty % DUTIES == own->duty && writer_is_due(snapshots) &&
           atomic_load(&snapshots->duty) == duty;
}

static void take_place(enum duty duty)
{
    const struct sched_param none = {0};
    if (duty == DUTY_PATIENT) {
        sched_setscheduler(0, SCHED_IDLE, &none);
        return;
    }
    sched_setscheduler(0, SCHED_BATCH, &none);
    setpriority(PRIO_PROCESS, (id_t)gettid(), HASTY_NICENESS);
}

static void *writer_thread(void *self)
{
    const struct writer_thread *own = self;
    struct snapshots *snapshots = own->snapshots;
    take_place(own->duty);
    while (!atomic_load(&snapshots->quit)) {
        while (has_to_write(own))
            writer_advance(snapshots, UINT64_MAX);
        if (own->duty == DUTY_HASTY)
            pass_duty(snapshots, DUTY_HASTY, DUTY_PATIENT);
        eventfd_t count;
        while (eventfd_read(own->wake, &count) != 0 && errno == EINTR) {
        }
    }
    return NULL;
}

/* ---- the loop's side ---- */

static void wake_writers(struct snapshots *snapshots)
{
    for (int i = 0; i < DUTIES; i++)
        ring(snapshots->thread[i].wake);
}

static enum status open_descriptors(struct snapshots *snapshots, struct failure *failure)
{
    snapshots->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool open = snapshots->news >= 0;
    for (int i = 0; i < DUTIES; i++) {
        snapshots->thread[i].wake = eventfd(0, EFD_CLOEXEC);
        open = open && snapshots->thread[i].wake >= 0;
    }
    if (open)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "could not open descriptors for snapshots: %s",
                       strerror(errno));
}

static enum status start_threads(struct snapshots *snapshots, struct failure *failure)
{
    for (int i = 0; i < DUTIES; i++) {
        struct writer_thread *thread = &snapshots->thread[i];
        thread->snapshots = snapshots;
        thread->duty = (enum duty)i;
        int error = pthread_create(&thread->thread, NULL, writer_thread, thread);
        if (error != 0)
            return failure_set(failure, STATUS_STOP, "could not start the snapshots' threads: %s",
                               strerror(error));
        thread->started = true;
    }
    return STATUS_OK;
}

static void stop_threads(struct snapshots *snapshots)
{
    atomic_store(&snapshots->quit, true);
    for (int i = 0; i < DUTIES; i++) {
        if (!snapshots->thread[i].started)
            continue;
        ring(snapshots->thread[i].wake);
        pthread_join(snapshots->thread[i].thread, NULL);
    }
}

enum status snapshots_open(struct snapshots **made, const struct snapshots_setting *setting,
                           struct failure *failure)
{
    struct snapshots *snapshots = calloc(1, sizeof *snapshots);
    ASSERT(snapshots && setting->keep >= 2 && setting->keep <= SNAPSHOT_KEPT_MAX);
    *made = snapshots;
    snapshots->setting = *setting;
    snapshot_writer_init(&snapshots->writer, &setting->disk);
    const struct image_setting image = {
        .aside_size = setting->aside_size, .often = setting->often, .clock = setting->clock};
    enum status status = open_descriptors(snapshots, failure);
    if (status == STATUS_OK)
        status = image_open(&snapshots->image, &image, failure);
    if (status == STATUS_OK && setting->threaded)
        status = start_threads(snapshots, failure);
    if (status == STATUS_OK)
        return STATUS_OK;
    snapshots_close(snapshots);
    *made = NULL;
    return status;
}

/* The image goes as soon as the writer has left it: from then on writes cost nothing more. */
static void leave_image(struct snapshots *snapshots)
{
    if (!snapshots->image_begun || phase_of(snapshots) == PHASE_PAGES)
        return;
    uint64_t start_ns = clock_monotonic_ns(snapshots->setting.clock);
    image_end(snapshots->image);
    snapshots->image_begun = false;
    snapshots->pause_ns += clock_monotonic_ns(snapshots->setting.clock) - start_ns;
}

static void tell_writer(struct snapshots *snapshots, enum verdict verdict)
{
    atomic_store(&snapshots->verdict, verdict);
    wake_writers(snapshots);
}

/* True when there is news; false after so many ms (-1: never). */
static bool await_news(struct snapshots *snapshots, int timeout_ms)
{
    struct pollfd news = {.fd = snapshots->news, .events = POLLIN};
    eventfd_t count;
    return poll(&news, 1, timeout_ms) > 0 && eventfd_read(snapshots->news, &count) == 0;
}

void snapshots_close(struct snapshots *snapshots)
{
    if (!snapshots)
        return;
    if (snapshots_busy(snapshots))
        snapshots_drop(snapshots);
    stop_threads(snapshots);
    snapshot_writer_free(&snapshots->writer);
    snapshot_facts_close(&snapshots->facts);
    if (snapshots->image)
        image_close(snapshots->image);
    for (int i = 0; i < DUTIES; i++)
        if (snapshots->thread[i].wake >= 0)
            close(snapshots->thread[i].wake);
    if (snapshots->news >= 0)
        close(snapshots->news);
    free(snapshots);
}

bool snapshots_busy(const struct snapshots *snapshots)
{
    return phase_of(snapshots) != PHASE_IDLE;
}

static void facts_copy(struct snapshot_facts *to, const struct snapshot_facts *from)
{
    *to = *from;
    to->configuration = malloc(from->configuration_size + 1);
    ASSERT(to->configuration);
    if (from->configuration_size)
        memcpy(to->configuration, from->configuration, from->configuration_size);
    to->configuration[from->configuration_size] = '\0';
}

void snapshots_begin(struct snapshots *snapshots, struct state *state,
                     const struct snapshot_facts *facts)
{
    ASSERT(!snapshots_busy(snapshots));
    ASSERT(facts->sequence == state->directory->sequence &&
           facts->chain == state->directory->chain);
    snapshots->begun_ns = clock_monotonic_ns(snapshots->setting.clock);
    image_begin(snapshots->image, state);
    snapshots->image_begun = true;
    snapshot_facts_close(&snapshots->facts);
    facts_copy(&snapshots->facts, facts);
    snapshots->facts.written_ms = clock_wall_ms(snapshots->setting.clock);
    snapshots->file_begun = false;
    snapshots->prune.status = STATUS_OK;
    atomic_store(&snapshots->hurry, snapshots->hasty);
    unsigned turn = atomic_load(&snapshots->duty) / DUTIES + 1;
    atomic_store(&snapshots->duty, turn * DUTIES + (snapshots->hasty ? DUTY_HASTY : DUTY_PATIENT));
    atomic_store(&snapshots->verdict, VERDICT_OPEN);
    atomic_store(&snapshots->phase, PHASE_PAGES);
    wake_writers(snapshots);
    snapshots->pause_ns += clock_monotonic_ns(snapshots->setting.clock) - snapshots->begun_ns;
}

void snapshots_commit(struct snapshots *snapshots, int64_t journal_at)
{
    if (!snapshots_busy(snapshots) || verdict_of(snapshots) != VERDICT_OPEN)
        return;
    snapshots->journal_at = journal_at;
    tell_writer(snapshots, VERDICT_COMMITTED);
}

void snapshots_drop(struct snapshots *snapshots)
{
    if (!snapshots_busy(snapshots))
        return;
    tell_writer(snapshots, VERDICT_DROPPED);
    /* It may be walking over gigabytes of zeros. */
    if (snapshots->image_begun && phase_of(snapshots) == PHASE_PAGES)
        image_give_up(snapshots->image);
    if (!snapshots->setting.threaded)
        writer_advance(snapshots, 0);
    while (phase_of(snapshots) == PHASE_PAGES)
        await_news(snapshots, -1);
    leave_image(snapshots);
}

void snapshots_hurry(struct snapshots *snapshots)
{
    snapshots->hasty = true;
    atomic_store_explicit(&snapshots->hurry, true, memory_order_relaxed);
}

/* Looks at the clock only when it begins or ends to wait. */
static void count_waiting(struct snapshots *snapshots, bool waiting)
{
    if (waiting == (snapshots->waiting_ns != 0))
        return;
    uint64_t now_ns = clock_monotonic_ns(snapshots->setting.clock);
    if (!waiting)
        snapshots->pause_ns += now_ns - snapshots->waiting_ns;
    snapshots->waiting_ns = waiting ? now_ns : 0;
}

bool snapshots_has_room(struct snapshots *snapshots, uint64_t pages)
{
    const uint64_t scarce = snapshots->setting.aside_size / STATE_PAGE / 4;
    const struct image *image = snapshots->image;
    bool taken =
        snapshots->image_begun && phase_of(snapshots) == PHASE_PAGES && !image_failed(image);
    if (taken && !image_has_room(image, scarce))
        atomic_store_explicit(&snapshots->hurry, true, memory_order_relaxed);
    bool room = !taken || image_has_room(image, pages);
    count_waiting(snapshots, !room);
    return room;
}

static void count_pause(struct snapshots *snapshots)
{
    uint64_t pause_ns = snapshots->pause_ns + image_held_ns(snapshots->image);
    snapshots->pause_ns = 0;
    if (pause_ns)
        histogram_add(&snapshots->pauses, pause_ns, 1);
}

static void count_published(struct snapshots *snapshots)
{
    struct snapshots_report *report = &snapshots->report;
    uint64_t took_ns = clock_monotonic_ns(snapshots->setting.clock) - snapshots->begun_ns;
    report->written++;
    report->pages = snapshots->facts.page_count;
    report->bytes = snapshots->facts.size;
    report->last_sequence = snapshots->facts.sequence;
    report->last_duration_ms = took_ns / 1000000U;
    if (snapshots->prune.status != STATUS_OK)
        log_warning("snapshot", "could not remove old snapshots: %s", snapshots->prune.text);
}

enum status snapshots_turn(struct snapshots *snapshots, struct snapshot_facts *facts)
{
    count_pause(snapshots);
    leave_image(snapshots);
    if (phase_of(snapshots) != PHASE_ENDED)
        return STATUS_RETRY;
    enum outcome outcome = snapshots->outcome;
    if (outcome == OUTCOME_PUBLISHED) {
        count_published(snapshots);
        *facts = snapshots->facts;
        snapshots->facts.configuration = NULL;
    } else if (outcome == OUTCOME_FAILED) {
        snapshots->report.failed++;
        log_warning("snapshot", "no snapshot of entry %llu: %s; the next one is tried at its time",
                    (unsigned long long)snapshots->facts.sequence, snapshots->failure.text);
    }
    atomic_store(&snapshots->phase, PHASE_IDLE);
    return outcome == OUTCOME_PUBLISHED ? STATUS_OK : STATUS_RETRY;
}

void snapshots_step(struct snapshots *snapshots, uint64_t pages)
{
    ASSERT(!snapshots->setting.threaded);
    writer_advance(snapshots, pages);
}

bool snapshots_wait(struct snapshots *snapshots, int timeout_ms)
{
    uint64_t start_ns = clock_monotonic_ns(&system_clock);
    for (;;) {
        enum phase phase = phase_of(snapshots);
        if (phase == PHASE_ENDED || phase == PHASE_IDLE)
            return true;
        leave_image(snapshots);
        uint64_t passed_ms = (clock_monotonic_ns(&system_clock) - start_ns) / 1000000U;
        if (timeout_ms < 0 || passed_ms >= (uint64_t)timeout_ms || !snapshots->setting.threaded)
            return false;
        await_news(snapshots, timeout_ms - (int)passed_ms);
    }
}

void snapshots_report(const struct snapshots *snapshots, struct snapshots_report *report)
{
    const struct histogram *pauses = &snapshots->pauses;
    *report = snapshots->report;
    report->pauses = pauses->count;
    report->pause_sum_ns = pauses->sum;
    report->pause_p99_9_ns = histogram_quantile(pauses, 0.999);
    report->pause_maximum_ns = pauses->maximum;
}
