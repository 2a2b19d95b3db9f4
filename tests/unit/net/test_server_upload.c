/* test_server_upload.c - bodies that are read piece by piece: lengths and chunks, limits,
 * back-pressure, time-outs, clients that leave; and answers whose length is told. */
#include "net/server_bench.h"
#include "suite.h"

static _Atomic int go;
static _Atomic long taken;

/* Adds up what comes; "/slow" takes the first piece only when it is told to. */
static pb_status count(pb_request *request)
{
    pb_bytes piece;
    pb_status status = PB_OK;
    uint64_t sum = 0, size = 0;

    while (pb_str_is(request->path, "/slow") && !go && status == PB_OK)
        status = pb_sleep(PB_MILLISECOND);
    while (status == PB_OK && (status = pb_request_read(request, &piece)) == PB_OK && piece.size) {
        for (size_t i = 0; i < piece.size; i++)
            sum = sum * 31 + piece.data[i];
        size += piece.size;
        taken = (long)size;
        if (pb_str_is(request->path, "/steps"))
            status = pb_sleep(0);
    }
    seen.last_status = status;
    if (status != PB_OK)
        return status;
    ck_assert_int_eq(pb_request_read(request, &piece), PB_OK); /* the end stays the end */
    ck_assert_uint_eq(piece.size, 0);
    return pb_respond(request, 200, NULL, 0,
                      pb_printf("%llu %llx", (unsigned long long)size, (unsigned long long)sum));
}

static pb_status tell_length(pb_request *request)
{
    bool more = pb_str_is(request->query, "more"), less = pb_str_is(request->query, "less");
    pb_header header = {PB_LIT("Content-Length"), PB_LIT("10")};
    pb_status status = pb_respond_begin(request, 200, &header, 1);

    if (status == PB_OK)
        status = pb_respond_write(request, pb_lit("01234"));
    if (status == PB_OK && !less)
        status = pb_respond_write(request, more ? pb_lit("567890") : pb_lit("56789"));
    seen.last_status = status == PB_OK ? pb_respond_end(request) : status;
    return seen.last_status;
}

static pb_status handle(void *self, pb_request *request)
{
    pb_status status;
    pb_bytes piece;
    pb_str body;

    (void)self;
    seen.handled++;
    if (pb_str_is(request->path, "/length")) {
        status = tell_length(request);
    } else if (pb_str_is(request->path, "/whole")) {
        status = pb_request_body(request, &body);
        seen.last_status = status;
        if (status == PB_OK) {
            ck_assert_int_eq(pb_request_read(request, &piece), PB_INTERNAL);
            status = pb_respond(request, 200, NULL, 0, body);
        }
    } else if (pb_str_is(request->path, "/ignore")) {
        status = pb_respond(request, 200, NULL, 0, pb_lit("not read"));
    } else {
        status = count(request);
    }
    seen.ended++;
    return status;
}

/* --- what comes is what was sent ---------------------------------------------------------------
 */

enum { SIZE = 3 << 20 };
static char data[SIZE];

static const char *expected(size_t size)
{
    static char text[64];
    uint64_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (unsigned char)data[i];
    (void)snprintf(text, sizeof text, "\r\n\r\n%zu %llx", size, (unsigned long long)sum);
    return text;
}

static void fill_data(void)
{
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 + i / 977);
}

static void say_head(int fd, const char *path, const char *how)
{
    char head[256];

    (void)snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", path, how);
    say(fd, head);
}

static void say_with_length(int fd, const char *path, size_t size)
{
    char how[64];

    (void)snprintf(how, sizeof how, "Content-Length: %zu", size);
    say_head(fd, path, how);
    say_bytes(fd, data, size);
}

static void say_in_chunks(int fd, const char *path, size_t size)
{
    char frame[32];

    say_head(fd, path, "Transfer-Encoding: chunked");
    for (size_t at = 0, step = 1; at < size; at += step, step = step * 3 + 1) {
        if (step > size - at)
            step = size - at;
        (void)snprintf(frame, sizeof frame, "%zx\r\n", step);
        say(fd, frame);
        say_bytes(fd, data + at, step);
        say(fd, "\r\n");
    }
    say(fd, "0\r\n\r\n");
}

static void pieces_client(void)
{
    static const size_t sizes[] = {0, 1, 70000, SIZE};
    int fd = dial();

    fill_data();
    for (size_t i = 0; i < 4; i++) { /* all on one connection: nothing is left over */
        say_with_length(fd, "/count", sizes[i]);
        expect_ends(hear(fd), expected(sizes[i]));
        say_in_chunks(fd, "/steps", sizes[i]);
        expect_ends(hear(fd), expected(sizes[i]));
    }
    say_head(fd, "/count", "Content-Length: 5\r\nExpect: 100-continue");
    expect_starts(hear(fd), "HTTP/1.1 100 ");
    say_bytes(fd, data, 5);
    expect_ends(hear(fd), expected(5));
    say(fd, "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    expect_ends(hear(fd), "\r\n\r\nhello");
    close(fd);
}

START_TEST(what_was_sent_comes_in_pieces)
{
    bench.spec.max_body = 100000;
    with_server(handle, pieces_client);
    ck_assert_int_eq(seen.handled, 10);
}
END_TEST

/* --- limits -------------------------------------------------------------------------------------
 */

static void expect_refused(const char *path, size_t size, bool chunks)
{
    int fd = dial();

    if (chunks)
        say_in_chunks(fd, path, size);
    else
        say_with_length(fd, path, size);
    expect_starts(hear(fd), "HTTP/1.1 413 ");
    close(fd);
}

static void limits_client(void)
{
    fill_data();
    expect_refused("/count", 20001, false);
    expect_refused("/count", 20001, true);
    expect_refused("/whole", 1001, false); /* each kind has its own */
    expect_refused("/whole", 1001, true);
    int fd = dial();
    say_in_chunks(fd, "/count", 20000);
    expect_ends(hear(fd), expected(20000));
    say_with_length(fd, "/whole", 1000);
    expect_starts(hear(fd), "HTTP/1.1 200 ");
    say_with_length(fd, "/ignore", 20000);
    expect_ends(hear(fd), "not read");
    close(fd);
    fd = dial(); /* nobody is asked to send what will not be taken */
    say_head(fd, "/count", "Content-Length: 20001\r\nExpect: 100-continue");
    expect_starts(hear(fd), "HTTP/1.1 413 ");
    close(fd);
}

START_TEST(limits_are_those_of_the_kind)
{
    bench.spec.max_body = 1000;
    bench.spec.max_upload = 20000;
    with_server(handle, limits_client);
}
END_TEST

/* --- back-pressure and time
 * ----------------------------------------------------------------------- */

/* Sends until the kernel takes no more; how much that was. */
static size_t say_until_full(int fd, size_t most)
{
    struct timeval wait = {.tv_usec = 300000};
    size_t sent = 0;

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait), 0);
    while (sent < most) {
        ssize_t took = send(fd, data, most - sent < SIZE ? most - sent : SIZE, MSG_NOSIGNAL);
        if (took <= 0)
            break;
        sent += (size_t)took;
    }
    wait.tv_usec = 0;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait), 0);
    return sent;
}

