/* operation_answer.c - what every operation's answer has beside its body: ETag where there is a revision,
 * Link where there is a next page. And the other direction: what If-Match demands.
 *
 * An ETag is "revision-digest": the digest tells one representation from another (304), the revision one
 * edit from another. If-Match compares the revision alone, so that a document may be renamed while it is
 * being read in.
 */
#include "turn/operations_internal.h"

const pb_field *operation_field(const pb_field *fields, const char *name)
{
    for (const pb_field *at = fields; at && at->kind != PB_KIND_END; at = pb_field_next(at))
        if (strcmp(name, pb_field_name(at)) == 0)
            return at;
    return NULL;
}

/* --- If-Match --------------------------------------------------------------------------------- */

/* "12-9f…" or "12" as 12; anything else is no revision of ours. A weak tag never fits (RFC 9110). */
static int64_t revision_of(pb_str tag)
{
    int64_t revision = 0;
    size_t i = 1;

    if (tag.size < 3 || tag.data[0] != '"' || tag.data[tag.size - 1] != '"')
        return -1;
    for (; i < tag.size - 1 && i < 19 && tag.data[i] >= '0' && tag.data[i] <= '9'; i++)
        revision = revision * 10 + (tag.data[i] - '0');
    bool ended = i > 1 && (tag.data[i] == '-' || i == tag.size - 1);
    return ended && revision ? revision : -1;
}

bool operation_revisions(const pb_call *call, struct operation_revisions *out)
{
    pb_str rest = pb_str_trim(pb_call_header(call, "if-match"));

    out->count = 0;
    if (!rest.data || pb_str_is(rest, "*"))
        return false;
    while (rest.size && out->count < OPERATION_REVISIONS) {
        pb_str tag = pb_str_slice(rest, 0, pb_str_find(rest, ','));
        rest = pb_str_slice(rest, tag.size + 1, rest.size);
        out->items[out->count++] = revision_of(pb_str_trim(tag));
    }
    if (!out->count)
        out->items[out->count++] = -1;
    return true;
}

/* --- headers ---------------------------------------------------------------------------------- */

static pb_status add_header(pb_content *out, const char *name, pb_str value)
{
    pb_header *headers = PB_NEW_ARRAY(pb_header, out->header_count + 1);

    if (!headers || !value.data)
        return PB_NO_MEMORY;
    if (out->header_count)
        memcpy(headers, out->headers, out->header_count * sizeof *headers);
    headers[out->header_count] = (pb_header){pb_str_of(name), value};
    out->headers = headers;
    out->header_count++;
    return PB_OK;
}

static uint64_t digest(pb_str text)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return hash;
}

static pb_status add_etag(const pb_operation *operation, const pb_call *call, const char *result,
                          pb_content *out)
{
    const pb_field *field = operation_field(operation->output, "revision");
    struct operation_revisions wanted;

    if (!(operation->flags & PB_OPERATION_REVISIONS) || !field || field->kind != PB_KIND_INT)
        return PB_OK;
    int64_t revision = *(const int64_t *)(const void *)(result + field->offset);
    bool fits = strcmp(operation->method, "GET") != 0 || !operation_revisions(call, &wanted);
    for (size_t i = 0; !fits && i < wanted.count; i++)
        fits = wanted.items[i] == revision;
    if (!fits)
        return pb_call_changed(call);
    return add_header(out, "ETag", pb_printf("\"%lld-%016llx\"", (long long)revision,
                                             (unsigned long long)digest(out->body)));
}

static void add_escaped(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     (c && strchr("-._~", c));
        if (plain)
            pb_buf_byte(buf, (char)c);
        else
            pb_buf_printf(buf, "%%%02X", c);
    }
}

static void add_path(pb_buf *buf, const pb_operation *operation, const pb_call *call)
{
    pb_str path = pb_str_of(operation->path);

    for (uint32_t i = 0; path.size; i++) {
        size_t open = pb_str_find(path, '{'), close = pb_str_find(path, '}');
        pb_buf_add(buf, pb_str_slice(path, 0, open));
        if (open < path.size && call->match && i < call->match->count)
            add_escaped(buf, call->match->values[i]);
        path = pb_str_slice(path, close + 1, path.size);
    }
}

/* The same query for another page. */
static void add_query(pb_buf *buf, const pb_operation *operation, pb_str query, pb_str next)
{
    const pb_field *cursor = operation_field(operation->input, "cursor");
    pb_str alias = pb_str_of(cursor ? cursor->alias : NULL);

    pb_buf_byte(buf, '?');
    while (query.size) {
        pb_str pair = pb_str_slice(query, 0, pb_str_find(query, '&'));
        pb_str name = pb_str_slice(pair, 0, pb_str_find(pair, '='));
        query = pb_str_slice(query, pair.size + 1, query.size);
        if (!pair.size || pb_str_is(name, "cursor") || (alias.size && pb_str_equal(name, alias)))
            continue;
        for (size_t i = 0; i < pair.size; i++) /* what would end the reference */
            if (strchr("<>\"\\", pair.data[i]))
                pb_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)pair.data[i]);
            else
                pb_buf_byte(buf, pair.data[i]);
        pb_buf_byte(buf, '&');
    }
    pb_buf_add(buf, pb_lit("cursor="));
    add_escaped(buf, next);
}

static pb_status add_link(const pb_operation *operation, const pb_call *call, pb_str next,
                          pb_content *out)
{
    pb_buf buf = {0};

    if (!next.size)
        return PB_OK;
    pb_buf_byte(&buf, '<');
    add_path(&buf, operation, call);
    add_query(&buf, operation, call->query, next);
    pb_buf_add(&buf, pb_lit(">; rel=\"next\""));
    return buf.failed ? (pb_status)PB_NO_MEMORY : add_header(out, "Link", pb_buf_str(&buf));
}

pb_status operation_complete(const pb_operation *operation, const pb_call *call, const void *result,
                             pb_content *out)
{
    const pb_field *next = operation_field(operation->output, "next");
    pb_status status;

    if (!result)
        return add_link(operation, call, out->next, out);
    status = add_etag(operation, call, result, out);
    if (status != PB_OK || !next || next->kind != PB_KIND_STR)
        return status;
    return add_link(operation, call,
                    *(const pb_str *)(const void *)((const char *)result + next->offset), out);
}
