/* test_lease.c - one holder at a time, tokens that grow, and the ways to lose a lease. */
#include "cluster/run_dir.h"
#include "hub_role.h"

static long long token_of(struct child *child, const char *order)
{
    say(child, order);
    return atoll(hear_word(child, "token "));
}

START_TEST(a_lease_has_one_holder_and_a_growing_token)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), guest = start("node");

    hear_exactly(&guest, "joined guest");
    long long first = token_of(&one, "lease take poller 0");
    ask(&guest, "lease take poller 0", "conflict");
    ask(&one, "lease take poller 1", "conflict");
    ck_assert_int_gt(token_of(&guest, "lease take other 1"), first);
    ask(&one, "lease release poller 0", "released");
    long long second = token_of(&guest, "lease wait poller 0");
    ck_assert_int_gt(second, first);
    ask(&guest, "lease held poller 0", "held");
    kill_child(&guest);
    ck_assert_int_gt(token_of(&one, "lease wait poller 0"), second); /* lost with the process */
    end(&one);
    end(&hub);
}
END_TEST

START_TEST(a_killed_worker_loses_its_leases_at_once)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);

    long long first = token_of(&one, "lease take poller 0");
    kill_child(&one);
    hear_exactly(&hub, "ended 1");
    ck_assert_int_gt(token_of(&two, "lease take poller 0"), first);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(one_that_hangs_loses_it_and_knows)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);

    long long first = token_of(&one, "lease take poller 0");
    kill(one.pid, SIGSTOP);
    ck_assert_int_gt(token_of(&two, "lease wait poller 0"), first);
    kill(one.pid, SIGCONT);
    ask(&one, "lease held poller 0", "lost");
    ask(&two, "lease held poller 0", "held");
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

/* As after a suspend: the supervisor wakes much later than it wanted, renewals wait in its sockets.
 */
START_TEST(a_hub_that_was_late_itself_expires_nothing)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);

    token_of(&one, "lease take poller 0");
    kill(one.pid, SIGSTOP);
    ask(&hub, "advance 600000", "advanced");
    ask(&two, "lease take poller 0", "conflict");
    kill(one.pid, SIGCONT);
    ask(&one, "lease held poller 0", "held");
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(tokens_grow_over_the_death_of_hubs)
{
    long long before = 0;

    for (int i = 0; i < 4; i++) {
        struct child hub = start_hub(), guest = start("node");
        hear_exactly(&guest, "joined guest");
        long long token = token_of(&guest, "lease take poller 0");
        ck_assert_int_gt(token, before);
        ck_assert_int_gt(token >> 32, before >> 32);
        before = token;
        kill_child(&hub);
        kill_child(&guest);
    }
    struct child alone = start("node"); /* control.sock is there, but nobody listens */
    hear_exactly(&alone, "joined alone");
    ck_assert_int_gt(token_of(&alone, "lease take poller 0"), before);
    ask(&alone, "lease take poller 1", "conflict");
    end(&alone);
}
END_TEST

START_TEST(a_lease_goes_on_under_the_next_hub)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1);

    long long token = token_of(&one, "lease take poller 0");
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    ask(&one, "lease held poller 0", "held");
    ask(&one, "lease take other 1", "unavailable");
    struct child guest = start("node");
    hear_exactly(&guest, "joined guest"); /* not alone: workers live */
    ask(&guest, "lease take poller 0", "unavailable");
    hub = start_hub();
    hear_word(&hub, "adopted 1");
    hear_exactly(&hub, "settled");
    hear_exactly(&one, "reconnected");
    ask(&one, "lease held poller 0", "held");
    struct child other = start("node");
    hear_exactly(&other, "joined guest");
    ask(&other, "lease take poller 0", "conflict");
    ask(&one, "lease release poller 0", "released");
    ck_assert_int_gt(token_of(&other, "lease wait poller 0"), token);
    kill_child(&guest);
    end(&other);
    end(&one);
    end(&hub);
}
END_TEST

START_TEST(epochs_grow_whatever_the_file_says)
{
    uint32_t first, second, third;
    char path[320];

    ck_assert_int_eq(run_dir_epoch(run_dir, &first), PB_OK);
    ck_assert_uint_ge(first, run_dir_epoch_of_clock() - 1);
    ck_assert_int_eq(run_dir_epoch(run_dir, &second), PB_OK);
    ck_assert_uint_gt(second, first);
    snprintf(path, sizeof path, "%s/epoch", run_dir);
    FILE *file = fopen(path, "w");
    fprintf(file, "%u\n", second + 1000); /* the clock went back */
    fclose(file);
    ck_assert_int_eq(run_dir_epoch(run_dir, &third), PB_OK);
    ck_assert_uint_eq(third, second + 1001);
    file = fopen(path, "w");
    fprintf(file, "garbage");
    fclose(file);
    ck_assert_int_eq(run_dir_epoch(run_dir, &third), PB_OK);
    ck_assert_uint_ge(third, first);
    ck_assert_int_ne(run_dir_epoch("/nowhere", &third), PB_OK);
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "lease", (TCase *const[]){
                     suite_case("lease", fresh_run_dir, remove_run_dir,
                                (const TTest *const[]){a_lease_has_one_holder_and_a_growing_token,
                                                       a_killed_worker_loses_its_leases_at_once,
                                                       one_that_hangs_loses_it_and_knows,
                                                       a_hub_that_was_late_itself_expires_nothing,
                                                       tokens_grow_over_the_death_of_hubs,
                                                       a_lease_goes_on_under_the_next_hub,
                                                       epochs_grow_whatever_the_file_says, NULL}),
                     NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
