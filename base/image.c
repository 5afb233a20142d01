/* Copying pages aside before their first change; see image.h for who does what when.
 *
 * A page's status is one byte.  What makes the copies whole, also on processors that reorder:
 *
 *     loop      CAS WAITING->ASIDE;  release fence;  its writes to the page
 *     writer    its reads of the page;  acquire fence;  CAS WAITING->OUT
 *
 * If the writer has read any byte of those writes, the fences order the loop's CAS before its own
 * (Boehm, "Can seqlocks get along with programming language memory models?", 2012), so its CAS
 * fails and it takes the copy instead.
 *
 * Slots go round: the loop takes them from the ring of those given back, else fresh ones from the
 * arena; the writer puts a slot into the ring when it has copied it out.  A slot is in the ring
 * once at most and the ring holds all, so it never overflows and one counter a side is enough. */
#include "base/image.h"
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64 };

/* Slots whose memory the writer finds ahead of the loop, and after how many pages it looks again.
 */
enum { SLOTS_AHEAD = 4096, LOOK_EVERY = 16 };

/* Zero is what a fresh mapping holds: a page outside of the walk needs nothing. */
enum page_status { PAGE_OUT, PAGE_ASIDE, PAGE_WAITING };

struct image {
    /* Set by the loop while no writer runs. */
    struct state *state;
    struct state_watcher watcher;
    _Atomic uint8_t *status; /* [page_capacity] enum page_status */
    uint32_t *slot;          /* [page_capacity] of a page that is ASIDE */
    uint64_t page_capacity;
    uint8_t *arena;         /* [slot_count][STATE_PAGE] */
    _Atomic uint32_t *ring; /* [ring_mask + 1] slots given back */
    uint32_t slot_count, ring_mask;
    bool often;
    const struct clock *clock; /* NULL: the loop is not timed */
    struct state_directory directory;

    /* Written once or twice an image, so they stay in both caches. */
    alignas(CACHE_LINE) _Atomic bool failed; /* by the loop */
    _Atomic bool walked;                     /* by the writer */

    /* The loop's: slots ever taken from the arena, and taken out of the ring. */
    alignas(CACHE_LINE) _Atomic uint32_t fresh;
    uint64_t taken, held_ns;

    /* The writer's: where its walk stands, slots put into the ring, slots that have memory. */
    alignas(CACHE_LINE) _Atomic uint64_t given;
    uint32_t provided;
    uint32_t walk_region;
    uint64_t walk_page; /* within the region */
};

/* The thread sanitizer knows no fences and gcc refuses them under it; it runs on x86, where each
 * CAS is one. */
static inline void fence(memory_order order)
{
#ifdef __SANITIZE_THREAD__
    (void)order;
#else
    atomic_thread_fence(order);
#endif
}

/* ---- memory ---- */

