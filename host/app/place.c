/* place.c - see place.h. */
#include "app/place.h"

#include "app/terminal.h"

static void add(pb_buf *buf, const char *between, const pb_json *value)
{
    pb_str text = pb_json_is(value, PB_JSON_NUMBER) ? value->text : pb_json_text(value);

    if (text.size)
        pb_buf_printf(buf, "%s%.*s", buf->size ? between : "", PB_ARG(text_plain(text)));
}

pb_str place_of(const pb_json *source)
{
    const pb_json *lines = pb_json_get(source, "lines");
    pb_buf buf = {0};

    add(&buf, "", pb_json_get(source, "document"));
    if (!buf.size)
        add(&buf, "", pb_json_get(source, "title"));
    if (!buf.size)
        add(&buf, "", pb_json_get(source, "url"));
    add(&buf, " › ", pb_json_get(source, "heading"));
    if (pb_json_int(pb_json_get(source, "page"), 0) > 0)
        add(&buf, ", page ", pb_json_get(source, "page"));
    int64_t first = pb_json_int(pb_json_at(lines, 0), 0);
    int64_t last = pb_json_int(pb_json_at(lines, 1), 0);
    if (first > 0)
        add(&buf, last > first ? ", lines " : ", line ", pb_json_at(lines, 0));
    if (first > 0 && last > first)
        add(&buf, "–", pb_json_at(lines, 1));
    return buf.size ? pb_buf_str(&buf) : pb_lit("a source");
}
