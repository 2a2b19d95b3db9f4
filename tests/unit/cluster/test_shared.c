/* test_shared.c - shared memory survives a writer's death at every step of what it does under the
 * lock. */
#include "cluster/region.h"
#include "hub_role.h"

/* Accounts between which units move: their sum is 800 whenever nobody holds the lock. */
enum { ACCOUNTS = 8, TOTAL = 800, LOCK = 5 };
struct bank {
    int64_t accounts[ACCOUNTS];
    int64_t journal_from, journal_to, journal_amount; /* amount 0: nothing is under way */
    int64_t from_before, to_before;
    int64_t moves;
};

static int steps_left; /* -1: for ever */
static int repairs;

static void step(void)
{
    if (steps_left >= 0 && steps_left-- == 0)
        kill(getpid(), SIGKILL);
}

/* Every store is a step, and so is what comes before the first and after the last. */
#define STORE(place, value) (step(), __atomic_store_n(&(place), (value), __ATOMIC_SEQ_CST))

static void undo(void *memory, uint32_t index)
{
    struct bank *bank = memory;

    repairs++;
    if (index != LOCK || bank->journal_amount == 0)
        return;
    STORE(bank->accounts[bank->journal_from], bank->from_before);
    STORE(bank->accounts[bank->journal_to], bank->to_before);
    STORE(bank->journal_amount, 0);
    step();
}

static pb_shared *open_bank(void)
{
    pb_shared_spec spec = {.size = sizeof spec,
                           .version = 1,
                           .name = PB_LIT("bank"),
                           .bytes = sizeof(struct bank),
                           .repair = undo};
    pb_shared *shared;
    ck_assert_int_eq(pb_shared_open(&spec, &shared), PB_OK);
    return shared;
}

static void move(pb_shared *shared, int from, int to)
{
    struct bank *bank = pb_shared_memory(shared);

    step();
    if (pb_shared_lock(shared, LOCK) != PB_OK)
        _exit(1);
    STORE(bank->from_before, bank->accounts[from]);
    STORE(bank->to_before, bank->accounts[to]);
    STORE(bank->journal_from, from);
    STORE(bank->journal_to, to);
    STORE(bank->journal_amount, 10);
    STORE(bank->accounts[from], bank->accounts[from] - 10);
    STORE(bank->accounts[to], bank->accounts[to] + 10);
    STORE(bank->moves, bank->moves + 1);
    STORE(bank->journal_amount, 0);
    step();
    pb_shared_unlock(shared, LOCK);
    step();
}

/* Does it with so many steps to live; true: it lived on. */
static bool move_in_child(pb_shared *shared, int steps)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        steps_left = steps;
        move(shared, 1, 2);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    ck_assert(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return WIFEXITED(status);
}

static void check_bank(pb_shared *shared)
{
    struct bank *bank = pb_shared_memory(shared);
    int64_t sum = 0;

    ck_assert_int_eq(pb_shared_lock(shared, LOCK), PB_OK);
    for (int i = 0; i < ACCOUNTS; i++)
        sum += bank->accounts[i];
    ck_assert_int_eq(sum, TOTAL);
    ck_assert_int_eq(bank->journal_amount, 0);
    pb_shared_unlock(shared, LOCK);
}

static void fill(struct bank *bank)
{
    for (int i = 0; i < ACCOUNTS; i++)
        bank->accounts[i] = TOTAL / ACCOUNTS;
}

START_TEST(a_writer_killed_at_any_step_leaves_memory_that_holds)
{
    pb_shared *shared = open_bank();
    int step_count = 0, repaired = 0;

    steps_left = -1;
    fill(pb_shared_memory(shared));
    while (!move_in_child(shared, step_count)) {
        repairs = 0;
        check_bank(shared);
        repaired += repairs;
        step_count++;
    }
    ck_assert_int_eq(step_count, 12);
    ck_assert_int_eq(repaired, 10); /* not before the lock and not behind it */
    ck_assert_int_eq(((struct bank *)pb_shared_memory(shared))->moves, 4);
    pb_shared_close(shared);
}
END_TEST

START_TEST(a_repair_that_is_killed_is_repaired_by_the_next)
{
    pb_shared *shared = open_bank();

    fill(pb_shared_memory(shared));
    for (int died_at = 2; died_at < 10; died_at++)
        for (int repair_step = 0; repair_step < 4; repair_step++) {
            steps_left = -1;
            move_in_child(shared, died_at);
            move_in_child(shared, 1 + repair_step); /* dies in the repair, where one is needed */
            check_bank(shared);
        }
    pb_shared_close(shared);
}
END_TEST

