/* test_takeover.c - the hub dies, or becomes another program; its workers serve on. */
#include "hub_role.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static int connect_to(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static int listen_in(struct child *worker)
{
    say(worker, "listen web 127.0.0.1:0");
    return atoi(hear_word(worker, "port "));
}

static void check_serves(struct child *worker, int port)
{
    int client = connect_to(port);
    ask(worker, "accept 0", "accepted");
    close(client);
}

/* Hears until all of these words were said, in any order. */
static void hear_all(struct child *child, const char *const *words)
{
    bool said[8] = {false};
    size_t count = 0, heard_count = 0;

    while (words[count])
        count++;
    while (heard_count < count) {
        const char *heard = hear(child);
        ck_assert_msg(*heard, "process %d ended", (int)child->pid);
        for (size_t i = 0; i < count; i++)
            if (!said[i] && strncmp(heard, words[i], strlen(words[i])) == 0) {
                said[i] = true;
                heard_count++;
                break;
            }
    }
}

START_TEST(workers_and_their_listener_are_adopted)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    char again[32], adopted[2][64];
    int port = listen_in(&one);

    snprintf(again, sizeof again, "port %d", port);
    ask(&two, "listen web 127.0.0.1:0", again);
    say(&one, "node ready");
    hear_word(&hub, "ready 1");
    say(&two, "node ready");
    hear_word(&hub, "ready 2");
    ask(&one, "node connections 3", "fewest 0");
    ask(&two, "node connections 4", "fewest 3");
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    hear_exactly(&two, "disconnected");
    check_serves(&one, port);
    ask(&one, "node connections 3", "fewest 3"); /* the scoreboard is there still */
    hub = start_hub();
    snprintf(adopted[0], sizeof adopted[0], "adopted 1 of 1, pid %d, 3 connections", (int)one.pid);
    snprintf(adopted[1], sizeof adopted[1], "adopted 2 of 1, pid %d, 4 connections", (int)two.pid);
    hear_all(&hub, (const char *const[]){adopted[0], adopted[1], "settled", NULL});
    hear_exactly(&one, "reconnected");
    hear_exactly(&two, "reconnected");
    check_serves(&two, port);
    struct child three = start_worker(&hub, 3);
    ask(&three, "listen web 127.0.0.1:0", again);
    check_serves(&three, port);
    ask(&three, "node connections 9", "fewest 3"); /* all three on one scoreboard */
    say(&hub, "order 1 0");
    hear_exactly(&one, "drain");
    ask(&three, "bus subscribe cluster.gone", "subscribed");
    ask(&three, "ask nothing", "answers 0");
    kill_child(&one);
    hear_exactly(&hub, "gone worker 1");
    hear_word(&three, "bus cluster.gone ");
    check_serves(&two, port);
    end(&two);
    end(&three);
    end(&hub);
}
END_TEST

START_TEST(a_new_worker_waits_for_the_orphans_listener)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1);
    char again[32];
    int port = listen_in(&one);

    snprintf(again, sizeof again, "port %d", port);
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    say(&one, "listen web 127.0.0.1:0"); /* asked while nobody is there: asked again later */
    kill(one.pid, SIGSTOP);
    hub = start_hub();
    ask(&hub, "waits", "waits");
    struct child two = start_worker(&hub, 2);
    say(&two, "listen web 127.0.0.1:0");
    kill(one.pid, SIGCONT);
    hear_exactly(&two, again);
    hear_word(&hub, "adopted 1");
    hear_exactly(&hub, "settled");
    check_serves(&two, port);
    hear_all(&one, (const char *const[]){"reconnected", again, NULL});
    say(&one, "node ready");
    say(&two, "node ready"); /* two was first: one moved to its scoreboard */
    hear_word(&hub, "ready");
    hear_word(&hub, "ready");
    ask(&one, "node connections 2", "fewest 0");
    ask(&two, "node connections 8", "fewest 2");
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(orphans_that_die_are_not_waited_for)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), guest;

    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    kill(one.pid, SIGSTOP);
    hub = start_hub();
    guest = start("node");
    hear_exactly(&guest, "joined guest");
    ask(&guest, "bus subscribe cluster.gone", "subscribed");
    say(&guest, "lease take poller 0");
    ask(&hub, "waits", "waits");
    kill_child(&one);
    hear_exactly(&hub, "settled");
    hear_all(&guest, (const char *const[]){"bus cluster.gone ", "token ", NULL});
    end(&hub);
    hub = start_hub(); /* after a clean end there is nobody */
    ask(&hub, "waits", "does not wait");
    kill_child(&guest);
    end(&hub);
}
END_TEST

