/* test_conn.c - a connection between two conns on one loop, and to a plain socket of the test. */
#include "net/conn.h"

#include "runtime/task.h"
#include "suite.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

/* One side, with what it saw. */
struct side {
    struct conn conn;
    char *text;
    size_t size;
    int ready, ended, drained, blocked, closed, reads;
    pb_status why;
    char sentence[128];
    bool (*done)(struct side *side); /* stops the loop when true */
};

static struct side one, two;

static void check_done(struct side *side)
{
    if (side->done && side->done(side))
        loop_stop();
}

static void on_ready(struct conn *conn)
{
    struct side *side = list_entry(conn, struct side, conn);
    side->ready++;
    check_done(side);
}

static void on_data(struct conn *conn, const char *data, size_t size)
{
    struct side *side = list_entry(conn, struct side, conn);
    side->text = realloc(side->text, side->size + size + 1);
    memcpy(side->text + side->size, data, size);
    side->size += size;
    side->text[side->size] = 0;
    side->reads++;
    check_done(side);
}

static void on_end(struct conn *conn, pb_status why, const char *sentence)
{
    struct side *side = list_entry(conn, struct side, conn);
    side->ended++;
    side->why = why;
    snprintf(side->sentence, sizeof side->sentence, "%s", sentence);
    check_done(side);
}

static void on_block(struct conn *conn)
{
    list_entry(conn, struct side, conn)->blocked++;
}

static void on_drain(struct conn *conn)
{
    struct side *side = list_entry(conn, struct side, conn);
    side->drained++;
    check_done(side);
}

static void on_closed(struct conn *conn)
{
    struct side *side = list_entry(conn, struct side, conn);
    side->closed++;
    if (one.closed && two.closed)
        loop_stop();
}

static const struct conn_ops ops = {on_ready, on_data, on_end, on_block, on_drain};

static int listen_any(struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &size), 0);
    return fd;
}

static bool is_ready(struct side *side)
{
    return side->ready;
}
static bool has_ended(struct side *side)
{
    return side->ended;
}

/* Connects side one to a socket of ours and returns it. */
static int connect_one(void)
{
    struct sockaddr_in at;
    int listener = listen_any(&at);

    ck_assert_int_eq(loop_init(), PB_OK);
    conn_init(&one.conn, &ops);
    one.done = is_ready;
    ck_assert_int_eq(conn_connect(&one.conn, (struct sockaddr *)&at), PB_OK);
    ck_assert(!conn_usable(&one.conn));
    loop_run();
    ck_assert(conn_usable(&one.conn));
    one.done = NULL;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listener);
    return fd;
}

static void connect_both(void)
{
    int fd = connect_one();
    conn_init(&two.conn, &ops);
    ck_assert_int_eq(conn_open_fd(&two.conn, fd), PB_OK);
}

static void close_both(void)
{
    conn_close(&one.conn, on_closed);
    conn_close(&two.conn, on_closed);
    conn_close(&two.conn, on_closed); /* twice is once */
    loop_run();
    ck_assert_int_eq(one.closed, 1);
    ck_assert_int_eq(two.closed, 1);
    loop_fini();
    free(one.text);
    free(two.text);
}

static bool has_ten(struct side *side)
{
    return side->size >= 10;
}

START_TEST(writes_of_a_round_go_out_together)
{
    connect_both();
    two.done = has_ten;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(conn_write(&one.conn, &"0123456789"[i], 1), PB_OK);
    ck_assert_uint_eq(conn_pending(&one.conn), 10);
    loop_run();
    ck_assert_str_eq(two.text, "0123456789");
    ck_assert_int_eq(two.reads, 1);
    ck_assert_uint_eq(conn_pending(&one.conn), 0);
    ck_assert_ptr_null(one.conn.out.data); /* nothing is held */
    ck_assert_uint_eq(conn_taken(&one.conn), 10);
    close_both();
}
END_TEST

enum { LARGE = 32 << 20 };

static bool has_large(struct side *side)
{
    return side->size == LARGE;
}

START_TEST(what_does_not_fit_goes_out_as_the_other_side_reads)
{
    char *large = malloc(LARGE);

    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 251);
    connect_both();
    ck_assert_int_eq(conn_write(&one.conn, large, LARGE), PB_OK);
    ck_assert_int_eq(one.blocked, 1); /* at once: it is more than the kernel takes */
    ck_assert_uint_gt(conn_pending(&one.conn), 0);
    ck_assert_uint_eq(conn_pending(&one.conn) + conn_taken(&one.conn), LARGE);
    two.done = has_large;
    loop_run();
    ck_assert_int_eq(memcmp(two.text, large, LARGE), 0);
    if (!one.drained) { /* its own side may learn of it a round later */
        one.done = has_ended;
        conn_finish(&two.conn);
        loop_run();
    }
    ck_assert_int_eq(one.drained, 1);
    ck_assert_uint_eq(conn_pending(&one.conn), 0);
    free(large);
    close_both();
}
END_TEST

