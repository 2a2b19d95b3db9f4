/* fields.c - reading what a client sent: the body as JSON, its fields, and what is wrong with them.
 */
#include "negotiate.h"

/* application/json, or application/…+json, with or without parameters. */
static bool is_json(pb_str type)
{
    pb_str media = pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';')));
    pb_str head = pb_str_slice(media, 0, 12);

    return pb_str_same(media, pb_lit("application/json")) ||
           (pb_str_same(head, pb_lit("application/")) && pb_str_ends(media, pb_lit("+json")));
}

/* What `curl -d` says when it is told nothing, and nothing at all. */
static bool is_unsaid(pb_str type)
{
    return !type.size || pb_str_same(type, pb_lit("application/x-www-form-urlencoded"));
}

/* A web page can send such types without being asked for CORS first: it must not. Browsers name the
 * page in Origin or Sec-Fetch-Site. */
pb_status body_check_type(struct exchange *exchange)
{
    pb_str type = pb_request_header(exchange->request, "content-type");

    if (is_json(type) || (is_unsaid(type) && !pb_request_header(exchange->request, "origin").size &&
                          !pb_request_header(exchange->request, "sec-fetch-site").size))
        return PB_OK;
    exchange->refused_type = true;
    return pb_fail(PB_UNSUPPORTED, "the body must be JSON, with Content-Type: application/json");
}

pb_status body_read(struct exchange *exchange, pb_str *out)
{
    if (exchange->inside)
        return inside_body(exchange, out);
    if (exchange->unpacked) {
        *out = exchange->body;
        return PB_OK;
    }
    pb_status status = pb_request_body(exchange->request, out);

    exchange->late = status == PB_TIMEOUT;
    if (status == PB_OK)
        status = unpack_body(exchange, out);
    exchange->unpacked = status == PB_OK;
    exchange->body = *out;
    return status;
}

pb_status body_json(struct exchange *exchange, const pb_json **out)
{
    pb_str body;
    pb_status status = exchange->inside ? (pb_status)PB_OK : body_check_type(exchange);

    if (status == PB_OK)
        status = body_read(exchange, &body);
    if (status != PB_OK)
        return status;
    if (body.size == 0)
        return pb_fail(PB_INVALID, "the body is empty; it must be a JSON object");
    status = pb_json_parse(body, out);
    if (status == PB_OK && (*out)->type != PB_JSON_OBJECT)
        return pb_fail_at(PB_INVALID, "", "the body must be a JSON object");
    return status;
}

static void add_place(pb_buf *buf, const struct place *place)
{
    if (!place)
        return;
    add_place(buf, place->up);
    pb_buf_byte(buf, '/');
    if (!place->name.data)
        pb_buf_printf(buf, "%zu", place->index);
    for (size_t i = 0; i < place->name.size; i++) {
        char c = place->name.data[i];
        if (c == '~' || c == '/')
            pb_buf_add(buf, c == '/' ? pb_lit("~1") : pb_lit("~0"));
        else
            pb_buf_byte(buf, c);
    }
}

void fault(struct exchange *exchange, const struct place *place, const char *format, ...)
{
    pb_buf pointer = {0};
    va_list args;

    if (exchange->fault_count == FAULTS || exchange->faults == &exchange->no_memory)
        return;
    if (!exchange->faults && !(exchange->faults = PB_NEW_ARRAY(pb_field_error, FAULTS))) {
        exchange->faults = &exchange->no_memory; /* its pointer is absent: faults_status tells */
        exchange->fault_count = 1;
        return;
    }
    va_start(args, format);
    pb_str detail = pb_vprintf(format, args);
    va_end(args);
    add_place(&pointer, place);
    pb_buf_byte(&pointer, 0);
    exchange->faults[exchange->fault_count++] =
        (pb_field_error){.size = (uint32_t)sizeof(pb_field_error),
                         .pointer = pb_str_make(pointer.data, pointer.size - !pointer.failed),
                         .detail = detail};
}

