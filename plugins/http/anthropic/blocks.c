/* blocks.c - one block of a content as Anthropic writes it, made into parts.
 *
 * What has no part (results of that service's own tools, files by their id there) becomes a file without
 * content: a model of the same dialect gets the block as it was written, any other refuses it.
 */
#include "anthropic/anthropic.h"

bool parts_begin(struct parts *parts, const pb_json *list)
{
    parts->room = list->count;
    for (const pb_json *at = list->child; at; at = at->next) /* documents may hold images */
        if (pb_str_is(pb_json_text(pb_json_get(at, "type")), "document")) {
            const pb_json *content = pb_json_get(pb_json_get(at, "source"), "content");
            parts->room += content ? content->count : 0;
        }
    parts->list = PB_NEW_ARRAY(const pb_part *, parts->room + 1);
    parts->only_text = true;
    return parts->list != NULL;
}

static void add_joined(pb_buf *buf, pb_str text)
{
    if (!text.size)
        return;
    pb_buf_add(buf, buf->size ? pb_lit("\n\n") : pb_lit(""));
    pb_buf_add(buf, text);
}

static pb_part *add_part(struct parts *parts, int32_t type, const pb_json *block)
{
    pb_part *part = parts->count < parts->room ? PB_NEW(pb_part) : NULL;

    if (!part)
        return NULL;
    part->size = (uint32_t)sizeof *part;
    part->type = type;
    part->source = block;
    parts->list[parts->count++] = part;
    parts->only_text = parts->only_text && type == PB_PART_TEXT;
    return part;
}

static void add_text(struct parts *parts, const pb_json *block, pb_str text)
{
    pb_part *part = add_part(parts, PB_PART_TEXT, block);

    if (!part)
        return;
    part->text = text;
    add_joined(&parts->text, text);
}

static void add_foreign(struct parts *parts, const pb_json *block, pb_str type)
{
    pb_part *part = add_part(parts, PB_PART_FILE, block);

    if (part)
        part->name = type;
}

void parts_end(struct parts *parts, pb_message *message)
{
    message->text = parts->text.size ? pb_buf_str(&parts->text) : pb_lit("");
    if (!parts->only_text) {
        message->parts = parts->list;
        message->part_count = parts->count;
    }
}

/* --- what has a source ------------------------------------------------------------------------ */

static void read_image(struct exchange *exchange, const pb_json *block, const struct place *place,
                       struct parts *parts)
{
    const pb_json *source = pb_json_get(block, "source");
    const struct place *inside = AT(place, "source");
    pb_str type = member_needed(exchange, source, inside, "type");

    if (pb_str_is(type, "file")) {
        (void)member_needed(exchange, source, inside, "file_id");
        add_foreign(parts, block, pb_lit("image"));
        return;
    }
    pb_part *part = add_part(parts, PB_PART_IMAGE, block);
    if (!part)
        return;
    if (pb_str_is(type, "base64")) {
        part->mime = member_needed(exchange, source, inside, "media_type");
        part->content = member_needed(exchange, source, inside, "data");
    } else if (pb_str_is(type, "url")) {
        part_read_url(part, member_needed(exchange, source, inside, "url"));
    } else if (type.data) {
        fault(exchange, AT(inside, "type"), "must be \"base64\", \"url\" or \"file\"");
    }
}

/* Title and context stand before a document's text, as its model would see them. */
static pb_str titled(const pb_json *block, pb_str text)
{
    pb_buf buf = {0};

    add_joined(&buf, pb_json_text(pb_json_get(block, "title")));
    add_joined(&buf, pb_json_text(pb_json_get(block, "context")));
    add_joined(&buf, text);
    return pb_buf_str(&buf);
}

/* {"type": "content", "content": a text, or texts and images} */
static void read_inner(struct exchange *exchange, const pb_json *block, const struct place *place,
                       struct parts *parts)
{
    const pb_json *content = pb_json_get(pb_json_get(block, "source"), "content");
    pb_buf text = {0};
    size_t index = 0;

    if (pb_json_is(content, PB_JSON_STRING)) {
        add_text(parts, block, titled(block, content->text));
        return;
    }
    if (!pb_json_is(content, PB_JSON_ARRAY)) {
        fault(exchange, place, "must be a text or a list of blocks");
        return;
    }
    for (const pb_json *at = content->child; at; at = at->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        pb_str type = pb_json_text(pb_json_get(at, "type"));
        if (pb_str_is(type, "text"))
            add_joined(&text, member_needed(exchange, at, inside, "text"));
        else if (!pb_str_is(type, "image"))
            fault(exchange, AT(inside, "type"), "must be \"text\" or \"image\"");
    }
    add_text(parts, block, titled(block, pb_buf_str(&text)));
    index = 0;
    for (const pb_json *at = content->child; at; at = at->next, index++)
        if (pb_str_is(pb_json_text(pb_json_get(at, "type")), "image"))
            read_image(exchange, at, AT_INDEX(place, index), parts);
}

