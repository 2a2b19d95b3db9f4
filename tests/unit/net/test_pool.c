/* The pool: limits and the line before them, which connection is used, how long it is kept. */
#include "upstream.h"

static struct upstream upstream;
static atomic_bool hold; /* answers wait until this is false */

static void answer_when_let(struct upstream_peer *peer)
{
    while (peer_request(peer)) {
        char answer[96];
        while (hold)
            sched_yield();
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\n%02d",
                 peer->upstream->arg ? (const char *)peer->upstream->arg : "", peer->index);
        peer_say(peer, answer);
    }
}

static void begin(const struct client_options *options, const char *header)
{
    struct client_options all = *options; /* 0 would keep what the test before has set */

    all.queue = all.queue ? all.queue : 30 * PB_SECOND;
    all.keep_idle = all.keep_idle ? all.keep_idle : 75 * PB_SECOND;
    all.per_host = all.per_host ? all.per_host : 1024;
    all.total = all.total ? all.total : 8192;
    client_setup(&all);
    hold = false;
    upstream_open(&upstream, answer_when_let, header);
}

static void end(void)
{
    client_fini();
    ck_assert_uint_eq(client_figures().open, 0);
    upstream_close(&upstream);
}

static pb_status get_task(void *arg)
{
    pb_str url = upstream_url(&upstream, "/");
    struct got got = get(url);

    (void)arg;
    return got.opened ? got.opened : got.read;
}

static void spawn_many(pb_task **tasks, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pb_spawn(get_task, NULL, &tasks[i]), PB_OK);
}

static void wait_for_requests(int count)
{
    while (upstream.requests < count)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
}

CLIENT_TEST(no_more_connections_than_the_host_may_have)
{
    pb_task *tasks[40];

    begin(&(struct client_options){.per_host = 4}, NULL);
    hold = true;
    spawn_many(tasks, 40);
    wait_for_requests(4);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    ck_assert_uint_eq(client_figures().open, 4);
    ck_assert_int_eq(upstream.requests, 4);
    hold = false;
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    ck_assert_int_eq(upstream.accepted, 4);
    ck_assert_int_eq(upstream.requests, 40);
    end();
}

CLIENT_TEST(who_waits_and_leaves_does_not_block_the_others)
{
    pb_task *tasks[6];

    begin(&(struct client_options){.per_host = 1}, NULL);
    hold = true;
    spawn_many(tasks, 6);
    wait_for_requests(1);
    pb_task_cancel(tasks[1]);
    pb_task_cancel(tasks[3]);
    hold = false;
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pb_join(tasks[i]), i == 1 || i == 3 ? PB_CANCELLED : PB_OK);
    ck_assert_int_eq(upstream.requests, 4);
    end();
}

CLIENT_TEST(the_line_ends_after_a_while)
{
    pb_task *tasks[2];

    begin(&(struct client_options){.per_host = 1, .queue = 20 * PB_MILLISECOND}, NULL);
    hold = true;
    spawn_many(tasks, 2);
    ck_assert_int_eq(pb_join(tasks[1]), PB_UNAVAILABLE);
    ck_sentence("too many requests to '127.0.0.1:");
    ck_assert_int_gt(pb_error_last()->retry_after, 0);
    hold = false;
    ck_assert_int_eq(pb_join(tasks[0]), PB_OK);
    end();
}

/* In all: an idle connection of another host makes room. */
CLIENT_TEST(no_more_connections_than_in_all)
{
    struct upstream second;
    pb_task *tasks[10];

    begin(&(struct client_options){.total = 2}, NULL);
    upstream_open(&second, answer_when_let, NULL);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_OK);
        ck_assert_int_eq(get(upstream_url(&second, "/")).opened, PB_OK);
    }
    ck_assert_int_eq(upstream.accepted, 1);
    ck_assert_uint_eq(client_figures().open, 2);
    hold = true;
    spawn_many(tasks, 10);
    wait_for_requests(4 + 2);
    ck_assert_uint_eq(client_figures().open, 2);
    hold = false;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    ck_assert_int_eq(upstream.accepted, 2);
    client_fini();
    upstream_close(&second);
    end();
}

CLIENT_TEST(the_newest_is_used_first)
{
    pb_task *tasks[3];

    begin(&(struct client_options){0}, NULL);
    hold = true;
    spawn_many(tasks, 3);
    wait_for_requests(3);
    hold = false;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    ck_assert_uint_eq(client_figures().idle, 3);
    pb_str first = get(upstream_url(&upstream, "/")).body;
    for (int i = 0; i < 5; i++)
        ck_assert(pb_str_equal(get(upstream_url(&upstream, "/")).body, first));
    ck_assert_int_eq(upstream.accepted, 3);
    end();
}

CLIENT_TEST(an_idle_connection_is_closed_after_a_while)
{
    begin(&(struct client_options){.keep_idle = 75 * PB_SECOND}, NULL);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_OK);
    loop_clock_advance(74 * PB_SECOND);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_uint_eq(client_figures().idle, 1);
    loop_clock_advance(2 * PB_SECOND);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_uint_eq(client_figures().open, 0);
    end();
    ck_assert_int_eq(upstream.saw_end, 1);
}

CLIENT_TEST(a_server_may_say_how_long)
{
    begin(&(struct client_options){0}, "Keep-Alive: max=100, timeout=5\r\n");
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_OK);
    loop_clock_advance(3 * PB_SECOND);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_uint_eq(client_figures().idle, 1);
    loop_clock_advance(2 * PB_SECOND);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_uint_eq(client_figures().open, 0);
    end();
}

static void once(struct upstream_peer *peer)
{
    peer_request(peer);
    peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
}

/* The server closes while the connection is idle: it is gone before anyone uses it. */
CLIENT_TEST(an_idle_connection_that_ends_is_forgotten)
{
    client_setup(&(struct client_options){0});
    upstream_open(&upstream, once, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_OK);
        while (client_figures().open)
            ck_assert_int_eq(pb_sleep(0), PB_OK);
    }
    ck_assert_uint_eq(client_figures().retried, 0);
    ck_assert_int_eq(upstream.accepted, 3);
    end();
}

int main(void)
{
    return suite_run(
        "pool", (const TTest *[]){
                    no_more_connections_than_the_host_may_have,
                    who_waits_and_leaves_does_not_block_the_others, the_line_ends_after_a_while,
                    no_more_connections_than_in_all, the_newest_is_used_first,
                    an_idle_connection_is_closed_after_a_while, a_server_may_say_how_long,
                    an_idle_connection_that_ends_is_forgotten, NULL});
}
