/* Server-sent events: every form of line end, split anywhere; limits; what is copied and what not. */
#include "net/client.h"
#include "suite.h"

#include <patchbay/task.h>
#include <stdlib.h>

/* The body is this text in pieces: http_read of the real client is not linked in, see below. */
static pb_str source;
static size_t cut_first, cut_size; /* one cut at cut_first, or pieces of cut_size */
static size_t at;
static char *chunk; /* of its own memory, so that the sanitizer sees what is used too long */

pb_status host_http_read(pb_http *http, pb_str *out)
{
    size_t size = source.size - at;

    (void)http;
    if (cut_size && size > cut_size)
        size = cut_size;
    else if (!cut_size && at < cut_first && size > cut_first - at)
        size = cut_first - at;
    free(chunk);
    chunk = malloc(size + 1);
    if (size)
        memcpy(chunk, source.data + at, size);
    at += size;
    *out = pb_str_make(chunk, size);
    return PB_OK;
}

/* "type|id|data\n" for each event. */
static pb_str read_all(pb_str text, size_t limit, pb_status *status)
{
    pb_sse sse = pb_sse_make(NULL, limit);
    pb_sse_event event;
    pb_buf out = {0};
    bool ended = false;

    source = text;
    at = 0;
    while ((*status = pb_sse_next(&sse, &event, &ended)) == PB_OK && !ended) {
        pb_buf_printf(&out, "%.*s|%.*s|", PB_ARG(event.event), PB_ARG(event.id));
        pb_buf_add(&out, event.data);
        pb_buf_byte(&out, '\n');
    }
    if (*status == PB_OK) { /* the end stays the end */
        ck_assert_int_eq(pb_sse_next(&sse, &event, &ended), PB_OK);
        ck_assert(ended);
    }
    free(chunk);
    chunk = NULL;
    return pb_str_make(out.data ? out.data : "", out.size);
}

static void expect(pb_str text, const char *events)
{
    pb_status status;

    for (cut_size = 0, cut_first = 0; cut_first <= text.size; cut_first++) {
        pb_scope *scope = pb_scope_begin();
        ck_text(read_all(text, 0, &status), events);
        ck_assert_int_eq(status, PB_OK);
        pb_scope_end(scope);
    }
    for (cut_size = 1; cut_size < 8; cut_size++) {
        pb_scope *scope = pb_scope_begin();
        ck_text(read_all(text, 0, &status), events);
        pb_scope_end(scope);
    }
}

START_TEST(events_split_anywhere)
{
    static const char text[] = ": a comment\n"
                               "data: one\n\n"
                               "event: second\nid: 7\ndata:two\n\n"
                               "data: first line\ndata:  second\ndata\ndata: last\n\n"
                               "data\n\n"
                               "data:\ndata:\n\n"
                               "event: no data\n\n"
                               "id: 8\n\n"
                               "data: after\n\n"
                               "nonsense: x\nretry: 5\ndata: {\"a\": \"b: c\"}\nevent: late\n\n"
                               "data: without its blank line\n";
    static const char events[] = "||one\n"
                                 "second|7|two\n"
                                 "||first line\n second\n\nlast\n"
                                 "||\n"
                                 "||\n\n"
                                 "|8|after\n"
                                 "late||{\"a\": \"b: c\"}\n";
    static const char *const ends[] = {"\n", "\r\n", "\r"};

    for (int i = 0; i < 3; i++) {
        pb_buf buf = {0};
        for (const char *c = text; *c; c++)
            pb_buf_add(&buf, *c == '\n' ? pb_str_of(ends[i]) : pb_str_make(c, 1));
        expect(pb_buf_str(&buf), events);
    }
}
END_TEST

START_TEST(mixed_line_ends)
{
    expect(pb_lit("data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\r\rdata: e\n\rdata: f\r\n\n"),
           "||a\nb\nc\n||d\n||e\n||f\n");
}
END_TEST

