/* The snapshot being written, between loop and writer; see snapshot.h.
 *
 *     phase     moved by   means
 *     IDLE      loop       nothing is written
 *     PAGES     loop       the writer takes pages from the image
 *     WAITING   writer     all pages are in the file; the image is not needed any more
 *     ENDED     writer     published, failed or given up: the loop reads which and is IDLE again
 *
 * Both sides talk through atomics and two eventfds and never hold a lock: the writer has a low
 * priority, and a lock that it held while others have the processor would stop the loop. */
#include "engine/snapshot.h"
#include "base/log.h"
#include "engine/snapshot_names.h"
#include "engine/snapshot_writer.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum phase { PHASE_IDLE, PHASE_PAGES, PHASE_WAITING, PHASE_ENDED };
enum verdict { VERDICT_OPEN, VERDICT_COMMITTED, VERDICT_DROPPED };
enum outcome { OUTCOME_PUBLISHED, OUTCOME_FAILED, OUTCOME_DROPPED };

enum { WRITER_NICENESS = 10 };

struct snapshots {
    struct snapshots_setting setting;
    struct image *image;
    atomic_int phase;   /* enum phase */
    atomic_int verdict; /* enum verdict, by the loop */
    atomic_bool quit;
    int wake, news; /* eventfds: for the writer, for the loop */
    pthread_t thread;

    /* The loop's. */
    bool image_begun;
    uint64_t begun_ns;
    struct snapshots_report report;

    /* Handed over with the phase: facts to the writer and back, journal_at with the verdict. */
    struct snapshot_facts facts;
    int64_t journal_at;

    /* The writer's, until ENDED. */
    struct snapshot_writer writer;
    bool file_begun;
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

static void write_pages(struct snapshots *snapshots, uint64_t most)
{
    enum status status = STATUS_OK;
    bool end = false;
    if (!snapshots->file_begun)
        status = snapshot_writer_begin(&snapshots->writer, &snapshots->facts,
                                       image_directory(snapshots->image), &snapshots->failure);
    snapshots->file_begun = true;
    for (uint64_t i = 0; i < most && status == STATUS_OK && !end; i++) {
        if (verdict_of(snapshots) == VERDICT_DROPPED) {
            writer_end(snapshots, OUTCOME_DROPPED);
            return;
        }
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

static void *writer_thread(void *self)
{
    struct snapshots *snapshots = self;
    /* The loop comes first where there are few processors; who may not lower it goes on equally. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICENESS);
    while (!atomic_load(&snapshots->quit)) {
        while (writer_is_due(snapshots))
            writer_advance(snapshots, UINT64_MAX);
        eventfd_t count;
        while (eventfd_read(snapshots->wake, &count) != 0 && errno == EINTR) {
        }
    }
    return NULL;
}

/* ---- the loop's side ---- */

static enum status open_thread(struct snapshots *snapshots, struct failure *failure)
{
    int error = pthread_create(&snapshots->thread, NULL, writer_thread, snapshots);
    if (error == 0)
        return STATUS_OK;
    snapshots->setting.threaded = false;
    return failure_set(failure, STATUS_STOP, "could not start the snapshots' thread: %s",
                       strerror(error));
}

enum status snapshots_open(struct snapshots **made, const struct snapshots_setting *setting,
                           struct failure *failure)
{
    struct snapshots *snapshots = calloc(1, sizeof *snapshots);
    ASSERT(snapshots && setting->keep >= 2 && setting->keep <= SNAPSHOT_KEPT_MAX);
    *made = snapshots;
    snapshots->setting = *setting;
    snapshot_writer_init(&snapshots->writer, &setting->disk);
    snapshots->wake = eventfd(0, EFD_CLOEXEC);
    snapshots->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum status status = STATUS_OK;
    if (snapshots->wake < 0 || snapshots->news < 0)
        status = failure_set(failure, STATUS_STOP, "could not open descriptors for snapshots: %s",
                             strerror(errno));
    if (status == STATUS_OK)
        status = image_open(&snapshots->image, setting->aside_size, failure);
    if (status == STATUS_OK && setting->threaded)
        status = open_thread(snapshots, failure);
    if (status == STATUS_OK)
        return STATUS_OK;
    snapshots->setting.threaded = false;
    snapshots_close(snapshots);
    *made = NULL;
    return status;
}

/* The image goes as soon as the writer has left it: from then on writes cost nothing more. */
static void leave_image(struct snapshots *snapshots)
{
    if (!snapshots->image_begun || phase_of(snapshots) == PHASE_PAGES)
        return;
    image_end(snapshots->image);
    snapshots->image_begun = false;
}

static void tell_writer(struct snapshots *snapshots, enum verdict verdict)
{
    atomic_store(&snapshots->verdict, verdict);
    ring(snapshots->wake);
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
    if (snapshots->setting.threaded) {
        atomic_store(&snapshots->quit, true);
        ring(snapshots->wake);
        pthread_join(snapshots->thread, NULL);
    }
    snapshot_writer_free(&snapshots->writer);
    snapshot_facts_close(&snapshots->facts);
    if (snapshots->image)
        image_close(snapshots->image);
    if (snapshots->wake >= 0)
        close(snapshots->wake);
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
    image_begin(snapshots->image, state);
    snapshots->image_begun = true;
    snapshots->begun_ns = clock_monotonic_ns(snapshots->setting.clock);
    snapshot_facts_close(&snapshots->facts);
    facts_copy(&snapshots->facts, facts);
    snapshots->facts.written_ms = clock_wall_ms(snapshots->setting.clock);
    snapshots->file_begun = false;
    snapshots->prune.status = STATUS_OK;
    atomic_store(&snapshots->verdict, VERDICT_OPEN);
    atomic_store(&snapshots->phase, PHASE_PAGES);
    ring(snapshots->wake);
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

bool snapshots_has_room(const struct snapshots *snapshots, uint64_t pages)
{
    return !snapshots->image_begun || phase_of(snapshots) != PHASE_PAGES ||
           image_failed(snapshots->image) || image_has_room(snapshots->image, pages);
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
    *report = snapshots->report;
}
