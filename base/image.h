/* The state as it was at one moment, while the fold goes on: what a snapshot is written from.
 *
 * Before the loop changes a page for the first time since the moment, it copies the page aside
 * (state_watcher); the writer, on its own thread, takes page after page, from the copy where there
 * is one and from the state itself otherwise.  Nobody ever waits:
 *
 *     page     loop, before its first write          writer
 *     WAITING  copy aside, then CAS WAITING->ASIDE    copy out, then CAS WAITING->OUT
 *     ASIDE    nothing                                (its copy was discarded) take the one aside
 *     OUT      nothing                                done
 *
 * If the writer's CAS succeeds, no write of the loop began before it, so what it copied is whole;
 * if it fails, the loop's copy is whole.  Copies lie in slots of one arena that is given back and
 * used again as the writer takes them; when it runs full the image is given up (image_failed), and
 * image_has_room tells the loop beforehand, so that it slows its intake instead. */
#ifndef BASE_IMAGE_H
#define BASE_IMAGE_H

#include "base/clock.h"
#include "base/state.h"

struct image;

struct image_setting {
    uint64_t aside_size; /* bytes of address space for copies; memory comes as it is used */
    bool often;          /* images follow one another so soon that this memory stays between them;
                            otherwise it goes back when the walk ends */
    const struct clock *clock; /* for image_held_ns; NULL: it is not measured */
};

enum status image_open(struct image **result, const struct image_setting *setting,
                       struct failure *failure);
void image_close(struct image *image);

/* Loop: this is the moment.  Sets the state's watcher; the state must stay open until image_end. */
void image_begin(struct image *image, struct state *state);

/* Loop: whether so many more first changes of pages surely find room; true when none is needed (no
 * image, a walk that has ended, a failure). */
bool image_has_room(const struct image *image, uint64_t pages);

/* Loop: how long copying aside has taken it since this was last asked. */
uint64_t image_held_ns(struct image *image);

/* Loop: it is not wanted any more.  It counts as failed, so image_next ends soon. */
void image_give_up(struct image *image);

/* Either: some page could not be kept; what is written is worthless. */
bool image_failed(const struct image *image);

/* Writer: the directory as it was (good until image_end), and how many pages the walk below has at
 * most. */
const struct state_directory *image_directory(const struct image *image);
uint64_t image_page_count(const struct image *image);

/* Writer: the next page that is not all zeros, in rising order, with its number in the state's
 * mapping; the directory's own pages are not among them.  False: that was all (or it failed). */
bool image_next(struct image *image, uint64_t *page, uint8_t bytes[STATE_PAGE]);

/* Loop, when the writer has ended or was stopped: the watcher goes.  The writer has given memory
 * back at the end of its walk, which takes milliseconds; only if it was stopped, that is done here.
 */
void image_end(struct image *image);

#endif
