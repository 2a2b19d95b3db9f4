/* front_matter.c - what stands between two rulers at the very beginning: "title: …" in YAML (---)
 * or "title = …" in TOML (+++).
 *
 * Only plain values and lists at the left are taken; what is nested is for the tools that wrote it.
 */
#include "text.h"

enum { LINES_MOST = 200 };

/* How many bytes it takes up to and with its closing ruler; 0: there is none. */
static size_t extent(pb_str text, pb_str *inside, char *mark)
{
    pb_str rest = text, line = take_line(&rest);

    if (!pb_str_is(line, "---") && !pb_str_is(line, "+++"))
        return 0;
    *mark = line.data[0];
    *inside = rest;
    for (int i = 0; i < LINES_MOST && rest.size; i++) {
        size_t before = (size_t)(rest.data - inside->data);
        pb_str end = pb_str_trim(take_line(&rest));
        if (pb_str_is(end, *mark == '-' ? "---" : "+++") ||
            (*mark == '-' && pb_str_is(end, "..."))) {
            inside->size = before;
            return text.size - rest.size;
        }
    }
    return 0;
}

static pb_str unquote(pb_str value)
{
    value = pb_str_trim(value);
    if (value.size >= 2 && strchr("\"'", value.data[0]) &&
        value.data[value.size - 1] == value.data[0])
        value = pb_str_slice(value, 1, value.size - 2);
    else if (value.size >= 2 && value.data[0] == '[' && value.data[value.size - 1] == ']')
        value = pb_str_slice(value, 1, value.size - 2);
    return value;
}

/* "- one" below a key: joined by commas. Returns false for any other line. */
static bool take_item(pb_str *rest, char *out, size_t room, size_t *size)
{
    pb_str after = *rest, line = pb_str_trim(take_line(&after));

    if (!rest->size || !pb_str_starts(line, pb_lit("- ")))
        return false;
    pb_str value = unquote(pb_str_slice(line, 2, line.size));
    if (*size + value.size + 2 <= room) {
        memcpy(out + *size, ", ", *size ? 2 : 0);
        *size += *size ? 2 : 0;
        memcpy(out + *size, value.data, value.size);
        *size += value.size;
    }
    *rest = after;
    return true;
}

static void take_pair(pb_block_writer *writer, pb_str line, pb_str *rest, char mark)
{
    size_t split = pb_str_find(line, mark == '-' ? ':' : '=');
    pb_str key = unquote(pb_str_slice(line, 0, split));
    pb_str value = unquote(pb_str_slice(line, split + 1, line.size));
    char list[512];
    size_t size = 0;

    if (split == line.size || !key.size || strchr(" \t#-[", line.data[0]))
        return;
    while (!value.size && take_item(rest, list, sizeof list, &size))
        continue;
    if (size)
        value = pb_str_make(list, size);
    if (pb_str_same(key, pb_lit("title")) && value.size)
        pb_bw_title(writer, value);
    else
        pb_bw_meta(writer, key, value);
}

size_t front_matter_read(pb_block_writer *writer, pb_str text)
{
    pb_str inside;
    char mark;
    size_t size = extent(text, &inside, &mark);

    while (size && inside.size) {
        pb_str line = take_line(&inside);
        if (line.size)
            take_pair(writer, line, &inside, mark);
    }
    return size;
}
