/* rate.c - reads "30/min". */
#include "ratelimit.h"

static const struct unit {
    const char *name;
    int64_t seconds;
} units[] = {
    {"s", 1},    {"sec", 1},     {"second", 1}, {"min", 60},    {"minute", 60},
    {"h", 3600}, {"hour", 3600}, {"d", 86400},  {"day", 86400}, {NULL, 0},
};

/* The digits at the beginning; -1: none, or too many. */
static int64_t number(pb_str *text)
{
    int64_t value = 0;
    size_t digits = 0;

    for (; digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9'; digits++)
        value = digits < 12 ? value * 10 + (text->data[digits] - '0') : value;
    *text = pb_str_slice(*text, digits, text->size);
    return digits && digits < 13 ? value : -1;
}

const char *rate_read(pb_str text, struct rate *out)
{
    static const char form[] =
        "this is no rate; write one like 30/min: how many, '/', and one of s, min, hour, day "
        "(also 100/15min)";
    pb_str rest = pb_str_trim(text);
    int64_t amount = number(&rest), times = 1;

    if (amount < 0 || !rest.size || rest.data[0] != '/')
        return form;
    rest = pb_str_slice(rest, 1, rest.size);
    if (rest.size && rest.data[0] >= '0' && rest.data[0] <= '9')
        times = number(&rest);
    if (amount == 0)
        return "a rate of 0 lets nobody in; leave the pipeline out instead";
    for (const struct unit *unit = units; unit->name; unit++) {
        if (!pb_str_is(rest, unit->name))
            continue;
        if (times < 1 || times > 366 * 86400 / unit->seconds)
            return "the time of a rate is from a second to a year";
        *out = (struct rate){.amount = (double)amount, .window = times * unit->seconds * PB_SECOND};
        return NULL;
    }
    return form;
}