START_TEST(an_orphan_that_hangs_is_waited_for_within_a_limit)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1);

    say(&one, "lease take poller 0");
    hear_word(&one, "token ");
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    kill(one.pid, SIGSTOP);
    hub = start_hub();
    struct child two = start_worker(&hub, 2);
    say(&two, "lease take poller 0");
    ask(&hub, "advance 6000", "advanced");
    hear_exactly(&hub, "settled");
    hear_word(&two, "token ");
    kill(one.pid, SIGCONT);
    hear_word(&hub, "adopted 1"); /* late, but welcome; its lease is another's now */
    hear_exactly(&one, "reconnected");
    ask(&one, "lease until-lost poller 0", "lost");
    ask(&two, "lease held poller 0", "held");
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(a_hub_that_dies_again_and_again_loses_nothing)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    int port = listen_in(&one);
    char order[64], sum[32];
    uint64_t total = 0;

    listen_in(&two);
    ask(&one, "shared open bank 0 1", "opened");
    ask(&two, "shared open bank 0 1", "opened");
    say(&one, "lease take poller 0");
    hear_word(&one, "token ");
    for (int i = 1; i <= 5; i++) {
        kill_child(&hub);
        hear_all(&one, (const char *const[]){"disconnected", NULL});
        hear_all(&two, (const char *const[]){"disconnected", NULL});
        hub = start_hub();
        hear_all(&hub, (const char *const[]){"adopted", "adopted", "settled", NULL});
        hear_all(&one, (const char *const[]){"reconnected", NULL});
        hear_all(&two, (const char *const[]){"reconnected", NULL});
        check_serves(i % 2 ? &one : &two, port);
        snprintf(order, sizeof order, "shared add bank 0 %d", i);
        snprintf(sum, sizeof sum, "sum %llu", (unsigned long long)(total += (uint64_t)i));
        ask(i % 2 ? &one : &two, order, sum);
        ask(&two, "lease take poller 0", "conflict");
        ask(&one, "lease held poller 0", "held");
    }
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

static void each_piece(void *arg, pb_str text, int fd)
{
    (void)arg;
    (void)text;
    (void)fd;
}

START_TEST(a_hub_goes_on_in_another_program)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2), guest = start("node");
    int port = listen_in(&one), status, descriptors = 0;
    char again[32];

    hear_exactly(&guest, "joined guest");
    snprintf(again, sizeof again, "port %d", port);
    ask(&two, "bus subscribe news", "subscribed");
    ask(&one, "shared open bank 0 1", "opened");
    ask(&one, "shared add bank 0 5", "sum 5");
    say(&one, "lease take poller 0");
    hear_word(&one, "token ");
    say(&one, "node ready");
    hear_word(&hub, "ready 1");
    pid_t command = fork();
    if (command == 0)
        _exit(hub_command(run_dir, (const char *const[]){"later"}, 1, each_piece, NULL));
    hear_exactly(&hub, "a command waits");
    for (int i = 0; i < 3; i++) {
        ask(&hub, "save", "restored");
        say(&hub, "descriptors");
        int now = atoi(hear(&hub));
        ck_assert_msg(!descriptors || now == descriptors, "%d, then %d descriptors", descriptors,
                      now);
        descriptors = now;
    }
    say(&guest, "bus publish news hello");
    hear_exactly(&two, "bus news hello");
    ask(&two, "shared open bank 0 1", "opened");
    ask(&two, "shared add bank 0 1", "sum 6");
    ask(&two, "lease take poller 0", "conflict");
    ask(&two, "listen web 127.0.0.1:0", again);
    check_serves(&two, port);
    ask(&one, "lease held poller 0", "held");
    say(&hub, "order 1 0");
    hear_exactly(&one, "drain");
    say(&hub, "answer");
    waitpid(command, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    hear_word(&hub, "gone peer");
    struct child second = start("hub");
    hear_word(&second, "conflict: "); /* the lock goes along */
    hear_exactly(&second, "");
    kill_child(&one); /* and so do its children */
    hear_exactly(&hub, "ended 1");
    say(&two, "lease take poller 0");
    hear_word(&two, "token ");
    struct child three = start_worker(&hub, 3);
    ask(&three, "listen web 127.0.0.1:0", again);
    end(&two);
    end(&three);
    end(&guest);
    end(&hub);
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "takeover",
        (TCase *const[]){
            suite_case("takeover", fresh_run_dir, remove_run_dir,
                       (const TTest *const[]){workers_and_their_listener_are_adopted,
                                              a_new_worker_waits_for_the_orphans_listener,
                                              orphans_that_die_are_not_waited_for,
                                              an_orphan_that_hangs_is_waited_for_within_a_limit,
                                              a_hub_that_dies_again_and_again_loses_nothing,
                                              a_hub_goes_on_in_another_program, NULL}),
            NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
