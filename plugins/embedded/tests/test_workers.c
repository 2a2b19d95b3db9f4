/* Several processes, and deaths: what one has put the others see at once; whoever dies at whatever
 * step of making a file leaves nothing that is wrong; files that are lost or spoilt are made again.
 */
#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

static void do_put_many(int from, int to)
{
    struct vs_document document = {.collection = "c", .text = "words of number", .count = 4};

    for (int i = from; i < to; i++) {
        document.id = pb_printf("d%d", i).data;
        document.text = pb_printf("words of number n%d", i).data;
        document.axis = i % 4;
        vs_put(&document);
    }
}

static int from, to;

static void put_many(void)
{
    do_put_many(from, to);
}

/* All documents from 0 to `to` are there once, by every way. */
static void see_all(void)
{
    pb_vector_selection selection = vs_all("c");
    pb_vector_query query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
    pb_passages out = {.size = sizeof out};

    ck_assert_int_eq(vs_count(&selection), to * 4);
    selection.all = 0;
    selection.access = vs_public;
    selection.access_count = 1;
    ck_assert_int_eq(vs_count(&selection), to * 4);
    for (int i = 0; i < to; i++) {
        const char *found = vs_words("c", pb_printf("n%d", i).data);
        ck_assert_msg(strcmp(found, pb_printf("d%d-0 d%d-1 d%d-2 d%d-3", i, i, i, i).data) == 0,
                      "n%d: %s", i, found);
    }
    query.top_k = 1000;
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert_uint_eq(out.count, (size_t)(to * 4 < 1000 ? to * 4 : 1000));
}

static int files_there(void)
{
    char path[400];
    int count = 0;
    const struct dirent *entry;

    (void)snprintf(path, sizeof path, "%s/vectors/passages", folder);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        count += strstr(entry->d_name, ".segment") != NULL;
    if (dir)
        closedir(dir);
    return count;
}

static void before_small(void)
{
    options = ", tail: 64, lists_above: 100, segment: 1000";
    make_folder();
}

static void after_closed(void)
{
    open_store();
    after();
}

/* --- a process that is killed in the n-th call that changes a file
 * -------------------------------------- */

static int calls_left = -1;

static void step(void)
{
    if (calls_left > 0 && --calls_left == 0)
        _exit(9);
}

/* In place of the library's, for what is linked into this program: not for SQLite. */
int rename(const char *old, const char *new)
{
    step();
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    step();
    return result;
}

int unlink(const char *path)
{
    step();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int file)
{
    step();
    return (int)syscall(SYS_fsync, file);
}

/* Of what is large, which files of segments are: half, then the end. */
ssize_t write(int file, const void *data, size_t size)
{
    if (calls_left == 1 && size > 1000) {
        (void)syscall(SYS_write, file, data, size / 2);
        _exit(9);
    }
    if (size > 1000)
        step();
    return syscall(SYS_write, file, data, size);
}

static pid_t child_that(void (*fn)(void), int calls)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        open_store();
        calls_left = calls;
        vs_in_task(fn);
        calls_left = -1;
        close_store();
        _exit(0);
    }
    return child;
}

static int end_of(pid_t child)
{
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the process ended with %x", status);
    return WEXITSTATUS(status);
}

START_TEST(killed_at_every_step)
{
    int steps = 0, code;

    from = 0;
    to = 60;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    do {
        shell("rm -rf vectors");
        code = end_of(child_that(see_all, ++steps));
        ck_assert(code == 9 || code == 0);
        ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
        ck_assert_int_gt(files_there(), 0);
    } while (code == 9);
    ck_assert_int_gt(steps, 4);
}
END_TEST

/* The same where files are replaced by a larger one. */
START_TEST(killed_while_merging)
{
    int code, steps = 0;

    from = 0;
    to = 30;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    from = 30;
    to = 70;
    const char *small = options;
    options = ", tail: 100000"; /* makes no file yet */
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    options = small;
    shell("cp -r vectors before");
    do {
        shell("rm -rf vectors && cp -r before vectors");
        code = end_of(child_that(see_all, ++steps));
        ck_assert(code == 9 || code == 0);
        ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    } while (code == 9);
    ck_assert_int_gt(steps, 4);
}
END_TEST

START_TEST(files_are_made_again)
{
    static const char *const harms[] = {
        "rm -rf vectors",
        "for f in vectors/passages/*.segment; do : > $f; done",
        "for f in vectors/passages/*.segment; do truncate -s -1 $f; done",
        "for f in vectors/passages/*.segment; do printf xxxx | dd of=$f conv=notrunc; done 2>&1",
        "for f in vectors/passages/*.segment; do mv $f vectors/passages/c1.0-1.segment; done",
        "mkdir vectors/passages/c1.0-999999.segment",
        "touch vectors/passages/c1.new vectors/passages/c1.x-y.segment"};

    from = 0;
    to = 40;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        ck_assert_int_gt(files_there(), 0);
        shell(harms[i]);
        ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    }
}
END_TEST

/* Old files come back when the log of what has changed since is gone. */
START_TEST(files_from_a_backup)
{
    from = 0;
    to = 30;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    shell("cp -r vectors before");
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    from = 30;
    to = 60;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    shell("rm -r vectors; mv before vectors");
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
}
END_TEST

