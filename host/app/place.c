/* place.c - see place.h. */
#include "app/place.h"

#include "app/terminal.h"

static void add(pb_buf *buf, const char *between, const pb_json *value)
{
    pb_str text = pb_json_is(value, PB_JSON_NUMBER) ? value->text : pb_json_text(value);

    if (text.size)
        pb_buf_printf(buf, "%s%.*s", buf->size ? between : "", PB_ARG(text_plain(text)));
}

/* "Guide > Install > From source" to "… From source". */
static pb_str last_heading(pb_str heading)
{
    for (size_t at = heading.size; at > 3; at--)
        if (memcmp(heading.data + at - 3, " > ", 3) == 0)
            return pb_printf("… %.*s", PB_ARG(pb_str_slice(heading, at, heading.size)));
    return heading;
}

static pb_str whole(const pb_json *source, pb_str heading)
{
    const pb_json *lines = pb_json_get(source, "lines");
    int64_t first = pb_json_int(pb_json_at(lines, 0), 0);
    int64_t last = pb_json_int(pb_json_at(lines, 1), 0);
    pb_buf buf = {0};

    add(&buf, "", pb_json_get(source, "document"));
    if (!buf.size)
        add(&buf, "", pb_json_get(source, "title"));
    if (!buf.size)
        add(&buf, "", pb_json_get(source, "url"));
    if (heading.size)
        pb_buf_printf(&buf, "%s%.*s", buf.size ? " › " : "", PB_ARG(heading));
    if (pb_json_int(pb_json_get(source, "page"), 0) > 0)
        add(&buf, ", page ", pb_json_get(source, "page"));
    if (first > 0)
        add(&buf, last > first ? ", lines " : ", line ", pb_json_at(lines, 0));
    if (first > 0 && last > first)
        add(&buf, "–", pb_json_at(lines, 1));
    return buf.size ? pb_buf_str(&buf) : pb_lit("a source");
}

pb_str place_of(const pb_json *source, size_t room)
{
    pb_str heading = text_plain(pb_json_text(pb_json_get(source, "heading")));
    pb_str place = whole(source, heading);

    if (text_width(place) > room)
        place = whole(source, last_heading(heading));
    if (text_width(place) > room)
        place = pb_printf("%.*s…", PB_ARG(text_fit(place, room - 1)));
    return place;
}
