/* reader.c - elements and text, as they come, to blocks.
 *
 * A block begins with its first text and ends where any element begins or ends that has lines of
 * its own. So it does not matter which end tags are missing.
 */
#include "html.h"

void reader_boundary(struct reader *reader)
{
    if (reader->heading || reader->table.data)
        pb_bw_space(reader->writer);
    else
        pb_bw_close(reader->writer, reader->last);
}

/* --- in the head ------------------------------------------------------------------------------ */

static void take_meta(struct reader *reader, const unsigned char *const *attributes)
{
    static const struct {
        const char *name, *key;
    } known[] = {
        {"description", "description"},     {"og:description", "description"},
        {"keywords", "keywords"},           {"author", "author"},
        {"article:author", "author"},       {"date", "date"},
        {"article:published_time", "date"}, {"generator", "generator"},
    };
    pb_str name = tag_attribute(attributes, "name"), text = tag_attribute(attributes, "content");

    if (!name.size)
        name = tag_attribute(attributes, "property");
    if (pb_str_is(name, "og:title") && !reader->shown_size) {
        reader->shown_size = text.size < TITLE_MOST ? text.size : TITLE_MOST;
        memcpy(reader->shown_title, text.data ? text.data : "", reader->shown_size);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known && !reader->writer->open; i++)
        if (pb_str_same(name, pb_str_of(known[i].name)))
            pb_bw_meta(reader->writer, pb_str_of(known[i].key), text);
}

/* --- elements --------------------------------------------------------------------------------- */

static void begin_list(struct reader *reader, int64_t first)
{
    reader_boundary(reader);
    reader->item = false;
    reader->lists++;
    if (reader->lists < NUMBERS)
        reader->number[reader->lists] = first;
}

static void begin_heading(struct reader *reader, const char *name)
{
    table_dissolve(reader);
    reader_boundary(reader);
    if (!reader->table.data && !reader->heading) {
        pb_bw_open(reader->writer, PB_BLOCK_HEADING, name[1] - '0', reader->line);
        reader->heading++;
    }
    reader->item = false;
}

static void begin_kept(struct reader *reader, enum tag tag, const char *name,
                       const unsigned char *const *attributes)
{
    switch (tag) {
    case TAG_HEADING:
        begin_heading(reader, name);
        break;
    case TAG_LIST:
        begin_list(reader, 0);
        break;
    case TAG_ORDERED: {
        pb_str start = tag_attribute(attributes, "start");
        begin_list(reader, start.size && atoi(start.data) > 0 ? atoi(start.data) : 1);
        break;
    }
    case TAG_ITEM:
        reader_boundary(reader);
        reader->item = !reader->table.data && !reader->heading;
        break;
    case TAG_PRE:
        reader_boundary(reader);
        reader->pre++;
        reader->item = false;
        break;
    case TAG_BREAK:
        if (reader->heading || reader->table.data || !reader->writer->open)
            pb_bw_space(reader->writer);
        else
            pb_bw_break(reader->writer, '\n');
        break;
    case TAG_TABLE:
    case TAG_ROW:
    case TAG_CELL:
    case TAG_HEAD_CELL:
        table_begin(reader, tag, attributes);
        break;
    case TAG_TITLE:
        reader->in_title = reader->title_size == 0;
        break;
    case TAG_INLINE:
        break;
    default:
        reader_boundary(reader);
    }
}

static void end_kept(struct reader *reader, enum tag tag)
{
    switch (tag) {
    case TAG_HEADING:
        if (reader->heading) {
            reader->heading = 0;
            pb_bw_close(reader->writer, reader->last);
        }
        break;
    case TAG_LIST:
    case TAG_ORDERED:
        reader_boundary(reader);
        reader->lists -= reader->lists > 0;
        reader->item = false;
        break;
    case TAG_ITEM:
        reader_boundary(reader);
        reader->item = false;
        break;
    case TAG_PRE:
        reader_boundary(reader);
        reader->pre -= reader->pre > 0;
        break;
    case TAG_TABLE:
        table_end(reader);
        break;
    case TAG_TITLE:
        reader->in_title = false;
        break;
    case TAG_INLINE:
    case TAG_BREAK:
    case TAG_ROW:
    case TAG_CELL:
    case TAG_HEAD_CELL:
        break;
    default:
        reader_boundary(reader);
    }
}

static bool skips(const struct reader *reader, enum tag tag, uint32_t mark,
                  const unsigned char *const *attributes)
{
    if (tag == TAG_NEVER)
        return true;
    if (reader->keep_all || tag == TAG_ROOT || tag == TAG_HEAD || tag == TAG_TITLE)
        return false;
    if (tag == TAG_ASIDE || (tag == TAG_HEADER && !mark))
        return true;
    if (tag == TAG_MAIN || tag == TAG_ARTICLE || tag_is_main(attributes))
        return false;
    return reader->depth > 2 && tag_is_dropped(attributes, &reader->options->drop);
}

static struct element *push(struct reader *reader)
{
    if (reader->depth >= (size_t)reader->options->depth)
        pb_bw_fail(reader->writer, PB_TOO_LARGE,
                   "its elements are nested deeper than option 'depth' allows");
    reader->stack = pb_bw_grow(reader->writer, reader->stack, &reader->room, reader->depth + 1,
                               sizeof *reader->stack);
    return reader->writer->status == PB_OK ? &reader->stack[reader->depth++] : NULL;
}

