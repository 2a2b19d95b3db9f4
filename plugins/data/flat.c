/* flat.c - nested data as lines that can be read and found: "address.city: Berlin". */
#include "data.h"

static size_t append(struct flat *flat, pb_str text)
{
    size_t room = PATH_MOST - flat->size;

    text = pb_str_slice(text, 0, room);
    if (text.size)
        memcpy(flat->path + flat->size, text.data, text.size);
    flat->size += text.size;
    return text.size;
}

size_t flat_down(struct flat *flat, pb_str name)
{
    size_t before = flat->size;

    if (before)
        append(flat, pb_lit("."));
    append(flat, name);
    return before;
}

size_t flat_down_index(struct flat *flat, uint64_t index)
{
    size_t before = flat->size;
    char text[32];

    append(flat, pb_str_make(text, (size_t)snprintf(text, sizeof text, "[%llu]",
                                                    (unsigned long long)index)));
    return before;
}

void flat_up(struct flat *flat, size_t size)
{
    flat->size = size;
}

void flat_line(struct flat *flat, int64_t line)
{
    pb_block_writer *writer = flat->writer;

    if (writer->open && pb_bw_open_text(writer).size > BLOCK_LONG)
        pb_bw_close(writer, flat->last);
    if (writer->open)
        pb_bw_break(writer, '\n');
    else
        pb_bw_open(writer, PB_BLOCK_TEXT, 0, line);
    if (flat->size) {
        pb_bw_flow(writer, pb_str_make(flat->path, flat->size));
        pb_bw_byte(writer, ':');
        pb_bw_space(writer);
    }
    flat->line = true;
    flat->last = line;
}

void flat_value(struct flat *flat, pb_str value)
{
    for (;;) {
        size_t size = pb_str_find(value, '\n');
        pb_bw_flow(flat->writer, pb_str_slice(value, 0, size));
        if (size == value.size)
            return;
        pb_bw_break(flat->writer, '\n');
        value = pb_str_slice(value, size + 1, value.size);
    }
}

void flat_end_line(struct flat *flat, int64_t line)
{
    flat->line = false;
    flat->last = line;
}

void flat_end_record(struct flat *flat)
{
    flat->line = false;
    pb_bw_close(flat->writer, flat->last);
}

void flat_heading(struct flat *flat, int32_t level, pb_str text, int64_t line)
{
    flat_end_record(flat);
    pb_bw_open(flat->writer, PB_BLOCK_HEADING, level, line);
    pb_bw_flow(flat->writer, text);
    pb_bw_close(flat->writer, line);
}

void flat_title(struct flat *flat, pb_str title)
{
    if (flat->title_size || title.size > sizeof flat->title)
        return;
    if (title.size)
        memcpy(flat->title, title.data, title.size);
    flat->title_size = title.size;
}

void flat_finish(struct flat *flat)
{
    flat_end_record(flat);
    if (flat->title_size)
        pb_bw_title(flat->writer, pb_str_make(flat->title, flat->title_size));
}
