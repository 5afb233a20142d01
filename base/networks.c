/* Reading, sorting and searching IP networks; see networks.h. */
#include "base/networks.h"
#include "base/assert.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_TEXT_MAX = 46 };

/* ---- addresses ---- */

static uint64_t read_word(const unsigned char *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word = word << 8 | bytes[i];
    return word;
}

bool address_parse(const char *text, size_t size, struct address *address)
{
    char copy[ADDRESS_TEXT_MAX];
    unsigned char bytes[16];
    if (size == 0 || size >= sizeof copy || memchr(text, '\0', size))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        *address = (struct address){0, read_word(bytes, 4), true};
        return true;
    }
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return false;
    *address = (struct address){read_word(bytes, 8), read_word(bytes + 8, 8), false};
    if (address->high == 0 && address->low >> 32 == 0xFFFF)
        *address = (struct address){0, address->low & 0xFFFFFFFF, true};
    return true;
}

static int address_compare(const struct address *a, const struct address *b)
{
    if (a->is_4 != b->is_4)
        return a->is_4 ? -1 : 1;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return a->low == b->low ? 0 : a->low < b->low ? -1 : 1;
}

/* The `count` lowest of 64 bits. */
static uint64_t low_bits(uint32_t count)
{
    return count >= 64 ? UINT64_MAX : (1ULL << count) - 1;
}

/* The bits that a prefix leaves open. */
static struct address open_bits(const struct address *address, uint32_t prefix)
{
    uint32_t open = (address->is_4 ? 32 : 128) - prefix;
    return (struct address){low_bits(open > 64 ? open - 64 : 0), low_bits(open), address->is_4};
}

/* ---- networks ---- */

static void show_address(const struct address *address, char shown[ADDRESS_TEXT_MAX])
{
    unsigned char bytes[16];
    for (uint32_t i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(address->high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(address->low >> (56 - 8 * i));
    }
    const void *from = address->is_4 ? bytes + 12 : bytes;
    inet_ntop(address->is_4 ? AF_INET : AF_INET6, from, shown, ADDRESS_TEXT_MAX);
}

/* The number behind the slash; UINT32_MAX if it is none up to `most`. */
static uint32_t read_prefix(const char *at, const char *end, uint32_t most)
{
    uint32_t prefix = 0;
    if (at == end || end - at > 3 || (*at == '0' && end - at > 1))
        return UINT32_MAX;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return UINT32_MAX;
        prefix = prefix * 10 + (uint32_t)(*at - '0');
    }
    return prefix <= most ? prefix : UINT32_MAX;
}

static bool refuse(char message[160], const char *text, size_t size, const char *why)
{
    char shown[64];
    size_t kept = size < 48 ? size : 45;
    snprintf(shown, sizeof shown, "%.*s%s", (int)kept, text, kept < size ? "..." : "");
    for (char *at = shown; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > 0x7E)
            *at = '?';
    snprintf(message, 160, "'%s' %s", shown, why);
    return false;
}

static bool refuse_bits(char message[160], const char *text, size_t size,
                        const struct address *first, uint32_t prefix)
{
    char shown[ADDRESS_TEXT_MAX], why[ADDRESS_TEXT_MAX + 48];
    show_address(first, shown);
    snprintf(why, sizeof why, "has bits behind its prefix: write %s/%u", shown, prefix);
    return refuse(message, text, size, why);
}

bool network_parse(const char *text, size_t size, struct network *network, char message[160])
{
    const char *slash = size ? memchr(text, '/', size) : NULL, *end = text + size;
    size_t address_size = slash ? (size_t)(slash - text) : size;
    struct address address;
    if (!address_parse(text, address_size, &address))
        return refuse(message, text, size,
                      "is no network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7");
    uint32_t most = address.is_4 ? 32 : 128, prefix = most;
    /* The prefix of an IPv4 network in the clothes of IPv6 counts the clothes. */
    uint32_t extra = address.is_4 && memchr(text, ':', address_size) ? 96 : 0;
    if (slash) {
        uint32_t written = read_prefix(slash + 1, end, most + extra);
        if (written == UINT32_MAX || written < extra)
            return refuse(message, text, size,
                          address.is_4 && !extra ? "has no prefix from 0 to 32 behind its slash"
                          : extra                ? "has no prefix from 96 to 128 behind its slash"
                                                 : "has no prefix from 0 to 128 behind its slash");
        prefix = written - extra;
    }
    struct address open = open_bits(&address, prefix);
    network->first = network->last = address;
    network->first.high &= ~open.high;
    network->first.low &= ~open.low;
    network->last.high |= open.high;
    network->last.low |= open.low;
    if (address_compare(&network->first, &address) != 0)
        return refuse_bits(message, text, size, &network->first, prefix);
    return true;
}

/* ---- sets ---- */

static int network_compare(const void *left, const void *right)
{
    const struct network *a = left, *b = right;
    int order = address_compare(&a->first, &b->first);
    return order ? order : address_compare(&a->last, &b->last);
}

struct networks *networks_make(const struct network *networks, uint32_t count)
{
    struct networks *set = malloc(sizeof *set + count * sizeof *set->range);
    ASSERT(set);
    set->count = 0;
    if (count)
        memcpy(set->range, networks, count * sizeof *set->range);
    qsort(set->range, count, sizeof *set->range, network_compare);
    for (uint32_t i = 0; i < count; i++) {
        struct network *last = set->count ? &set->range[set->count - 1] : NULL;
        if (!last || address_compare(&set->range[i].first, &last->last) > 0)
            set->range[set->count++] = set->range[i];
        else if (address_compare(&set->range[i].last, &last->last) > 0)
            last->last = set->range[i].last;
    }
    return set;
}

void networks_close(void *networks)
{
    free(networks);
}

bool networks_have(const struct networks *networks, const struct address *address)
{
    uint32_t from = 0, to = networks->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (address_compare(&networks->range[middle].first, address) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from > 0 && address_compare(address, &networks->range[from - 1].last) <= 0;
}
