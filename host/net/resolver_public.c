/* resolver_public.c - which addresses belong to the public internet: the guard for URLs that a user
 * or a model can choose. From the IANA special-purpose registries; what is not known is refused. */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <stdio.h>

struct range4 {
    uint32_t network;
    unsigned bits;
};

static const struct range4 not_public4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier-grade NAT */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local: also where clouds serve credentials */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof not_public4 / sizeof not_public4[0]; i++)
        if ((address ^ not_public4[i].network) >> (32 - not_public4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool public6(const uint8_t *bytes)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    uint32_t first = word(bytes);

    if (memcmp(bytes, mapped, sizeof mapped) == 0 || memcmp(bytes, nat64, sizeof nat64) == 0)
        return public4(word(bytes + 12));
    if (first >> 29 != 1) /* 2000::/3 is what has been given out */
        return false;
    if (first >> 9 == 0x20010000u >> 9 || first == 0x20010db8) /* Teredo and others; documentation */
        return false;
    if (first >> 16 == 0x2002) /* 6to4 */
        return public4(word(bytes + 2));
    return first >> 12 != 0x3fff0; /* documentation */
}

bool resolver_is_public(const struct sockaddr *address)
{
    union resolver_address copy;

    if (address->sa_family == AF_INET) {
        memcpy(&copy.v4, address, sizeof copy.v4);
        return public4(ntohl(copy.v4.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&copy.v6, address, sizeof copy.v6);
    return public6(copy.v6.sin6_addr.s6_addr);
}

void resolver_text(const struct sockaddr *address, char *out)
{
    char text[INET6_ADDRSTRLEN] = "?";
    union resolver_address copy;

    if (address->sa_family == AF_INET) {
        memcpy(&copy.v4, address, sizeof copy.v4);
        inet_ntop(AF_INET, &copy.v4.sin_addr, text, sizeof text);
        snprintf(out, RESOLVER_TEXT, "%s:%u", text, ntohs(copy.v4.sin_port));
    } else if (address->sa_family == AF_INET6) {
        memcpy(&copy.v6, address, sizeof copy.v6);
        inet_ntop(AF_INET6, &copy.v6.sin6_addr, text, sizeof text);
        snprintf(out, RESOLVER_TEXT, "[%s]:%u", text, ntohs(copy.v6.sin6_port));
    } else {
        snprintf(out, RESOLVER_TEXT, "an address of family %d", address->sa_family);
    }
}
