/* test_bus.c - messages between processes: to whom, in which order, and what a gap says. */
#include "hub_role.h"

START_TEST(a_message_reaches_every_subscriber_in_every_process)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2), guest = start("node");

    hear_exactly(&guest, "joined guest");
    ask(&one, "bus subscribe news", "subscribed");
    ask(&two, "bus subscribe news", "subscribed");
    ask(&guest, "bus subscribe news", "subscribed");
    ask(&guest, "bus subscribe other", "subscribed");
    /* A question goes the same way as the subscriptions and comes back after them. */
    ask(&one, "ask nothing", "answers 0");
    ask(&two, "ask nothing", "answers 0");
    ask(&guest, "ask nothing", "answers 0");
    say(&one, "bus publish news hello");
    hear_exactly(&one, "bus news hello");
    hear_exactly(&two, "bus news hello");
    hear_exactly(&guest, "bus news hello");
    say(&two, "bus publish other only");
    hear_exactly(&guest, "bus other only");
    say(&hub, "publish news above");
    hear_exactly(&one, "bus news above");
    hear_exactly(&two, "bus news above");
    hear_exactly(&guest, "bus news above");
    ask(&guest, "bus unsubscribe other", "unsubscribed");
    ask(&guest, "ask nothing", "answers 0");
    say(&one, "bus publish other nobody");
    say(&one, "bus publish news last");
    hear_exactly(&guest, "bus news last");
    end(&guest);
    end(&one);
    end(&two);
    hear_word(&hub, "gone peer");
    hear_word(&hub, "ended");
    hear_word(&hub, "ended");
    end(&hub);
}
END_TEST

START_TEST(messages_of_one_publisher_keep_their_order)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    char expected[32];

    ask(&two, "bus subscribe n", "subscribed");
    ask(&two, "ask nothing", "answers 0");
    say(&one, "bus burst n 500");
    for (int i = 0; i < 500; i++) {
        snprintf(expected, sizeof expected, "bus n %d", i);
        hear_exactly(&two, expected);
    }
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

/* More than the queues hold while the reader stands still: then a gap, and never a message twice or
 * out of order. */
START_TEST(what_finds_no_room_becomes_a_gap)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    int last = -1, gaps = 0, number;
    const char *heard;

    ask(&two, "bus subscribe n", "subscribed");
    ask(&two, "ask nothing", "answers 0");
    kill(two.pid, SIGSTOP);
    say(&one, "bus burst n 60000");
    ask(&one, "node connections 0", "fewest 0"); /* published, all of them */
    kill(two.pid, SIGCONT);
    say(&one, "bus publish end end");
    while (gaps == 0 || last < 0) {
        heard = hear(&two);
        if (strcmp(heard, "gap") == 0) {
            gaps++;
        } else {
            ck_assert_int_eq(sscanf(heard, "bus n %d", &number), 1);
            ck_assert_int_gt(number, last);
            last = number;
        }
    }
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(a_dead_hub_leaves_a_gap)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1);

    ask(&one, "bus subscribe news", "subscribed");
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    say(&one, "bus publish news own");
    hear_exactly(&one, "bus news own"); /* our own are always there */
    hub = start_hub();
    bool back = false, gap = false;
    while (!back || !gap) {
        const char *heard = hear(&one);
        back = back || strcmp(heard, "reconnected") == 0;
        gap = gap || strcmp(heard, "gap") == 0;
    }
    hear_word(&hub, "adopted 1 of 1");
    hear_exactly(&hub, "settled");
    say(&hub, "publish news again");
    hear_exactly(&one, "bus news again");
    end(&one);
    hear_exactly(&hub, "gone worker 1");
    end(&hub);
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "bus", (TCase *const[]){
                   suite_case("bus", fresh_run_dir, remove_run_dir,
                              (const TTest *const[]){
                                  a_message_reaches_every_subscriber_in_every_process,
                                  messages_of_one_publisher_keep_their_order,
                                  what_finds_no_room_becomes_a_gap, a_dead_hub_leaves_a_gap, NULL}),
                   NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
