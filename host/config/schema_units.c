/* schema_units.c - durations and sizes as text: "250ms", "64MiB". A number and one unit; fractions
 * are taken where they come out even. */
#include "config/schema.h"

#include <math.h>
#include <stdlib.h>

struct unit {
    const char *name;
    int64_t worth;
};

static const struct unit durations[] = {
    {"d", 86400 * PB_SECOND}, {"h", 3600 * PB_SECOND},   {"m", 60 * PB_SECOND}, {"s", PB_SECOND},
    {"ms", PB_MILLISECOND},   {"us", PB_MICROSECOND}, {"ns", 1},             {NULL, 0}};

static const struct unit sizes[] = {
    {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30},         {"MiB", 1 << 20}, {"KiB", 1 << 10},
    {"TB", 1000000000000},     {"GB", 1000000000},       {"MB", 1000000},  {"kB", 1000},
    {"KB", 1000},              {"B", 1},                 {NULL, 0}};

/* The number at the start of `text`, which moves behind it. */
static bool take_number(pb_str *text, double *number)
{
    size_t at = 0, dots = 0;

    while (at < text->size && ((text->data[at] >= '0' && text->data[at] <= '9') ||
                               (text->data[at] == '.' && at > 0 && !dots++)))
        at++;
    if (at == 0 || at > 24 || text->data[at - 1] == '.')
        return false;
    char copy[32];
    memcpy(copy, text->data, at);
    copy[at] = 0;
    *number = strtod(copy, NULL);
    *text = pb_str_slice(*text, at, text->size);
    return true;
}

static bool read(pb_str text, const struct unit *units, int64_t *out)
{
    double number;

    if (!take_number(&text, &number))
        return false;
    while (text.size && text.data[0] == ' ')
        text = pb_str_slice(text, 1, text.size);
    while (units->name && !pb_str_is(text, units->name))
        units++;
    double value = number * (double)units->worth;
    if (!units->name || value > 9e18 || value != floor(value))
        return false;
    *out = value < 9e15 || number != floor(number) ? (int64_t)value
                                                   : (int64_t)number * units->worth;
    return true;
}

static bool is_zero(pb_str text)
{
    return text.size == 1 && text.data[0] == '0';
}

bool schema_duration_read(pb_str text, pb_duration *out)
{
    bool negative = text.size && text.data[0] == '-';

    if (is_zero(text)) {
        *out = 0;
        return true;
    }
    if (!read(pb_str_slice(text, negative, text.size), durations, out))
        return false;
    *out = negative ? -*out : *out;
    return true;
}

bool schema_size_read(pb_str text, int64_t *out)
{
    static const struct unit bytes[] = {{"", 1}, {NULL, 0}};

    return read(text, bytes, out) || read(text, sizes, out);
}

/* In the largest unit that leaves no rest, of every `step`-th. */
static pb_str write(int64_t value, const struct unit *units)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    while (units->worth > 1 && size % (uint64_t)units->worth)
        units++;
    return pb_printf("%s%llu%s", value < 0 ? "-" : "",
                     (unsigned long long)(size / (uint64_t)units->worth), units->name);
}

pb_str schema_duration_text(pb_duration duration)
{
    return duration ? write(duration, durations) : pb_lit("0s");
}

pb_str schema_size_text(int64_t bytes)
{
    static const struct unit plain[] = {
        {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

    return bytes ? write(bytes, plain) : pb_lit("0");
}