START_TEST(a_byte_order_mark_only_at_the_start)
{
    expect(pb_lit("\xEF\xBB\xBF" "data: a\n\ndata: b\n\n"), "||a\n||b\n");
    expect(pb_lit("data: a\n\n\xEF\xBB\xBF" "data: b\n\n"), "||a\n");
    expect(pb_lit("\xEF\xBB\xBF"), "");
    expect(pb_lit(""), "");
    expect(pb_lit("\n\n\r\r\n"), "");
}
END_TEST

START_TEST(bytes_of_any_kind_pass)
{
    pb_status status;
    cut_size = 3;
    pb_str all = read_all(pb_str_make("data: a\0b\n\nid: x\0y\ndata: c\n\n", 28), 0, &status);
    ck_assert(pb_str_equal(all, pb_str_make("||a\0b\n||c\n", 10))); /* an id with NUL is none */
}
END_TEST

START_TEST(the_limit_holds_for_lines_and_events)
{
    static const char *const long_ones[] = {"data: 12345678901234567890\n\n",
                                            ": 12345678901234567890\n\ndata: x\n\n",
                                            "12345678901234567890",
                                            "data: 1234567\ndata: 1234567\ndata: 1234567\n\n"};
    pb_status status;

    for (size_t i = 0; i < 4; i++)
        for (cut_size = 1; cut_size < 40; cut_size++) {
            read_all(pb_str_of(long_ones[i]), 16, &status);
            ck_assert_int_eq(status, PB_BAD_UPSTREAM);
        }
    for (cut_size = 1; cut_size < 40; cut_size++) {
        ck_text(read_all(pb_lit("data: 1234567890\n\ndata: 1\n\n"), 16, &status), "||1234567890\n||1\n");
        ck_assert_int_eq(status, PB_OK);
    }
}
END_TEST

START_TEST(a_burst_in_one_chunk_copies_nothing)
{
    pb_buf buf = {0};
    pb_sse sse = pb_sse_make(NULL, 0);
    pb_sse_event event;
    bool ended;

    for (int i = 0; i < 66; i++)
        pb_buf_printf(&buf, "event: delta\ndata: {\"index\":%d}\n\n", i);
    source = pb_buf_str(&buf);
    at = cut_size = cut_first = 0;
    void *before = pb_alloc(1);
    for (int i = 0; i < 66; i++) {
        ck_assert_int_eq(pb_sse_next(&sse, &event, &ended), PB_OK);
        ck_assert(event.data.data > chunk && event.data.data < chunk + source.size);
        ck_assert(event.event.data > chunk && event.event.data < chunk + source.size);
    }
    ck_assert_int_eq((char *)pb_alloc(1) - (char *)before, 16); /* nothing was allocated between */
    free(chunk);
    chunk = NULL;
}
END_TEST

/* A long stream cut badly uses the same buffers again and again. */
START_TEST(a_long_stream_keeps_its_size)
{
    pb_buf buf = {0};
    pb_sse sse = pb_sse_make(NULL, 0);
    pb_sse_event event;
    bool ended = false;
    int count = 0;

    for (int i = 0; i < 2000; i++)
        pb_buf_printf(&buf, "event: delta\nid: %d\ndata: {\"a\":1}\ndata: {\"b\":2}\n\n", i);
    source = pb_buf_str(&buf);
    at = 0;
    cut_size = 11;
    char *before = pb_alloc(1);
    while (pb_sse_next(&sse, &event, &ended) == PB_OK && !ended)
        count++;
    ck_assert_int_eq(count, 2000);
    ck_assert_uint_le(sse.line.capacity + sse.joined.capacity + sse.event.capacity + sse.id.capacity,
                      1024);
    ck_assert_ptr_nonnull(before);
    free(chunk);
    chunk = NULL;
}
END_TEST

int main(void)
{
    return suite_run("sse", (const TTest *[]){events_split_anywhere, mixed_line_ends,
                                              a_byte_order_mark_only_at_the_start,
                                              bytes_of_any_kind_pass,
                                              the_limit_holds_for_lines_and_events,
                                              a_burst_in_one_chunk_copies_nothing,
                                              a_long_stream_keeps_its_size, NULL});
}