START_TEST(a_paused_side_is_not_read)
{
    connect_both();
    conn_pause(&two.conn);
    conn_write(&one.conn, "0123456789", 10);
    conn_write(&two.conn, "0123456789", 10);
    one.done = has_ten;
    loop_run();
    ck_assert_uint_eq(two.size, 0);
    conn_resume(&two.conn);
    two.done = has_ten;
    loop_run();
    ck_assert_uint_eq(two.size, 10);
    close_both();
}
END_TEST

START_TEST(finish_sends_everything_and_ends)
{
    connect_both();
    conn_write(&one.conn, "0123456789", 10);
    conn_finish(&one.conn);
    ck_assert_int_eq(conn_write(&one.conn, "more", 4), PB_CANCELLED);
    ck_assert(!conn_usable(&one.conn));
    two.done = has_ended;
    loop_run();
    ck_assert_str_eq(two.text, "0123456789");
    ck_assert_int_eq(two.why, PB_OK);
    conn_write(&two.conn, "9876543210", 10); /* the other direction is open */
    one.done = has_ten;
    loop_run();
    ck_assert_str_eq(one.text, "9876543210");
    close_both();
}
END_TEST

START_TEST(a_reset_is_told_once)
{
    struct linger linger = {.l_onoff = 1};
    int fd = connect_one();

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
    for (int i = 0; i < 3; i++)
        conn_write(&one.conn, "x", 1);
    one.done = has_ended;
    loop_run();
    ck_assert_int_eq(one.why, PB_UNAVAILABLE);
    ck_assert_int_eq(one.ended, 1);
    ck_assert_int_eq(conn_write(&one.conn, "x", 1), PB_CANCELLED);
    two.closed = 1;
    conn_close(&one.conn, on_closed);
    loop_run();
    ck_assert_int_eq(one.ended, 1);
    loop_fini();
}
END_TEST

START_TEST(refused_is_said)
{
    struct sockaddr_in at;

    close(listen_any(&at));
    ck_assert_int_eq(loop_init(), PB_OK);
    conn_init(&one.conn, &ops);
    one.done = has_ended;
    ck_assert_int_eq(conn_connect(&one.conn, (struct sockaddr *)&at), PB_OK);
    conn_write(&one.conn, "early", 5);
    loop_run();
    ck_assert_int_eq(one.why, PB_UNAVAILABLE);
    ck_assert_str_eq(one.sentence, "connection refused");
    ck_assert_int_eq(one.ready, 0);
    two.closed = 1;
    conn_close(&one.conn, on_closed);
    loop_run();
    loop_fini();
}
END_TEST

START_TEST(closing_while_connecting_and_while_writing_is_quiet)
{
    struct sockaddr_in at;
    int listener = listen_any(&at);
    char *large = calloc(1, LARGE);

    ck_assert_int_eq(loop_init(), PB_OK);
    conn_init(&one.conn, &ops);
    ck_assert_int_eq(conn_connect(&one.conn, (struct sockaddr *)&at), PB_OK);
    conn_close(&one.conn, on_closed);
    conn_init(&two.conn, &ops);
    two.done = is_ready;
    ck_assert_int_eq(conn_connect(&two.conn, (struct sockaddr *)&at), PB_OK);
    loop_run();
    conn_write(&two.conn, large, LARGE);
    ck_assert_int_eq(two.blocked, 1);
    conn_close(&two.conn, on_closed);
    two.done = NULL;
    while (!one.closed || !two.closed)
        loop_run();
    ck_assert_int_eq(one.ready + one.ended + two.ended + two.drained, 0);
    loop_fini();
    free(large);
    close(listener);
}
END_TEST

static void forget(void)
{
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
}

int main(void)
{
    TCase *cases = suite_case(
        "conn", forget, NULL,
        (const TTest *const[]){
            writes_of_a_round_go_out_together, what_does_not_fit_goes_out_as_the_other_side_reads,
            a_paused_side_is_not_read, finish_sends_everything_and_ends, a_reset_is_told_once,
            refused_is_said, closing_while_connecting_and_while_writing_is_quiet, NULL});
    return suite_run_cases("conn", (TCase *const[]){cases, NULL});
}