/* The database is as it was some time ago; the files beside it know more. */
START_TEST(a_database_from_a_backup)
{
    from = 0;
    to = 30;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    shell("cp t.db old.db");
    from = 30;
    to = 60;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    shell("rm t.db*; cp old.db t.db");
    to = 30;
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
    from = 30; /* as many versions as before, but others */
    to = 59;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
}
END_TEST

/* --- side by side
 * --------------------------------------------------------------------------------------- */

static int go[2], finished[2];

static void tell(int file)
{
    ck_assert_int_eq((int)write(file, "x", 1), 1);
}

static void hear(int file)
{
    char byte;

    ck_assert_int_eq((int)read(file, &byte, 1), 1);
}

/* Puts document `to` when told to, and says when it is put. */
static void put_when_told(void)
{
    for (int i = 0; i < 40; i++) {
        hear(go[0]);
        do_put_many(i, i + 1);
        tell(finished[1]);
    }
}

static void see_at_once(void)
{
    for (int i = 0; i < 40; i++) {
        tell(go[1]);
        hear(finished[0]);
        to = i + 1;
        see_all();
    }
}

START_TEST(others_see_it_at_once)
{
    ck_assert_int_eq(pipe(go), 0);
    ck_assert_int_eq(pipe(finished), 0);
    pid_t putter = child_that(put_when_told, -1);
    pid_t seer = child_that(see_at_once, -1);
    ck_assert_int_eq(end_of(seer), 0);
    ck_assert_int_eq(end_of(putter), 0);
}
END_TEST

/* The same documents again and again, while others look: each is always there once. */
static void put_again(void)
{
    for (int i = 0; i < 15; i++)
        do_put_many(0, 20);
}

static void look_again(void)
{
    for (int i = 0; i < 60; i++) {
        const char *found = vs_words("c", pb_printf("n%d", i % 20).data);
        ck_assert_msg(
            strlen(found) ==
                strlen(pb_printf("d%d-0 d%d-0 d%d-0 d%d-0", i % 20, i % 20, i % 20, i % 20).data),
            "%d: '%s'", i, found);
    }
}

START_TEST(replaced_while_others_look)
{
    from = 0;
    to = 20;
    ck_assert_int_eq(end_of(child_that(put_many, -1)), 0);
    pid_t putter = child_that(put_again, -1), looker = child_that(look_again, -1);
    ck_assert_int_eq(end_of(looker), 0);
    ck_assert_int_eq(end_of(putter), 0);
    ck_assert_int_eq(end_of(child_that(see_all, -1)), 0);
}
END_TEST

/* --- much
 * -----------------------------------------------------------------------------------------------------
 */

static void put_long(void)
{
    struct vs_document document = {.collection = "c", .id = "long", .text = "long", .count = 10000};
    pb_vector_selection selection = vs_all("c");

    vs_put(&document);
    ck_assert_int_eq(vs_count(&selection), 10000);
    ck_assert_uint_gt(strlen(vs_words("c", "9999")), 0);
    document.count = 10;
    vs_put(&document);
    ck_assert_int_eq(vs_count(&selection), 10);
    ck_assert_str_eq(vs_words("c", "9999"), "");
}

START_TEST(a_long_document)
{
    options = "";
    ck_assert_int_eq(end_of(child_that(put_long, -1)), 0);
}
END_TEST

static void churn(void)
{
    struct vs_document document = {.collection = "c", .text = "words", .count = 3};
    pb_vector_selection one = vs_all("c");
    bool there[25] = {false};
    uint32_t state = 1;

    for (int i = 0; i < 400; i++) {
        state = state * 1664525u + 1013904223u;
        int number = (int)(state >> 16) % 25;
        document.id = pb_printf("d%d", number).data;
        document.text = pb_printf("words n%d", number).data;
        document.axis = number % 4;
        one.document_id = pb_str_of(document.id);
        if (state >> 8 & 1)
            vs_put(&document);
        else
            ck_assert_int_eq(vs_remove(&one), there[number] ? 3 : 0);
        there[number] = state >> 8 & 1;
        int k = i % 25;
        const char *found = vs_words("c", pb_printf("n%d", k).data);
        ck_assert_msg((*found != 0) == there[k], "step %d, d%d: '%s'", i, k, found);
    }
}

START_TEST(put_and_removed_by_turns)
{
    ck_assert_int_eq(end_of(child_that(churn, -1)), 0);
}
END_TEST

/* Of sizes that differ: they are merged all the same. */
static void put_uneven(void)
{
    struct vs_document document = {.collection = "c", .text = "words"};

    for (int i = 0; i < 800; i++) {
        document.id = pb_printf("d%d", i).data;
        document.count = 1 + (size_t)(i * 7 % 9);
        document.axis = i % 4;
        vs_put(&document);
    }
    ck_assert_uint_gt(strlen(vs_words("c", "words")), 0);
}

START_TEST(files_stay_few)
{
    ck_assert_int_eq(end_of(child_that(put_uneven, -1)), 0);
    ck_assert_int_gt(files_there(), 1);
    ck_assert_int_lt(files_there(), 14);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {killed_at_every_step,
                                  killed_while_merging,
                                  files_are_made_again,
                                  a_database_from_a_backup,
                                  files_from_a_backup,
                                  others_see_it_at_once,
                                  replaced_while_others_look,
                                  a_long_document,
                                  put_and_removed_by_turns,
                                  files_stay_few,
                                  NULL};
    return suite_run_cases(
        "workers",
        (TCase *const[]){suite_case("workers", before_small, after_closed, tests), NULL});
}
