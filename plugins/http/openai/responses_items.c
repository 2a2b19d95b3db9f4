/* responses_items.c - GET /v1/responses/{id}/input_items: what was said in the turn that a reply answers. */
#include "openai/responses.h"

enum { PAGE = 100 };

pb_status said_read(struct exchange *exchange, const struct reference *reference,
                    const pb_json *reply, struct said *out)
{
    pb_str turn = pb_json_text(pb_json_get(reply, "turn"));
    int64_t before = pb_json_int(pb_json_get(reply, "seq"), 0);
    const pb_json *page;
    size_t seen = PAGE;

    while (seen == PAGE) {
        pb_status status = stored_call(exchange, "GET", stored_path(reference, false),
                                pb_printf("sort=-seq&limit=%d&before=%lld", PAGE, (long long)before),
                                &page);
        const pb_json *list = pb_json_get(page, "messages");
        if (status != PB_OK)
            return status;
        seen = 0;
        for (const pb_json *at = list ? list->child : NULL; at; at = at->next, seen++) {
            if (!pb_str_equal(pb_json_text(pb_json_get(at, "turn")), turn) || out->count == SAID_MOST)
                return PB_OK;
            out->items[out->count++] = at;
            before = pb_json_int(pb_json_get(at, "seq"), 0);
        }
    }
    return PB_OK;
}

static void write_input_parts(pb_json_writer *writer, const pb_json *message)
{
    const pb_json *parts = pb_json_get(message, "parts");
    bool model = pb_str_is(pb_json_text(pb_json_get(message, "role")), "assistant");

    for (const pb_json *at = pb_json_is(parts, PB_JSON_ARRAY) ? parts->child : NULL; at;
         at = at->next) {
        pb_str type = pb_json_text(pb_json_get(at, "type")), url = pb_json_text(pb_json_get(at, "url"));
        pb_str content = pb_json_text(pb_json_get(at, "content"));
        bool image = pb_str_is(type, "image");
        if (model || (!image && !pb_str_is(type, "file")))
            continue;
        if (!url.size)
            url = pb_printf("data:%.*s;base64,%.*s",
                            PB_ARG(pb_json_text(pb_json_get(at, "mime"))), PB_ARG(content));
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "type", image ? pb_lit("input_image") : pb_lit("input_file"));
        pb_jw_member(writer, image ? "image_url" : content.size ? "file_data" : "file_url", url);
        pb_jw_member(writer, image ? "detail" : "filename",
                     image ? pb_lit("auto") : pb_json_text(pb_json_get(at, "name")));
        pb_jw_close(writer, '}');
    }
}

static void write_said(pb_json_writer *writer, pb_str base, const pb_json *message)
{
    pb_str role = pb_json_text(pb_json_get(message, "role"));
    pb_str text = pb_json_text(pb_json_get(message, "text"));
    bool model = pb_str_is(role, "assistant");

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "id", item_id("msg_", base, 0));
    pb_jw_member(writer, "type", pb_lit("message"));
    pb_jw_member(writer, "status", pb_lit("completed"));
    pb_jw_member(writer, "role", role);
    pb_jw_key(writer, "content");
    pb_jw_open(writer, '[');
    if (text.size) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "type", model ? pb_lit("output_text") : pb_lit("input_text"));
        pb_jw_member(writer, "text", text);
        if (model)
            pb_jw_raw(writer, pb_lit("\"annotations\":[],\"logprobs\":[]"));
        pb_jw_close(writer, '}');
    }
    write_input_parts(writer, message);
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

/* --- the page ------------------------------------------------------------------------------------- */

struct listed {
    pb_str id;
    pb_str json;
};

struct listing {
    struct listed *items; /* as they were said */
    size_t count;
    size_t limit;
    bool ascending;
    pb_str after;
};

static void add(struct listing *listing, pb_str id, pb_buf *buf)
{
    listing->items[listing->count++] = (struct listed){id, pb_buf_str(buf)};
}

static void add_call(struct listing *listing, pb_str base, const pb_json *call, size_t number)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_str id = item_id("fc_", base, number);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", id);
    pb_jw_member(&writer, "type", pb_lit("function_call"));
    pb_jw_member(&writer, "status", pb_lit("completed"));
    pb_jw_member(&writer, "call_id", pb_json_text(pb_json_get(call, "id")));
    pb_jw_member(&writer, "name", pb_json_text(pb_json_get(call, "name")));
    pb_jw_member(&writer, "arguments", pb_json_text(pb_json_get(call, "arguments")));
    openai_signature_write(&writer, pb_json_text(pb_json_get(call, "signature")));
    pb_jw_close(&writer, '}');
    add(listing, id, &buf);
}