static void *reserve(uint64_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static void release(void *bytes, uint64_t size)
{
    if (bytes)
        munmap(bytes, size);
}

static uint64_t arena_size(const struct image *image)
{
    return (uint64_t)image->slot_count * STATE_PAGE;
}

static uint64_t ring_size(const struct image *image)
{
    return ((uint64_t)image->ring_mask + 1) * sizeof *image->ring;
}

static void release_arena(struct image *image)
{
    if (image->arena)
        madvise(image->arena, arena_size(image), MADV_DONTNEED);
    image->provided = 0;
}

static struct image *image_new(const struct image_setting *setting)
{
    uint64_t slots = setting->aside_size / STATE_PAGE;
    ASSERT(slots < UINT32_MAX);
    struct image *image = aligned_alloc(CACHE_LINE, sizeof *image);
    if (!image)
        return NULL;
    memset(image, 0, sizeof *image);
    image->slot_count = (uint32_t)slots;
    image->often = setting->often;
    image->clock = setting->clock;
    while (image->ring_mask < image->slot_count)
        image->ring_mask = image->ring_mask * 2 + 1;
    image->ring = reserve(ring_size(image));
    /* In small pages: one of 2 MiB would be found and zeroed in the middle of a step. */
    image->arena = slots ? reserve(arena_size(image)) : NULL;
    return image;
}

enum status image_open(struct image **result, const struct image_setting *setting,
                       struct failure *failure)
{
    struct image *image = image_new(setting);
    *result = image;
    if (image && image->ring && (image->arena || image->slot_count == 0))
        return STATUS_OK;
    image_close(image);
    *result = NULL;
    return failure_set(failure, STATUS_STOP,
                       "could not map %llu MiB for a snapshot's copies: %s; lower `memory`",
                       (unsigned long long)(setting->aside_size >> 20), strerror(errno));
}

static void release_pages(struct image *image)
{
    release(image->status, image->page_capacity * sizeof *image->status);
    release(image->slot, image->page_capacity * sizeof *image->slot);
    image->status = NULL;
    image->slot = NULL;
    image->page_capacity = 0;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    ASSERT(!image->state);
    release_pages(image);
    release(image->ring, ring_size(image));
    release(image->arena, arena_size(image));
    free(image);
}

static bool reserve_pages(struct image *image, uint64_t count)
{
    if (count <= image->page_capacity)
        return true;
    release_pages(image);
    image->page_capacity = count;
    image->status = reserve(count * sizeof *image->status);
    image->slot = reserve(count * sizeof *image->slot);
    if (image->status && image->slot)
        return true;
    release_pages(image);
    return false;
}

/* ---- the loop's side ---- */

/* Only the loop writes it, so that its own reading is always the last word. */
static uint32_t slots_fresh(const struct image *image)
{
    return atomic_load_explicit(&image->fresh, memory_order_relaxed);
}

/* A free slot, which stays free until its page is ASIDE. */
static bool slot_peek(const struct image *image, bool *reused, uint32_t *slot)
{
    /* Those given back first: their memory is there. */
    *reused = atomic_load_explicit(&image->given, memory_order_acquire) != image->taken;
    *slot = *reused ? atomic_load_explicit(&image->ring[image->taken & image->ring_mask],
                                           memory_order_relaxed)
                    : slots_fresh(image);
    return *slot < image->slot_count;
}

static void keep_aside(struct image *image, uint64_t page)
{
    bool reused;
    uint32_t slot;
    if (!slot_peek(image, &reused, &slot)) {
        image_give_up(image);
        return;
    }
    memcpy(image->arena + (uint64_t)slot * STATE_PAGE, image->state->bytes + page * STATE_PAGE,
           STATE_PAGE);
    image->slot[page] = slot;
    uint8_t waiting = PAGE_WAITING;
    if (atomic_compare_exchange_strong_explicit(&image->status[page], &waiting, PAGE_ASIDE,
                                                memory_order_acq_rel, memory_order_acquire)) {
        image->taken += reused;
        atomic_store_explicit(&image->fresh, slots_fresh(image) + !reused, memory_order_relaxed);
    }
    fence(memory_order_release);
}

static bool is_waiting(const struct image *image, uint64_t page)
{
    return __builtin_expect(
        atomic_load_explicit(&image->status[page], memory_order_acquire) == PAGE_WAITING, 0);
}

/* In its own function, so that what is called for every write stays short. */
static __attribute__((noinline)) void keep_all_aside(struct image *image, uint64_t page,
                                                     uint64_t last)
{
    uint64_t start_ns = image->clock ? clock_monotonic_ns(image->clock) : 0;
    for (; page <= last; page++)
        if (is_waiting(image, page))
            keep_aside(image, page);
    if (image->clock)
        image->held_ns += clock_monotonic_ns(image->clock) - start_ns;
}

static void before_write(void *self, uint64_t offset, uint64_t size)
{
    struct image *image = self;
    uint64_t last = (offset + size - 1) / STATE_PAGE;
    for (uint64_t page = offset / STATE_PAGE; page <= last; page++)
        if (is_waiting(image, page)) {
            keep_all_aside(image, page, last);
            return;
        }
}

uint64_t image_held_ns(struct image *image)
{
    uint64_t held_ns = image->held_ns;
    image->held_ns = 0;
    return held_ns;
}

static void mark(struct image *image, enum page_status status)
{
    for (uint32_t i = 0; i < image->directory.region_count; i++) {
        const struct state_region *region = &image->directory.region[i];
        memset((void *)&image->status[region->offset / STATE_PAGE], (int)status,
               state_region_pages(region));
    }
}

void image_begin(struct image *image, struct state *state)
{
    ASSERT(!image->state && !state->watcher);
    image->state = state;
    image->directory = *state->directory;
    image->fresh = 0;
    image->taken = 0;
    image->given = 0;
    image->walk_region = 0;
    image->walk_page = 0;
    image->walked = false;
    image->failed = !reserve_pages(image, state->size / STATE_PAGE);
    if (image->failed)
        return;
    mark(image, PAGE_WAITING);
    image->watcher = (struct state_watcher){.before_write = before_write, .self = image};
    state->watcher = &image->watcher;
}

bool image_has_room(const struct image *image, uint64_t pages)
{
    if (!image->state || !image->state->watcher ||
        atomic_load_explicit(&image->walked, memory_order_relaxed))
        return true;
    uint64_t given = atomic_load_explicit(&image->given, memory_order_relaxed);
    return image->slot_count - slots_fresh(image) + (given - image->taken) >= pages;
}

void image_give_up(struct image *image)
{
    atomic_store_explicit(&image->failed, true, memory_order_release);
    if (image->state)
        image->state->watcher = NULL;
    /* The writes that come now are seen only by those who see that it failed. */
    fence(memory_order_release);
}

void image_end(struct image *image)
{
    ASSERT(image->state);
    image->state->watcher = NULL;
    if (image->status)
        mark(image, PAGE_OUT);
    if (!image->walked && !image->often)
        release_arena(image);
    image->state = NULL;
}

/* ---- the writer's side ---- */

bool image_failed(const struct image *image)
{
    return atomic_load_explicit(&image->failed, memory_order_acquire);
}

const struct state_directory *image_directory(const struct image *image)
{
    return &image->directory;
}

uint64_t image_page_count(const struct image *image)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < image->directory.region_count; i++)
        count += state_region_pages(&image->directory.region[i]);
    return count;
}

