/* Where a path of a JSON text stands: jansson keeps no positions, so the text is scanned again. */
#ifndef ENGINE_LOCATE_H
#define ENGINE_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From 1; columns count characters, not bytes. */
struct place {
    uint32_t line, column;
};

/* The place of a byte. */
struct place locate_offset(const char *text, size_t size, size_t offset);

/* The place of the value at `path` ("models.fraud.features[2]"), or of its member's name if
 * key_itself.  `inside` > 0: of that byte of a text value, as it is without its escapes.  What is
 * not there is placed at the nearest object or list around it.  The text must be JSON that has been
 * accepted; where a name stands twice the last one is meant, as when it was read. */
struct place locate_path(const char *text, size_t size, const char *path, bool key_itself,
                         uint32_t inside);

#endif