static void add_result(struct listing *listing, pb_str base, const pb_json *message)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_str id = item_id("fco_", base, 0);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", id);
    pb_jw_member(&writer, "type", pb_lit("function_call_output"));
    pb_jw_member(&writer, "status", pb_lit("completed"));
    pb_jw_member(&writer, "call_id", pb_json_text(pb_json_get(message, "tool_call_id")));
    pb_jw_member(&writer, "output", pb_json_text(pb_json_get(message, "text")));
    pb_jw_close(&writer, '}');
    add(listing, id, &buf);
}

static void add_message(struct listing *listing, pb_str conversation, const pb_json *message)
{
    const pb_json *calls = pb_json_get(message, "tool_calls");
    pb_str base = base_make(conversation, pb_json_text(pb_json_get(message, "id")));
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    size_t number = 0;

    if (pb_str_is(pb_json_text(pb_json_get(message, "role")), "tool")) {
        add_result(listing, base, message);
        return;
    }
    if (!json_given(calls) || pb_json_text(pb_json_get(message, "text")).size) {
        write_said(&writer, base, message);
        add(listing, item_id("msg_", base, 0), &buf);
    }
    for (const pb_json *at = pb_json_is(calls, PB_JSON_ARRAY) ? calls->child : NULL; at; at = at->next)
        add_call(listing, base, at, number++);
}

/* A member of the query; absent without. */
static pb_str query_member(const struct exchange *exchange, const char *name)
{
    pb_str query = exchange->request->query;

    while (query.size) {
        pb_str pair = pb_str_slice(query, 0, pb_str_find(query, '&'));
        size_t equals = pb_str_find(pair, '=');
        query = pb_str_slice(query, pair.size + 1, query.size);
        if (pb_str_is(pb_str_slice(pair, 0, equals), name))
            return percent_decode(pb_str_slice(pair, equals + 1, pair.size));
    }
    return (pb_str){0};
}

static pb_status read_query(struct exchange *exchange, struct listing *listing)
{
    pb_str limit = query_member(exchange, "limit"), order = query_member(exchange, "order");

    listing->limit = limit.data ? 0 : 20;
    for (size_t i = 0; i < limit.size; i++)
        listing->limit = limit.data[i] < '0' || limit.data[i] > '9' || listing->limit > 100
                             ? 1000
                             : listing->limit * 10 + (size_t)(limit.data[i] - '0');
    if (listing->limit < 1 || listing->limit > 100)
        fault(exchange, AT(NULL, "limit"), "must be between 1 and 100");
    if (order.data && !pb_str_is(order, "asc") && !pb_str_is(order, "desc"))
        fault(exchange, AT(NULL, "order"), "must be \"asc\" or \"desc\"");
    listing->ascending = pb_str_is(order, "asc");
    listing->after = query_member(exchange, "after");
    return faults_status(exchange);
}

static pb_status answer_page(struct exchange *exchange, const struct listing *listing)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    size_t shown = 0, i = 0;
    pb_str first = {0}, last = {0};
    bool begun = !listing->after.size;

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "object", pb_lit("list"));
    pb_jw_key(&writer, "data");
    pb_jw_open(&writer, '[');
    for (; i < listing->count && shown < listing->limit; i++) {
        const struct listed *item =
            &listing->items[listing->ascending ? i : listing->count - 1 - i];
        if (begun) {
            pb_jw_raw(&writer, item->json);
            last = item->id;
            if (shown++ == 0)
                first = item->id;
        }
        begun = begun || pb_str_equal(item->id, listing->after);
    }
    pb_jw_close(&writer, ']');
    pb_jw_member(&writer, "first_id", first);
    pb_jw_member(&writer, "last_id", last);
    pb_jw_key(&writer, "has_more");
    pb_jw_bool(&writer, i < listing->count);
    pb_jw_close(&writer, '}');
    if (!begun)
        return pb_fail_at(PB_INVALID, "/after", "after: there is no item '%.*s' here",
                          PB_ARG(pb_str_slice(listing->after, 0, 80)));
    return buf.failed ? (pb_status)PB_NO_MEMORY
                      : answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

pb_status responses_input_items(struct exchange *exchange)
{
    struct listing listing = {0};
    struct reference reference;
    struct said said = {0};
    const pb_json *reply;
    size_t room = 0;
    pb_status status = read_query(exchange, &listing);

    if (status == PB_OK)
        status = stored_response(exchange, &reference, &reply);
    if (status == PB_OK)
        status = said_read(exchange, &reference, reply, &said);
    if (status != PB_OK)
        return status;
    for (size_t i = 0; i < said.count; i++) {
        const pb_json *calls = pb_json_get(said.items[i], "tool_calls");
        room += 1 + (calls ? calls->count : 0);
    }
    if (!(listing.items = PB_NEW_ARRAY(struct listed, room + 1)))
        return PB_NO_MEMORY;
    for (size_t i = said.count; i-- > 0;)
        add_message(&listing, reference.conversation, said.items[i]);
    return answer_page(exchange, &listing);
}