/* The processor's own looking ahead ends with each page: the next one is on its way while this one
 * is hashed.  Without a copy aside yet it is the state's. */
static void prefetch_page(const struct image *image, uint64_t page)
{
    const uint8_t *bytes = image->state->bytes + page * STATE_PAGE;
    if (atomic_load_explicit(&image->status[page], memory_order_acquire) == PAGE_ASIDE)
        bytes = image->arena + (uint64_t)image->slot[page] * STATE_PAGE;
    for (size_t at = 0; at < STATE_PAGE; at += CACHE_LINE)
        __builtin_prefetch(bytes + at);
}

static bool walk(struct image *image, uint64_t *page)
{
    while (image->walk_region < image->directory.region_count) {
        const struct state_region *region = &image->directory.region[image->walk_region];
        if (image->walk_page < state_region_pages(region)) {
            *page = region->offset / STATE_PAGE + image->walk_page++;
            return true;
        }
        image->walk_region++;
        image->walk_page = 0;
    }
    return false;
}

/* The loop may write to the page meanwhile; then what was read here is thrown away, see the top.
 * That is a data race by the letter, hence volatile words, and nothing for a sanitizer to find. */
static __attribute__((noinline, no_sanitize("thread"))) void copy_racing(uint8_t bytes[STATE_PAGE],
                                                                         const uint8_t *page)
{
    typedef uint64_t words __attribute__((vector_size(32), may_alias));
    const volatile words *from = (const volatile words *)page;
    for (size_t i = 0; i < STATE_PAGE / sizeof *from; i++) {
        words some = from[i];
        memcpy(bytes + i * sizeof some, &some, sizeof some);
    }
}

static bool copy_out(struct image *image, uint64_t page, uint8_t bytes[STATE_PAGE])
{
    uint8_t status = atomic_load_explicit(&image->status[page], memory_order_acquire);
    if (status != PAGE_WAITING)
        return false;
    copy_racing(bytes, image->state->bytes + page * STATE_PAGE);
    fence(memory_order_acquire);
    return atomic_compare_exchange_strong_explicit(&image->status[page], &status, PAGE_OUT,
                                                   memory_order_acq_rel, memory_order_acquire);
}

static void take_aside(struct image *image, uint64_t page, uint8_t bytes[STATE_PAGE])
{
    uint32_t slot = image->slot[page];
    memcpy(bytes, image->arena + (uint64_t)slot * STATE_PAGE, STATE_PAGE);
    uint64_t given = atomic_load_explicit(&image->given, memory_order_relaxed);
    atomic_store_explicit(&image->ring[given & image->ring_mask], slot, memory_order_relaxed);
    atomic_store_explicit(&image->given, given + 1, memory_order_release);
}

/* The loop shall not find and zero memory in the middle of a step: that takes longer than the copy.
 * It may be writing to a slot meanwhile: a zero in place of a zero changes no byte.  Not
 * by madvise, which holds up those who map memory for as long as a writer of low priority waits for
 * a processor. */
static __attribute__((noinline, no_sanitize("thread"))) void provide_slots(struct image *image)
{
    uint32_t fresh = slots_fresh(image);
    if (image->provided < fresh)
        image->provided = fresh;
    uint64_t end = (uint64_t)fresh + SLOTS_AHEAD;
    if (end > image->slot_count)
        end = image->slot_count;
    for (; image->provided < end; image->provided++) {
        uint8_t zero = 0, *slot = image->arena + (uint64_t)image->provided * STATE_PAGE;
        __atomic_compare_exchange_n(slot, &zero, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
}

/* The loop may be writing a copy that nobody will take; it does not mind losing it. */
static void end_walk(struct image *image)
{
    if (image->walked)
        return;
    if (!image->often)
        release_arena(image);
    atomic_store_explicit(&image->walked, true, memory_order_relaxed);
}

bool image_next(struct image *image, uint64_t *page, uint8_t bytes[STATE_PAGE])
{
    while (!image_failed(image)) {
        if (image->walk_page % LOOK_EVERY == 0)
            provide_slots(image);
        if (!walk(image, page)) {
            end_walk(image);
            return false;
        }
        if (!copy_out(image, *page, bytes))
            take_aside(image, *page, bytes);
        if (*page + 1 < image->state->size / STATE_PAGE)
            prefetch_page(image, *page + 1);
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, STATE_PAGE - 1) != 0)
            return true;
    }
    end_walk(image);
    return false;
}
