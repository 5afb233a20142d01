/* Sets of IP networks: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7".  Networks are ranges of
 * addresses, sorted, overlapping ones joined, and looked up by halving: O(log n).
 *
 * An IPv4 address written as an IPv6 one (::ffff:10.0.0.1) is the IPv4 one.  The two families are
 * apart: ::/0 holds no IPv4 address. */
#ifndef BASE_NETWORKS_H
#define BASE_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
    uint64_t high, low;
    bool is_4; /* an IPv4 one, in the low 32 bits */
};

/* False if it is none: no zone, no port, no blanks, no leading zeros in IPv4. */
bool address_parse(const char *text, size_t size, struct address *address);

/* All addresses from `first` to `last`, both included. */
struct network {
    struct address first, last;
};

/* False with a sentence if it is none: "'10.0.0.1/8' has bits behind its prefix: ...". */
bool network_parse(const char *text, size_t size, struct network *network, char message[160]);

struct networks {
    uint32_t count;
    struct network range[]; /* (count), sorted, apart from each other */
};

struct networks *networks_make(const struct network *networks, uint32_t count);
void networks_close(void *networks);

bool networks_have(const struct networks *networks, const struct address *address);

#endif