static void read_file(struct exchange *exchange, const pb_json *block, const struct place *inside,
                      struct parts *parts)
{
    const pb_json *source = pb_json_get(block, "source");
    bool url = pb_str_is(pb_json_text(pb_json_get(source, "type")), "url");
    pb_part *part = add_part(parts, PB_PART_FILE, block);

    if (!part)
        return;
    part->name = pb_json_text(pb_json_get(block, "title"));
    part->mime = pb_lit("application/pdf");
    if (url) {
        part_read_url(part, member_needed(exchange, source, inside, "url"));
        return;
    }
    part->mime = member_needed(exchange, source, inside, "media_type");
    part->content = member_needed(exchange, source, inside, "data");
}

static void read_document(struct exchange *exchange, const pb_json *block,
                          const struct place *place, struct parts *parts)
{
    const pb_json *source = pb_json_get(block, "source");
    const struct place *inside = AT(place, "source");
    pb_str type = member_needed(exchange, source, inside, "type");

    (void)member_text(exchange, block, place, "title");
    (void)member_text(exchange, block, place, "context");
    if (pb_str_is(type, "base64") || pb_str_is(type, "url")) {
        read_file(exchange, block, inside, parts);
    } else if (pb_str_is(type, "text")) {
        add_text(parts, block, titled(block, member_needed(exchange, source, inside, "data")));
    } else if (pb_str_is(type, "content")) {
        read_inner(exchange, block, AT(inside, "content"), parts);
    } else if (pb_str_is(type, "file")) {
        (void)member_needed(exchange, source, inside, "file_id");
        add_foreign(parts, block, pb_lit("document"));
    } else if (type.data) {
        fault(exchange, AT(inside, "type"),
              "must be \"base64\", \"text\", \"content\", \"url\" or \"file\"");
    }
}

/* A result of the application's own search: its title, where it is from, and what it says. */
static void read_search_result(struct exchange *exchange, const pb_json *block,
                               const struct place *place, struct parts *parts)
{
    const pb_json *content = pb_json_get(block, "content");
    pb_buf text = {0};
    size_t index = 0;

    pb_str title = member_needed(exchange, block, place, "title");
    pb_str source = member_needed(exchange, block, place, "source");
    pb_buf_printf(&text, "%.*s\n%.*s", PB_ARG(title), PB_ARG(source));
    if (!pb_json_is(content, PB_JSON_ARRAY))
        fault(exchange, AT(place, "content"), "must be a list of text blocks");
    for (const pb_json *at = pb_json_is(content, PB_JSON_ARRAY) ? content->child : NULL; at;
         at = at->next, index++)
        add_joined(&text, member_needed(exchange, at, AT_INDEX(AT(place, "content"), index), "text"));
    add_text(parts, block, pb_buf_str(&text));
}

static void read_thinking(struct exchange *exchange, const pb_json *block,
                          const struct place *place, struct parts *parts)
{
    bool redacted = pb_str_is(pb_json_text(pb_json_get(block, "type")), "redacted_thinking");
    pb_part *part = add_part(parts, PB_PART_THINKING, block);

    if (!part)
        return;
    if (redacted) {
        part->content = member_needed(exchange, block, place, "data");
        return;
    }
    part->text = member_needed(exchange, block, place, "thinking");
    part->content = member_needed(exchange, block, place, "signature");
    parts->unsigned_thinking = parts->unsigned_thinking || !part->content.size;
}

/* Blocks of that service's own tools. */
static bool is_foreign(pb_str type)
{
    static const char *const types[] = {"server_tool_use",  "mcp_tool_use",  "container_upload",
                                        "tool_reference",   "browser_state", "compaction"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (pb_str_is(type, types[i]))
            return true;
    return pb_str_ends(type, pb_lit("_tool_result"));
}

void block_read(struct exchange *exchange, const pb_json *block, const struct place *place,
                struct parts *parts)
{
    pb_str type = member_needed(exchange, block, place, "type");

    if (pb_str_is(type, "text"))
        add_text(parts, block, member_needed(exchange, block, place, "text"));
    else if (pb_str_is(type, "image"))
        read_image(exchange, block, place, parts);
    else if (pb_str_is(type, "document"))
        read_document(exchange, block, place, parts);
    else if (pb_str_is(type, "search_result"))
        read_search_result(exchange, block, place, parts);
    else if (pb_str_is(type, "thinking") || pb_str_is(type, "redacted_thinking"))
        read_thinking(exchange, block, place, parts);
    else if (is_foreign(type))
        add_foreign(parts, block, type);
    else if (type.data)
        fault(exchange, AT(place, "type"), "is no type of block that is known here");
}
