/* Masking; see mask.h. */
#include "base/mask.h"
#include <string.h>

enum { CHARACTER_BYTES = 4 /* at most, in UTF-8 */ };

const char mask_text[MASK_SIZE + 1] = "****";

size_t mask_shown(const char *text, size_t size)
{
    size_t shown = 0;
    for (int character = 0; character < MASK_CHARACTERS && shown < size; character++) {
        size_t bytes = 1;
        while (bytes < CHARACTER_BYTES && shown + bytes < size &&
               ((unsigned char)text[size - shown - bytes] & 0xC0) == 0x80)
            bytes++;
        shown += bytes;
    }
    return shown < size ? shown : 0;
}

size_t mask_apply(const char *text, size_t size, char masked[MASKED_MAX])
{
    size_t shown = mask_shown(text, size);
    memcpy(masked, mask_text, MASK_SIZE);
    memcpy(masked + MASK_SIZE, text + size - shown, shown);
    return MASK_SIZE + shown;
}
