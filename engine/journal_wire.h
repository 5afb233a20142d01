/* How numbers are written in the journal; of engine/journal*.c alone.  Variable-length ones are
 * seven bits a byte, least significant first, the top bit says that more follow (LEB128); fixed
 * ones are little-endian.  Signed ones are folded so that small ones of either sign are short. */
#ifndef ENGINE_JOURNAL_WIRE_H
#define ENGINE_JOURNAL_WIRE_H

#include "base/buffer.h"
#include <string.h>

enum {
    WIRE_NUMBER_MAX = 10, /* bytes */
    WIRE_KIND_BITS = 3,   /* of a tag; the lane of a run stands above them */
    WIRE_KIND_MASK = 7,
    WIRE_GAPPED = 7, /* a run as any other, but it does not begin where its lane stands, or passes
                        over offsets; all other kinds are enum journal_item_kind */
};

static const uint8_t wire_magic[4] = {'w', 'e', 'i', 'r'};

static inline void wire_put(struct buffer *buffer, uint64_t value)
{
    if (buffer->capacity - buffer->size < WIRE_NUMBER_MAX) {
        buffer->overflow = true;
        return;
    }
    char *at = buffer->bytes + buffer->size;
    for (; value >= 0x80; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    buffer->size = (size_t)(at - buffer->bytes);
}

static inline void wire_put_fixed(struct buffer *buffer, uint64_t value, int size)
{
    uint8_t bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buffer_bytes(buffer, bytes, (size_t)size);
}

/* The number at *at, which goes on behind it; false if it is cut or has more than 64 bits. */
static inline bool wire_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t result = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        uint64_t byte = *(*at)++;
        if (shift == 63 && byte > 1)
            return false;
        result |= (byte & 0x7f) << shift;
        *value = result;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static inline uint64_t wire_fixed(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline bool wire_get_fixed(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    if (end - *at < 8)
        return false;
    *value = wire_fixed(*at, 8);
    *at += 8;
    return true;
}

static inline uint64_t wire_fold(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t wire_unfold(uint64_t folded)
{
    return (int64_t)((folded >> 1) ^ (folded & 1 ? UINT64_MAX : 0));
}

/* What the next entry calls this one by; never 0, which says that there was none. */
uint64_t wire_chain(const void *bytes, size_t size);

#endif