static void pressure_client(void)
{
    enum { MUCH = 256 << 20 };
    char how[64];
    int fd = dial();

    (void)snprintf(how, sizeof how, "Content-Length: %d", MUCH);
    say_head(fd, "/slow", how);
    size_t sent = say_until_full(fd, MUCH);
    ck_assert_uint_lt(sent, MUCH); /* it waits for whoever takes it */
    go = 1;
    while (sent < MUCH) {
        size_t size = MUCH - sent < SIZE ? MUCH - sent : SIZE;
        say_bytes(fd, data, size);
        sent += size;
    }
    expect_starts(hear(fd), "HTTP/1.1 200 ");
    ck_assert_int_eq(taken, MUCH);
    close(fd);
}

START_TEST(a_client_waits_for_the_reader)
{
    bench.spec.max_upload = (int64_t)1 << 30;
    with_server(handle, pressure_client);
}
END_TEST

static void late_client(void)
{
    int fd = dial();

    say_head(fd, "/count", "Content-Length: 100");
    say_bytes(fd, "x", 1);
    expect_starts(hear(fd), "HTTP/1.1 408 ");
    close(fd);
    ck_assert_int_eq(seen.last_status, PB_TIMEOUT);
}

START_TEST(a_client_that_stops_is_late)
{
    bench.spec.body_timeout = 20 * PB_MILLISECOND;
    with_server(handle, late_client);
}
END_TEST

/* What does not wait for the client is not its fault: the reader begins long after the time-out. */
static void patient_client(void)
{
    int fd = dial();

    say_with_length(fd, "/slow", 200000);
    int other = dial();
    for (pb_duration end = pb_monotonic() + 80 * PB_MILLISECOND; pb_monotonic() < end;) {
        say(other, "GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n");
        expect_ends(hear(other), "not read");
    }
    close(other);
    go = 1;
    expect_starts(hear(fd), "HTTP/1.1 200 ");
    close(fd);
}

START_TEST(a_slow_reader_is_not_the_clients_fault)
{
    bench.spec.body_timeout = 20 * PB_MILLISECOND;
    bench.spec.max_body = 1000;
    with_server(handle, patient_client);
}
END_TEST

static void leaving_client(void)
{
    int fd = dial();

    say_head(fd, "/count", "Content-Length: 100000");
    say_bytes(fd, data, 5000);
    until(taken >= 5000);
    close(fd);
    until(seen.ended);
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
    fd = dial();
    say_head(fd, "/count", "Transfer-Encoding: chunked");
    say(fd, "5\r\nhello\r\nrubbish\r\n");
    expect_starts(hear(fd), "HTTP/1.1 400 ");
    close(fd);
}

START_TEST(broken_bodies_are_told)
{
    with_server(handle, leaving_client);
}
END_TEST

/* --- answers
 * ---------------------------------------------------------------------------------------- */

static void length_client(void)
{
    int fd = dial();

    say(fd, "GET /length HTTP/1.1\r\nHost: a\r\n\r\n");
    char *answer = hear(fd);
    expect_has(answer, "Content-Length: 10\r\n");
    expect_not(answer, "chunked");
    expect_ends(answer, "\r\n\r\n0123456789");
    say(fd, "HEAD /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_has(rest, "Content-Length: 10\r\n");
    expect_ends(rest, "\r\n\r\n");
    free(rest);
    close(fd);
    for (int i = 0; i < 2; i++) {
        fd = dial();
        say(fd, i ? "GET /length?less HTTP/1.1\r\nHost: a\r\n\r\n"
                  : "GET /length?more HTTP/1.1\r\nHost: a\r\n\r\n");
        rest = hear_all(fd, NULL); /* cut off, as far as it came */
        ck_assert_ptr_null(strstr(rest, "56789"));
        free(rest);
        close(fd);
    }
}

START_TEST(a_length_that_is_told_is_kept)
{
    with_server(handle, length_client);
    ck_assert_int_eq(seen.last_status, PB_INTERNAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_was_sent_comes_in_pieces,          limits_are_those_of_the_kind,
        a_client_waits_for_the_reader,          a_client_that_stops_is_late,
        a_slow_reader_is_not_the_clients_fault, broken_bodies_are_told,
        a_length_that_is_told_is_kept,          NULL};
    return suite_run("server_upload", tests);
}
