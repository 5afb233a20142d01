/* Any text as a network, and as a pattern: read, or refused with a sentence.  A network that is
 * read holds its own ends. */
#include "base/assert.h"
#include "base/networks.h"
#include "base/pattern.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void try_network(const char *text, size_t size)
{
    struct network network;
    char message[160];
    memset(message, 'x', sizeof message);
    if (network_parse(text, size, &network, message)) {
        struct networks *set = networks_make(&network, 1);
        ASSERT(networks_have(set, &network.first) && networks_have(set, &network.last));
        networks_close(set);
    } else {
        ASSERT(memchr(message, '\0', sizeof message));
    }
}

static void try_pattern(const char *text, size_t size)
{
    struct pattern_error error;
    struct pattern *pattern = pattern_open(text, size, &error);
    ASSERT(pattern || error.column <= size);
    if (pattern)
        pattern_matches(pattern, text, size);
    if (pattern)
        pattern_close(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    try_network((const char *)bytes, size);
    if (size < 256)
        try_pattern((const char *)bytes, size);
    return 0;
}
