/* forwarded.c - the client behind a proxy: Forwarded (RFC 7239) or X-Forwarded-For, from proxies that the
 * configuration names and from nobody else.
 *
 * The list is read from its end: each proxy says whom it heard, and is believed as long as it is one of
 * ours. The first that is not is the client. A header that is malformed ends the walk: who can write into
 * it could otherwise hide what a proxy put behind it.
 */
#include "negotiate.h"

#include <arpa/inet.h>

enum { HOPS = 32 };

struct hop {
    uint8_t address[16];
    bool known;     /* there is an address */
    bool malformed; /* nothing before this can be believed */
    pb_str proto;
};

struct hops {
    struct hop items[HOPS];
    size_t count;
};

/* --- addresses -------------------------------------------------------------------------------- */

bool address_read(pb_str text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char name[INET6_ADDRSTRLEN];

    if (!text.size || text.size >= sizeof name)
        return false;
    memcpy(name, text.data, text.size);
    name[text.size] = 0;
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, name, out + 12) == 1 || inet_pton(AF_INET6, name, out) == 1;
}

static bool is_mapped(const uint8_t address[16])
{
    for (int i = 0; i < 12; i++)
        if (address[i] != (i < 10 ? 0 : 0xff))
            return false;
    return true;
}

static bool is_loopback(const uint8_t address[16])
{
    static const uint8_t one[16] = {[15] = 1};

    return memcmp(address, one, sizeof one) == 0 || (is_mapped(address) && address[12] == 127);
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1". */
static bool read_node(pb_str text, uint8_t out[16])
{
    size_t colon = pb_str_find(text, ':');
    pb_str rest = pb_str_slice(text, colon + 1, text.size);

    if (text.size && text.data[0] == '[') {
        size_t close = pb_str_find(text, ']');
        return close < text.size && address_read(pb_str_slice(text, 1, close - 1), out);
    }
    if (colon < text.size && pb_str_find(rest, ':') == rest.size)
        text = pb_str_slice(text, 0, colon);
    return address_read(text, out);
}

bool range_read(pb_str text, struct range *out)
{
    size_t slash = pb_str_find(text, '/');
    pb_str bits = pb_str_slice(text, slash + 1, text.size);

    *out = (struct range){.bits = 128};
    if (pb_str_is(text, "unix")) {
        out->local = true;
        return true;
    }
    if (!address_read(pb_str_slice(text, 0, slash), out->address))
        return false;
    if (slash == text.size)
        return true;
    bool four = pb_str_find(text, ':') == text.size;
    out->bits = 0;
    for (size_t i = 0; i < bits.size; i++) {
        if (bits.data[i] < '0' || bits.data[i] > '9' || i > 2)
            return false;
        out->bits = out->bits * 10 + (uint32_t)(bits.data[i] - '0');
    }
    out->bits += four ? 96 : 0;
    return bits.size && out->bits <= 128;
}

static bool in_range(const struct range *range, const uint8_t address[16])
{
    uint32_t whole = range->bits / 8, rest = range->bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    return !range->local && memcmp(range->address, address, whole) == 0 &&
           (!rest || ((range->address[whole] ^ address[whole]) & mask) == 0);
}

static bool is_trusted(const struct http *http, const uint8_t address[16])
{
    for (size_t i = 0; i < http->range_count; i++)
        if (in_range(&http->ranges[i], address))
            return true;
    return false;
}

static bool peer_is_trusted(const struct http *http, pb_str remote)
{
    uint8_t address[16];

    if (address_read(remote, address))
        return is_trusted(http, address);
    for (size_t i = 0; i < http->range_count; i++) /* of a Unix socket there is no address */
        if (http->ranges[i].local)
            return true;
    return false;
}

/* --- RFC 7239 --------------------------------------------------------------------------------- */

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_end(pb_str text, size_t at)
{
    while (at < text.size && is_token(text.data[at]))
        at++;
    return at;
}

/* A value at `at`: a token (with ':' and brackets, which many write without quotes), or text in quotes,
 * without its backslashes. Moves behind it. */
static bool read_value(pb_str text, size_t *at, pb_str *out)
{
    size_t from = *at, size = 0;
    bool quoted = from < text.size && text.data[from] == '"';
    char *to;

    if (!quoted) {
        while (*at < text.size && (is_token(text.data[*at]) || (text.data[*at] && strchr(":[]", text.data[*at]))))
            ++*at;
        *out = pb_str_slice(text, from, *at - from);
        return out->size > 0;
    }
    if (!(to = pb_alloc(text.size)))
        return false;
    for (++*at; *at < text.size && text.data[*at] != '"'; ++*at) {
        if (text.data[*at] == '\\' && ++*at == text.size)
            return false;
        to[size++] = text.data[*at];
    }
    *out = pb_str_make(to, size);
    return (*at)++ < text.size;
}

static struct hop *add_hop(struct hops *hops)
{
    if (hops->count == HOPS) { /* the last ones count */
        memmove(hops->items, hops->items + 1, (HOPS - 1) * sizeof *hops->items);
        hops->count--;
    }
    struct hop *hop = &hops->items[hops->count++];
    memset(hop, 0, sizeof *hop);
    return hop;
}

/* name=value */
static bool read_pair(pb_str text, size_t *at, struct hop *hop)
{
    pb_str name = pb_str_slice(text, *at, token_end(text, *at) - *at), value;

    *at += name.size;
    if (!name.size || *at == text.size || text.data[(*at)++] != '=' || !read_value(text, at, &value))
        return false;
    if (pb_str_same(name, pb_lit("for")))
        hop->known = read_node(value, hop->address);
    else if (pb_str_same(name, pb_lit("proto")))
        hop->proto = value;
    return true;
}

static void skip_space(pb_str text, size_t *at)
{
    while (*at < text.size && (text.data[*at] == ' ' || text.data[*at] == '\t'))
        ++*at;
}

/* One line. What is malformed makes all of it, and what came before, worthless. */
static void read_forwarded(pb_str text, struct hops *hops)
{
    struct hop *hop = add_hop(hops);
    size_t at = 0;

    for (;;) {
        skip_space(text, &at);
        bool empty = at == text.size || text.data[at] == ';' || text.data[at] == ',';
        if (!empty && !read_pair(text, &at, hop))
            break;
        skip_space(text, &at);
        if (at == text.size)
            return;
        char next = text.data[at++];
        if (next != ';' && next != ',')
            break;
        if (next == ',')
            hop = add_hop(hops);
    }
    add_hop(hops)->malformed = true;
}

/* --- the other one ---------------------------------------------------------------------------- */

static void read_plain(pb_str text, struct hops *hops)
{
    while (text.size) {
        pb_str item = pb_str_slice(text, 0, pb_str_find(text, ','));
        struct hop *hop = add_hop(hops);
        text = pb_str_slice(text, item.size + 1, text.size);
        hop->known = read_node(pb_str_trim(item), hop->address);
    }
}

/* Of its list the last: what the proxy that speaks to us saw. */
static pb_str last_proto(const pb_request *request)
{
    pb_str list = pb_request_header(request, "x-forwarded-proto");

    while (pb_str_find(list, ',') < list.size)
        list = pb_str_slice(list, pb_str_find(list, ',') + 1, list.size);
    return pb_str_trim(list);
}

/* --- who it is -------------------------------------------------------------------------------- */

static pb_str address_text(const uint8_t address[16])
{
    char *text = pb_alloc(INET6_ADDRSTRLEN);
    bool four = is_mapped(address);

    if (!text || !inet_ntop(four ? AF_INET : AF_INET6, address + (four ? 12 : 0), text,
                            INET6_ADDRSTRLEN))
        return (pb_str){0};
    return pb_str_of(text);
}

static void take_over(pb_request *request, const struct hop *hop)
{
    pb_str text = address_text(hop->address);

    if (!text.size)
        return;
    request->remote = text;
    request->loopback = is_loopback(hop->address);
}

void forwarded_apply(const struct http *http, pb_request *request)
{
    bool standard = http->proxy_header == PROXY_FORWARDED;
    pb_str name = standard ? pb_lit("forwarded") : pb_lit("x-forwarded-for");
    struct hops hops;

    if (!http->range_count || !peer_is_trusted(http, request->remote))
        return;
    hops.count = 0;
    for (uint32_t i = 0; i < request->header_count; i++)
        if (pb_str_same(request->headers[i].name, name))
            (standard ? read_forwarded : read_plain)(request->headers[i].value, &hops);
    pb_str proto = standard ? (pb_str){0} : last_proto(request);
    for (size_t i = hops.count; i > 0; i--) {
        const struct hop *hop = &hops.items[i - 1];
        if (i == hops.count && standard)
            proto = hop->proto;
        if (hop->malformed || !hop->known)
            break;
        take_over(request, hop);
        if (!is_trusted(http, hop->address))
            break;
    }
    if (proto.size)
        request->secure = pb_str_same(proto, pb_lit("https"));
}