void reader_begin(struct reader *reader, const char *name, const unsigned char *const *attributes)
{
    uint32_t mark = reader->depth ? reader->stack[reader->depth - 1].mark : 0;
    enum tag tag = tag_of(name);
    struct element *element = push(reader);

    if (!element)
        return;
    if (tag == TAG_MAIN || tag_is_main(attributes))
        mark |= MARK_MAIN;
    else if (tag == TAG_ARTICLE)
        mark |= MARK_ARTICLE;
    *element =
        (struct element){.tag = tag, .mark = mark, .skips = skips(reader, tag, mark, attributes)};
    if (tag == TAG_META && !reader->skips)
        take_meta(reader, attributes);
    if (tag == TAG_ROOT && !reader->writer->open)
        pb_bw_meta(reader->writer, pb_lit("language"), tag_attribute(attributes, "lang"));
    if (reader->heading && strcmp(name, "a") == 0 &&
        pb_str_starts(tag_attribute(attributes, "href"), pb_lit("#")))
        element->from = reader->writer->size;
    reader->writer->mark = mark;
    reader->skips += element->skips;
    if (reader->skips == 0)
        begin_kept(reader, tag, name, attributes);
}

/* "#" or "¶" behind a heading, to be copied as its address. */
static void drop_self_link(pb_block_writer *writer, size_t from)
{
    pb_str text = pb_str_trim(pb_str_make(writer->text + from, writer->size - from));

    if (writer->status == PB_OK && writer->open && from > writer->blocks[writer->count - 1].at &&
        (pb_str_is(text, "#") || pb_str_is(text, "\xC2\xB6") || pb_str_is(text, "\xC2\xA7")))
        writer->size = from;
}

void reader_end(struct reader *reader)
{
    if (reader->depth == 0)
        return;
    struct element element = reader->stack[--reader->depth];

    if (element.from && element.from < reader->writer->size)
        drop_self_link(reader->writer, element.from);
    if (reader->skips == 0)
        end_kept(reader, element.tag);
    else if (element.skips && --reader->skips == 0 && element.tag != TAG_NEVER &&
             element.tag != TAG_INLINE)
        reader_boundary(reader);
    reader->writer->mark = reader->depth ? reader->stack[reader->depth - 1].mark : 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static bool is_blank(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((uint8_t)text.data[i] > ' ')
            return false;
    return true;
}

static void open_block(struct reader *reader)
{
    pb_block_writer *writer = reader->writer;
    char number[32];

    if (!reader->item) {
        pb_bw_open(writer, reader->pre ? PB_BLOCK_CODE : PB_BLOCK_TEXT, 0, reader->line);
        return;
    }
    int at = reader->lists < NUMBERS ? reader->lists : NUMBERS - 1;
    pb_bw_open(writer, PB_BLOCK_LIST_ITEM, reader->lists ? reader->lists : 1, reader->line);
    reader->item = false;
    if (reader->number[at]) {
        int size = snprintf(number, sizeof number, "%lld. ", (long long)reader->number[at]++);
        pb_bw_flow(writer, pb_str_make(number, (size_t)size));
    }
}

/* The title is collected beside the blocks. */
static void add_title(struct reader *reader, pb_str text)
{
    size_t room = TITLE_MOST - reader->title_size;

    text = pb_str_slice(text, 0, room);
    if (text.size)
        memcpy(reader->title + reader->title_size, text.data, text.size);
    reader->title_size += text.size;
}

void reader_text(struct reader *reader, pb_str text)
{
    pb_block_writer *writer = reader->writer;

    if (reader->skips || !reader->depth || reader->stack[reader->depth - 1].tag == TAG_HEAD)
        return;
    if (reader->in_title) {
        add_title(reader, text);
        return;
    }
    if (!writer->open && is_blank(text) && !reader->pre) {
        pb_bw_space(writer);
        return;
    }
    if (!writer->open)
        open_block(reader);
    if (reader->pre && !reader->table.data && !reader->heading)
        pb_bw_add(writer, text);
    else
        pb_bw_flow(writer, text);
}

/* --- the end ---------------------------------------------------------------------------------- */

static size_t text_of(const pb_block_writer *writer, uint32_t mark)
{
    size_t size = 0;

    for (size_t i = 0; i < writer->count; i++)
        if ((writer->blocks[i].mark & mark) == mark)
            size += writer->blocks[i].size;
    return size;
}

/* The main part alone, where the page names one; articles when they are a good part of it. */
static void keep_main(struct reader *reader)
{
    pb_block_writer *writer = reader->writer;

    if (text_of(writer, MARK_MAIN))
        pb_bw_keep(writer, MARK_MAIN);
    else if (text_of(writer, MARK_ARTICLE) * 3 > text_of(writer, 0))
        pb_bw_keep(writer, MARK_ARTICLE);
}

void reader_finish(struct reader *reader)
{
    pb_block_writer *writer = reader->writer;

    pb_bw_close(writer, reader->last);
    if (writer->status != PB_OK)
        return;
    if (!reader->options->whole)
        keep_main(reader);
    pb_bw_title(writer, pb_str_make(reader->title, reader->title_size));
    if (!writer->title_size)
        pb_bw_title(writer, pb_str_make(reader->shown_title, reader->shown_size));
    for (int32_t level = 1; level <= 2; level++)
        pb_bw_title_from_heading(writer, level);
}
