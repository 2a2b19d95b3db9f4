/* headers.c - RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
 *
 *     RateLimit-Policy: "support";q=30;w=60
 *     RateLimit: "support";r=29;t=2
 *
 * Several limits of one pipeline stand in one list; a stage that runs again replaces its own.
 */
#include "ratelimit.h"

#include <math.h>
#include <patchbay/transport.h>

static pb_str header_of(pb_turn *turn, pb_str name)
{
    size_t count = 0;
    const pb_header *headers = pb_turn_headers(turn, &count);

    for (size_t i = 0; i < count; i++)
        if (pb_str_same(headers[i].name, name))
            return headers[i].value;
    return (pb_str){0};
}

/* "support", and "support-address" where a limit counts in several ways. */
static pb_str item_name(pb_turn *turn, const struct ratelimit *limit, int per)
{
    pb_str name = limit->name.size ? limit->name : pb_turn_info_of(turn)->pipeline;

    return limit->per.count > 1 ? pb_printf("\"%.*s-%s\"", PB_ARG(name), per_names[per])
                                : pb_printf("\"%.*s\"", PB_ARG(name));
}

static bool is_named(pb_str item, const pb_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pb_str_starts(item, names[i]))
            return true;
    return false;
}

/* What other limits said before. */
static void add_others(pb_buf *buf, pb_str before, const pb_str *names, size_t count)
{
    while (before.size) {
        size_t comma = pb_str_find(before, ',');
        pb_str item = pb_str_trim(pb_str_slice(before, 0, comma));
        if (!is_named(item, names, count))
            pb_buf_printf(buf, "%.*s, ", PB_ARG(item));
        before = pb_str_slice(before, comma + 1, before.size);
    }
}

static void set(pb_turn *turn, pb_str name, const pb_buf *buf)
{
    if (pb_buf_status(buf) != PB_OK || pb_turn_set_header(turn, name, pb_buf_str(buf)) != PB_OK)
        pb_error_clear(); /* nobody's turn fails for want of a header */
}

void headers_set(pb_turn *turn, const struct ratelimit *limit, const struct standing *standings,
                 size_t count)
{
    pb_str names[PER_KINDS] = {{0}};
    pb_buf policies = {0}, states = {0};

    for (size_t i = 0; i < count; i++)
        names[i] = item_name(turn, limit, standings[i].per);
    add_others(&policies, header_of(turn, pb_lit("RateLimit-Policy")), names, count);
    add_others(&states, header_of(turn, pb_lit("RateLimit")), names, count);
    for (size_t i = 0; i < count; i++) {
        const struct standing *at = &standings[i];
        double left = at->left > 0 ? floor(at->left + 1e-6) : 0;
        pb_buf_printf(&policies, "%s%.*s;q=%.0f;w=%lld%s", i ? ", " : "", PB_ARG(names[i]),
                      limit->rate.amount, (long long)(limit->rate.window / PB_SECOND),
                      limit->count == COUNT_TOKENS ? ";qu=\"tokens\"" : "");
        pb_buf_printf(&states, "%s%.*s;r=%.0f;t=%lld", i ? ", " : "", PB_ARG(names[i]), left,
                      (long long)((at->reset + PB_SECOND - 1) / PB_SECOND));
    }
    set(turn, pb_lit("RateLimit-Policy"), &policies);
    set(turn, pb_lit("RateLimit"), &states);
}