pb_status faults_status(struct exchange *exchange)
{
    const pb_field_error *first = exchange->faults;
    pb_str where;

    if (exchange->fault_count == 0)
        return PB_OK;
    if (!first->pointer.data)
        return PB_NO_MEMORY;
    where = exchange->dialect->dots     ? pointer_as_dots(first->pointer)
            : exchange->dialect->params ? pointer_as_param(first->pointer)
                                        : first->pointer;
    if (exchange->dialect->dots && exchange->fault_count > 1)
        return pb_fail_at(PB_INVALID, first->pointer.data, "%.*s: %.*s (and %zu more)",
                          PB_ARG(where), PB_ARG(first->detail), exchange->fault_count - 1);
    if (exchange->fault_count == 1 || exchange->dialect->params)
        return pb_fail_at(PB_INVALID, first->pointer.data, "%.*s: %.*s", PB_ARG(where),
                          PB_ARG(first->detail));
    return pb_fail_at(PB_INVALID, first->pointer.data, "%zu fields of the request are wrong",
                      exchange->fault_count);
}

/* The next name of a pointer, decoded; what is left behind it. */
static pb_str next_name(pb_str pointer, pb_buf *buf)
{
    pointer = pb_str_slice(pointer, 1, pointer.size);
    pb_str name = pb_str_slice(pointer, 0, pb_str_find(pointer, '/'));

    for (size_t i = 0; i < name.size; i++) {
        bool escape = name.data[i] == '~' && i + 1 < name.size;
        if (escape)
            i++;
        pb_buf_byte(buf, !escape ? name.data[i] : name.data[i] == '1' ? '/' : '~');
    }
    return pb_str_slice(pointer, name.size, pointer.size);
}

pb_str pointer_as_dots(pb_str pointer)
{
    pb_buf buf = {0};

    while (pointer.size > 1) {
        if (buf.size)
            pb_buf_byte(&buf, '.');
        pointer = next_name(pointer, &buf);
    }
    return pb_buf_str(&buf);
}

static bool all_digits(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

pb_str pointer_as_param(pb_str pointer)
{
    pb_buf buf = {0};

    while (pointer.size > 1) {
        pb_str rest = pb_str_slice(pointer, 1, pointer.size);
        bool index = all_digits(pb_str_slice(rest, 0, pb_str_find(rest, '/'))) && buf.size;
        if (buf.size)
            pb_buf_byte(&buf, index ? '[' : '.');
        pointer = next_name(pointer, &buf);
        if (index)
            pb_buf_byte(&buf, ']');
    }
    return pb_buf_str(&buf);
}

bool read_bool(struct exchange *exchange, const pb_json *json, const char *name, bool otherwise)
{
    const pb_json *value = pb_json_get(json, name);

    if (!value || value->type == PB_JSON_NULL)
        return otherwise;
    if (value->type != PB_JSON_TRUE && value->type != PB_JSON_FALSE)
        fault(exchange, AT_NAME(NULL, value->key), "must be true or false");
    return value->type == PB_JSON_TRUE;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

pb_str percent_decode(pb_str text)
{
    pb_buf buf = {0};

    for (size_t i = 0; i < text.size; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && i + 2 < text.size) {
            high = hex(text.data[i + 1]);
            low = hex(text.data[i + 2]);
        }
        if (high < 0 || low < 0) {
            pb_buf_byte(&buf, text.data[i]);
            continue;
        }
        pb_buf_byte(&buf, (char)(high * 16 + low));
        i += 2;
    }
    return pb_buf_str(&buf);
}

pb_pipeline *pipeline_named(const struct http *http, pb_str name)
{
    for (size_t i = 0; i < http->pipelines.count; i++)
        if (pb_str_equal(PB_ITEM(http->pipelines, pb_str, i), name))
            return http->found[i];
    return NULL;
}
