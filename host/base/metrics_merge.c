/* metrics_merge.c - see metrics_merge.h. A family is a "# HELP" and a "# TYPE" line with the series
 * that follow; a series is what stands before its number. */
#include "base/metrics_merge.h"

#include "base/metrics.h"
#include "base/scope.h"

#include <stdlib.h>

struct merge_series {
    struct merge_series *next;
    pb_str name; /* with its labels */
    double value;
    bool most; /* not the sum */
};

struct merge_family {
    struct merge_family *next;
    pb_str name, help, type; /* help: the whole line */
    struct merge_series *first, **last;
};

void metrics_merge_init(struct metrics_merge *merge)
{
    *merge = (struct metrics_merge){.last = &merge->first};
}

void metrics_merge_fini(struct metrics_merge *merge)
{
    map_fini(&merge->families);
    map_fini(&merge->series);
}

static bool contains(pb_str text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* "# TYPE name kind", or "# HELP name text". */
static pb_status read_comment(struct metrics_merge *merge, pb_str line,
                              struct merge_family **family)
{
    bool help = pb_str_starts(line, pb_lit("# HELP "));
    pb_str rest = pb_str_slice(line, 7, line.size);
    pb_str name = pb_str_slice(rest, 0, pb_str_find(rest, ' '));

    if ((!help && !pb_str_starts(line, pb_lit("# TYPE "))) || name.size == rest.size)
        return pb_fail(PB_INVALID, "this is no text of metrics");
    struct merge_family *at = map_get(&merge->families, name);
    if (!at) {
        at = PB_NEW(struct merge_family);
        if (!at)
            return PB_NO_MEMORY;
        at->name = name;
        at->last = &at->first;
        if (!map_put(&merge->families, at->name, at))
            return pb_fail(PB_NO_MEMORY, "there is no memory to add the figures up");
        *merge->last = at;
        merge->last = &at->next;
    }
    if (help && !at->help.data)
        at->help = line;
    if (!help && !at->type.data)
        at->type = pb_str_slice(rest, name.size + 1, rest.size);
    *family = at;
    return PB_OK;
}

static struct merge_series *series_of(struct metrics_merge *merge, struct merge_family *family,
                                      pb_str name)
{
    struct merge_series *series = map_get(&merge->series, name);

    if (series)
        return series;
    series = PB_NEW(struct merge_series);
    if (!series || !map_put(&merge->series, name, series))
        return NULL;
    bool gauge = pb_str_is(family->type, "gauge");
    series->name = name;
    series->most = contains(family->name, "_shared_") ||
                   (gauge && (contains(name, "{worker=\"") || contains(name, ",worker=\"")));
    series->value = series->most ? -1e308 : 0;
    *family->last = series;
    family->last = &series->next;
    return series;
}

static pb_status read_series(struct metrics_merge *merge, struct merge_family *family, pb_str line)
{
    size_t space = line.size;
    char number[64];
    char *end = NULL;

    while (space && line.data[space - 1] != ' ')
        space--;
    if (!family || space < 2 || line.size - space >= sizeof number)
        return pb_fail(PB_INVALID, "this is no text of metrics");
    memcpy(number, line.data + space, line.size - space);
    number[line.size - space] = 0;
    double value = strtod(number, &end);
    if (end == number || *end)
        return pb_fail(PB_INVALID, "this is no text of metrics");
    struct merge_series *series = series_of(merge, family, pb_str_slice(line, 0, space - 1));
    if (!series)
        return pb_fail(PB_NO_MEMORY, "there is no memory to add the figures up");
    if (!series->most)
        series->value += value;
    else if (!(value < series->value))
        series->value = value;
    return PB_OK;
}

pb_status metrics_merge_add(struct metrics_merge *merge, pb_str text)
{
    struct merge_family *family = NULL;
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        size_t end = pb_str_find(text, '\n');
        pb_str line = pb_str_slice(text, 0, end);
        text = pb_str_slice(text, end < text.size ? end + 1 : end, text.size);
        if (line.size)
            status = line.data[0] == '#' ? read_comment(merge, line, &family)
                                         : read_series(merge, family, line);
    }
    return status;
}

void metrics_merge_write(const struct metrics_merge *merge, pb_buf *out)
{
    for (const struct merge_family *family = merge->first; family; family = family->next) {
        if (family->help.data) {
            pb_buf_add(out, family->help);
            pb_buf_byte(out, '\n');
        }
        pb_buf_printf(out, "# TYPE %.*s %.*s\n", PB_ARG(family->name), PB_ARG(family->type));
        for (const struct merge_series *at = family->first; at; at = at->next) {
            pb_buf_add(out, at->name);
            pb_buf_byte(out, ' ');
            metrics_number_write(out, at->value);
            pb_buf_byte(out, '\n');
        }
    }
}
