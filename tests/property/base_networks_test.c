/* Networks and sets of words against a search through all of them; addresses against the C
 * library's way back. */
#include "base/key_set.h"
#include "base/networks.h"
#include "base/random.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 20181121, ROUNDS = 400, NETWORKS_MAX = 60, ASKED = 300 };

static struct random chance;

/* The bits of an IPv6 address, IPv4 ones as ::ffff:..., so that the definition knows one family. */
struct bits {
    unsigned char byte[16];
};

struct prefix {
    struct bits bits;
    uint32_t size;
    bool is_4;
};

/* Few values a byte, so that networks overlap and addresses hit. */
static struct bits any_bits(bool is_4)
{
    struct bits bits = {{0}};
    if (is_4)
        bits.byte[10] = bits.byte[11] = 0xFF;
    else
        bits.byte[0] = 0x20;
    for (int i = is_4 ? 12 : 1; i < 16; i++)
        bits.byte[i] = (unsigned char)(random_below(&chance, 3) ? random_below(&chance, 2) * 255
                                                                : random_below(&chance, 4));
    return bits;
}

static bool bit_of(const struct bits *bits, uint32_t i)
{
    return bits->byte[i / 8] >> (7 - i % 8) & 1;
}

static struct prefix any_prefix(void)
{
    struct prefix prefix = {.is_4 = random_below(&chance, 2)};
    prefix.bits = any_bits(prefix.is_4);
    prefix.size = prefix.is_4 ? 96 + (uint32_t)random_below(&chance, 33)
                              : 1 + (uint32_t)random_below(&chance, 128);
    for (uint32_t i = prefix.size; i < 128; i++)
        prefix.bits.byte[i / 8] &= (unsigned char)~(1U << (7 - i % 8));
    return prefix;
}

static bool holds(const struct prefix *prefix, const struct bits *bits, bool is_4)
{
    bool same = prefix->is_4 == is_4;
    for (uint32_t i = 0; i < prefix->size; i++)
        same &= bit_of(&prefix->bits, i) == bit_of(bits, i);
    return same;
}

/* An IPv4 address in its own clothes or, now and then, in those of IPv6. */
static void write_address(const struct bits *bits, bool as_4, char text[64])
{
    assert_non_null(inet_ntop(as_4 ? AF_INET : AF_INET6, bits->byte + (as_4 ? 12 : 0), text, 64));
}

static struct network network_of(const struct prefix *prefix)
{
    char text[64], message[160];
    struct network network;
    bool as_4 = prefix->is_4 && random_below(&chance, 4);
    write_address(&prefix->bits, as_4, text);
    uint32_t size = as_4 ? prefix->size - 96 : prefix->size;
    if (size < (as_4 ? 32 : 128) || random_below(&chance, 2))
        snprintf(text + strlen(text), sizeof text - strlen(text), "/%u", size);
    if (!network_parse(text, strlen(text), &network, message))
        fail_msg("seed %d: %s", SEED, message);
    return network;
}

static void networks_are_found(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED);
    uint32_t hits = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct prefix prefix[NETWORKS_MAX];
        struct network network[NETWORKS_MAX];
        uint32_t count = (uint32_t)random_below(&chance, NETWORKS_MAX + 1);
        for (uint32_t i = 0; i < count; i++) {
            prefix[i] = any_prefix();
            network[i] = network_of(&prefix[i]);
        }
        struct networks *set = networks_make(network, count);
        for (int asked = 0; asked < ASKED; asked++) {
            bool is_4 = random_below(&chance, 2), wanted = false;
            struct bits bits = any_bits(is_4);
            struct address address;
            char text[64];
            for (uint32_t i = 0; i < count; i++)
                wanted |= holds(&prefix[i], &bits, is_4);
            write_address(&bits, is_4 && random_below(&chance, 2), text);
            assert_true(address_parse(text, strlen(text), &address));
            if (networks_have(set, &address) != wanted)
                fail_msg("seed %d: %s is %sin %u networks", SEED, text, wanted ? "" : "not ",
                         count);
            hits += wanted;
        }
        for (uint32_t i = 1; i < set->count; i++) /* sorted and apart */
            assert_true(memcmp(&set->range[i - 1], &set->range[i], sizeof *set->range) != 0);
        networks_close(set);
    }
    assert_in_range(hits, ROUNDS * ASKED / 20, ROUNDS * ASKED * 19 / 20);
}

static void networks_are_refused(void **unused)
{
    (void)unused;
    static const char *const bad[][2] = {
        {"", "'' is no network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"},
        {"10.0.0/8", "'10.0.0/8' is no network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"},
        {"10.0.0.0/33", "'10.0.0.0/33' has no prefix from 0 to 32 behind its slash"},
        {"10.0.0.0/", "'10.0.0.0/' has no prefix from 0 to 32 behind its slash"},
        {"10.0.0.0/08", "'10.0.0.0/08' has no prefix from 0 to 32 behind its slash"},
        {"10.0.0.0/8 ", "'10.0.0.0/8 ' has no prefix from 0 to 32 behind its slash"},
        {"10.1.0.0/8", "'10.1.0.0/8' has bits behind its prefix: write 10.0.0.0/8"},
        {"2001:db8::1/32", "'2001:db8::1/32' has bits behind its prefix: write 2001:db8::/32"},
        {"2001:db8::/129", "'2001:db8::/129' has no prefix from 0 to 128 behind its slash"},
        {"::ffff:10.0.0.0/95", "'::ffff:10.0.0.0/95' has no prefix from 96 to 128 behind its "
                               "slash"},
        {"01.2.3.4", "'01.2.3.4' is no network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"},
        {"fe80::1%eth0",
         "'fe80::1%eth0' is no network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct network network;
        char message[160];
        assert_false(network_parse(bad[i][0], strlen(bad[i][0]), &network, message));
        assert_string_equal(message, bad[i][1]);
    }
}

static void words_are_found(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED + 1);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t word[100];
        uint32_t count = (uint32_t)random_below(&chance, 101);
        for (uint32_t i = 0; i < count; i++)
            word[i] = random_below(&chance, 2) ? random_below(&chance, 50)
                                               : random_below(&chance, 50) << 56;
        struct key_set *set = key_set_make(word, count);
        for (int asked = 0; asked < ASKED; asked++) {
            uint64_t key = random_below(&chance, 60) << (random_below(&chance, 2) ? 56 : 0);
            bool wanted = false;
            for (uint32_t i = 0; i < count; i++)
                wanted |= word[i] == key;
            assert_int_equal(key_set_has(set, key), wanted);
        }
        key_set_close(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_found),
        cmocka_unit_test(networks_are_refused),
        cmocka_unit_test(words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