START_TEST(a_holder_that_is_stopped_is_not_waited_for)
{
    pb_shared *shared = open_bank();
    int ends[2];
    char byte;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pb_shared_lock(shared, LOCK);
        (void)!write(ends[1], "x", 1);
        pause();
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(pb_shared_lock(shared, LOCK), PB_TIMEOUT);
    ck_assert_int_eq(pb_shared_lock(shared, LOCK + 1), PB_OK); /* another lock is another matter */
    pb_shared_unlock(shared, LOCK + 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(pb_shared_lock(shared, LOCK), PB_OK);
    pb_shared_unlock(shared, LOCK);
    pb_shared_close(shared);
}
END_TEST

START_TEST(alone_a_region_is_shared_within_the_process)
{
    pb_shared *one = open_bank(), *two = open_bank();
    pb_shared_spec wrong = {.size = sizeof wrong, .name = PB_LIT("bank"), .bytes = 1};

    ((struct bank *)pb_shared_memory(one))->moves = 7;
    ck_assert_int_eq(((struct bank *)pb_shared_memory(two))->moves, 7);
    pb_shared_close(one);
    ck_assert_int_eq(((struct bank *)pb_shared_memory(two))->moves, 7);
    pb_shared_close(two);
    one = open_bank();
    ck_assert_int_eq(((struct bank *)pb_shared_memory(one))->moves, 0);
    ck_assert_int_eq(pb_shared_open(&wrong, &two), PB_INVALID); /* without a repair */
    wrong.repair = undo;
    wrong.bytes = -5;
    ck_assert_int_eq(pb_shared_open(&wrong, &two), PB_INVALID);
    wrong.bytes = INT64_MAX;
    ck_assert_int_eq(pb_shared_open(&wrong, &two), PB_INVALID);
    pb_shared_close(one);
    pb_shared_close(NULL);
}
END_TEST

START_TEST(what_is_no_region_is_not_mapped)
{
    struct region_head *head;
    int fd;

    ck_assert_int_eq(region_create(1000, 3, &fd), PB_OK);
    ck_assert_int_eq(region_map(fd, 1000, 4, &head), PB_INVALID);
    ck_assert_int_eq(region_map(fd, 999, 3, &head), PB_INVALID);
    ck_assert_int_eq(region_map(fd, 10000, 3, &head), PB_INVALID);
    ck_assert_int_ne(ftruncate(fd, 10), 0); /* sealed: reading never faults */
    ck_assert_int_eq(region_map(fd, 1000, 3, &head), PB_OK);
    region_unmap(head);
    close(fd);
    fd = open("/dev/zero", O_RDWR);
    ck_assert_int_eq(region_map(fd, 1000, 3, &head), PB_INVALID);
    close(fd);
}
END_TEST

START_TEST(workers_and_guests_share_a_region_over_generations_of_hubs)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2), guest = start("node");

    hear_exactly(&guest, "joined guest");
    ask(&one, "shared open bank 0 1", "opened");
    ask(&two, "shared open bank 0 1", "opened");
    ask(&one, "shared add bank 0 5", "sum 5");
    ask(&two, "shared add bank 0 6", "sum 11");
    ask(&guest, "shared open bank 0 1", "opened");
    ask(&guest, "shared add bank 0 7", "sum 18");
    ask(&guest, "shared open bank 1 2", "opened"); /* another layout is another region */
    ask(&guest, "shared add bank 1 1", "sum 1");
    ask(&two, "shared lock bank 0 0", "locked");
    kill_child(&two);
    ask(&one, "shared add bank 0 1", "sum 1001"); /* repaired: 1000 */
    hear_exactly(&hub, "ended 2");
    kill_child(&guest);
    kill_child(&hub);
    hear_exactly(&one, "disconnected");
    ask(&one, "shared add bank 0 1", "sum 1002");
    ask(&one, "shared open bank 1 1", "unavailable: the supervisor is away, try again");
    hub = start_hub();
    two = start_worker(&hub, 2); /* before or after the orphan: it waits for it */
    say(&two, "shared open bank 0 1");
    hear_exactly(&two, "opened");
    ask(&two, "shared add bank 0 1", "sum 1003");
    hear_exactly(&one, "reconnected");
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "shared",
        (TCase *const[]){
            suite_case("shared", fresh_run_dir, remove_run_dir,
                       (const TTest *const[]){
                           a_writer_killed_at_any_step_leaves_memory_that_holds,
                           a_repair_that_is_killed_is_repaired_by_the_next,
                           a_holder_that_is_stopped_is_not_waited_for,
                           alone_a_region_is_shared_within_the_process,
                           what_is_no_region_is_not_mapped,
                           workers_and_guests_share_a_region_over_generations_of_hubs, NULL}),
            NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
