/* negotiate.c - what a client takes: Accept and Accept-Encoding (RFC 9110, 12.5).
 *
 * Qualities are thousandths. What a client does not say it takes; what it says twice counts as it fits
 * best.
 */
#include "negotiate.h"

/* The next item of a list, without the space around it. False: there is none. */
static bool next_item(pb_str *list, char between, pb_str *out)
{
    if (!list->size)
        return false;
    size_t end = pb_str_find(*list, between);
    *out = pb_str_trim(pb_str_slice(*list, 0, end));
    *list = pb_str_slice(*list, end + 1, list->size);
    return true;
}

/* "0.25" as 250; what is no quality is none: 1000. */
static int read_quality(pb_str text)
{
    int quality = 0, unit = 100;

    if (!text.size || (text.data[0] != '0' && text.data[0] != '1'))
        return 1000;
    if (text.data[0] == '1')
        return 1000;
    for (size_t i = 2; i < text.size && i < 5; i++, unit /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 1000;
        quality += (text.data[i] - '0') * unit;
    }
    return quality;
}

/* Takes an item of a header apart: its name, and the quality among its parameters. */
static int quality_of(pb_str item, pb_str *name)
{
    int quality = 1000;
    pb_str part;

    *name = (pb_str){0};
    if (!next_item(&item, ';', name))
        return 0;
    while (next_item(&item, ';', &part))
        if (part.size > 2 && (part.data[0] | 0x20) == 'q' && part.data[1] == '=')
            quality = read_quality(pb_str_slice(part, 2, part.size));
    return quality;
}

/* --- Accept ----------------------------------------------------------------------------------- */

/* How closely a range fits a type: 3 the type itself, 2 "text/" and a star, 1 any, 0 not. */
static int closeness(pb_str range, pb_str type)
{
    size_t slash = pb_str_find(type, '/') + 1;

    if (pb_str_same(range, type))
        return 3;
    if (pb_str_is(range, "*/*") || pb_str_is(range, "*"))
        return 1;
    return range.size == slash + 1 && range.data[slash] == '*' &&
                   pb_str_same(pb_str_slice(range, 0, slash), pb_str_slice(type, 0, slash))
               ? 2
               : 0;
}

static bool takes_one(pb_str accept, pb_str type)
{
    int closest = 0, quality = 0;
    pb_str item, range;

    while (next_item(&accept, ',', &item)) {
        int of_item = quality_of(item, &range), fits = closeness(range, type);
        if (fits > closest || (fits && fits == closest && of_item > quality)) {
            closest = fits;
            quality = of_item;
        }
    }
    return quality > 0;
}

bool client_takes(const struct exchange *exchange, pb_str types)
{
    pb_str accept = pb_request_header(exchange->request, "accept"), type;

    if (!accept.size || pb_str_is(accept, "*/*"))
        return true;
    while (next_item(&types, ',', &type)) {
        type = pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';')));
        if (pb_str_is(type, "*/*") || takes_one(accept, type))
            return true;
    }
    return false;
}

pb_status not_acceptable(pb_str types)
{
    return pb_fail(PB_NOT_ACCEPTABLE, "the answer is %.*s, which Accept leaves out", PB_ARG(types));
}

/* --- Accept-Encoding -------------------------------------------------------------------------- */

struct codings {
    int of[CODING_COUNT]; /* -1: nothing is said of it */
    int rest;             /* of "*" */
};

static int quality_for(const struct codings *codings, enum coding coding)
{
    if (codings->of[coding] >= 0)
        return codings->of[coding];
    if (codings->rest >= 0)
        return codings->rest;
    return coding == CODING_NONE ? 1 : 0; /* always taken, and last */
}

static struct codings read_codings(pb_str list)
{
    struct codings codings = {{-1, -1, -1}, -1};
    pb_str item, name;

    while (next_item(&list, ',', &item)) {
        int quality = quality_of(item, &name);
        if (pb_str_same(name, pb_lit("identity")))
            codings.of[CODING_NONE] = quality;
        else if (pb_str_same(name, pb_lit("gzip")) || pb_str_same(name, pb_lit("x-gzip")))
            codings.of[CODING_GZIP] = quality;
        else if (pb_str_same(name, pb_lit("zstd")))
            codings.of[CODING_ZSTD] = quality;
        else if (pb_str_is(name, "*"))
            codings.rest = quality;
    }
    return codings;
}

enum coding client_coding(const struct exchange *exchange, bool *plain)
{
    pb_str header = pb_request_header(exchange->request, "accept-encoding");
    enum coding best = CODING_NONE;

    *plain = true;
    if (!header.size)
        return CODING_NONE;
    struct codings codings = read_codings(header);
    *plain = quality_for(&codings, CODING_NONE) > 0;
    for (enum coding coding = CODING_GZIP; coding < CODING_COUNT; coding++)
        if (quality_for(&codings, coding) > 0 &&
            quality_for(&codings, coding) >= quality_for(&codings, best))
            best = coding;
    return best;
}

pb_status check_codings(struct exchange *exchange)
{
    pb_str header = pb_request_header(exchange->request, "accept-encoding");
    bool plain;

    if (pb_str_find(header, ';') == header.size) /* no quality, so nothing is excluded */
        return PB_OK;
    enum coding coding = client_coding(exchange, &plain);
    exchange->must_pack = !plain;
    if (coding != CODING_NONE || plain)
        return PB_OK;
    return pb_fail(PB_NOT_ACCEPTABLE, "Accept-Encoding leaves out plain bytes, gzip and zstd");
}

/* --- If-None-Match ---------------------------------------------------------------------------- */

/* The tag without W/ and without what compressing put behind it. */
static pb_str bare(pb_str tag)
{
    static const char *const suffixes[] = {"-gzip\"", "-zstd\""};

    tag = pb_str_trim(tag);
    if (pb_str_starts(tag, pb_lit("W/")))
        tag = pb_str_slice(tag, 2, tag.size);
    if (tag.size && tag.data[tag.size - 1] == '"')
        tag.size--;
    for (size_t i = 0; i < 2; i++) {
        pb_str suffix = pb_str_slice(pb_str_of(suffixes[i]), 0, 5);
        if (pb_str_ends(tag, suffix))
            tag.size -= suffix.size;
    }
    return tag;
}

bool client_has(const struct exchange *exchange, pb_str etag)
{
    pb_str list = pb_request_header(exchange->request, "if-none-match"), item;

    if (!list.size || !etag.size)
        return false;
    if (pb_str_is(list, "*"))
        return true;
    while (next_item(&list, ',', &item))
        if (pb_str_equal(bare(item), bare(etag)))
            return true;
    return false;
}
