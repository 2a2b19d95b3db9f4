/* What happens in a folder is told, once it has settled; and what is told adds up to what is there.
 */
#include "tree.h"

enum { TOLD_MOST = 16384 };

static struct {
    char *ids[TOLD_MOST];
    bool removed[TOLD_MOST];
    size_t count;
    pb_signal *more;
    bool waits;
    pb_status watched;
    pb_status answer; /* of changed */
} told;

static pb_status changed(void *arg, const pb_source_entry *entry)
{
    (void)arg;
    if (told.answer != PB_OK)
        return pb_fail(told.answer, "enough");
    ck_assert_uint_lt(told.count, TOLD_MOST);
    told.removed[told.count] = entry->removed;
    told.ids[told.count++] = strndup(entry->id.data, entry->id.size);
    ck_assert(entry->removed || (entry->bytes > 0 && entry->digest.size));
    if (told.waits)
        pb_signal_raise(&told.more, 1);
    told.waits = false;
    return PB_OK;
}

static pb_status watch(void *arg)
{
    (void)arg;
    told.watched = pb_source_watch(source, changed, NULL);
    return told.watched;
}

static bool was_told(const char *id, bool removed)
{
    for (size_t i = 0; i < told.count; i++)
        if (strcmp(told.ids[i], id) == 0 && told.removed[i] == removed)
            return true;
    return false;
}

static void forget_told(void)
{
    while (told.count)
        free(told.ids[--told.count]);
}

static void wait_more(void)
{
    told.waits = true;
    ck_assert_int_eq(pb_signal_wait(told.more), PB_OK);
}

/* Waits until it is told. */
static void expect(const char *id, bool removed)
{
    while (!was_told(id, removed))
        wait_more();
}

static void (*scene)(void);

static pb_status play(void *arg)
{
    pb_task *task;

    (void)arg;
    told.more = pb_signal_new();
    told.watched = told.answer = PB_OK;
    ck_assert_int_eq(list_all(NULL), PB_OK);
    ck_assert_int_eq(pb_spawn(watch, NULL, &task), PB_OK);
    scene();
    pb_task_cancel(task);
    (void)pb_join(task);
    ck_assert_int_eq(told.watched, PB_CANCELLED);
    return PB_OK;
}

static void play_with(const char *options, void (*one)(void))
{
    scene = one;
    open_source(options);
    (void)pb_harness_run(harness, play, NULL, NULL);
    forget_told();
    forget_listed();
}

/* --- scenes ------------------------------------------------------------------------------------
 */

static void files_come_and_go(void)
{
    file(at("new.md"), "new");
    expect("new.md", false);
    file(at("old.md"), "changed");
    expect("old.md", false);
    ck_assert_int_eq(rename(at("old.md"), at("renamed.md")), 0);
    expect("old.md", true);
    expect("renamed.md", false);
    ck_assert_int_eq(unlink(at("renamed.md")), 0);
    expect("renamed.md", true);
    forget_told();
    file(at("temporary"), "of an editor");
    ck_assert_int_eq(rename(at("temporary"), at("new.md")), 0);
    expect("new.md", false);
    ck_assert(!was_told("other.txt", false));
}

START_TEST(files)
{
    file(at("old.md"), "old");
    file(at("other.txt"), "other");
    play_with(", watch: true, settle: 100ms", files_come_and_go);
}
END_TEST

static void folders_come_and_go(void)
{
    folder(at("made"));
    folder(at("made/deep"));
    file(at("made/deep/a.md"), "a");
    expect("made/deep/a.md", false);
    file(at("made/deep/b.md"), "b"); /* it is watched as well */
    expect("made/deep/b.md", false);

    folder(out("tree"));
    folder(out("tree/below"));
    file(out("tree/below/c.md"), "c");
    ck_assert_int_eq(rename(out("tree"), at("tree")), 0);
    expect("tree/below/c.md", false);
    ck_assert_int_eq(rename(at("tree"), at("moved")), 0);
    expect("tree/below/c.md", true);
    expect("moved/below/c.md", false);
    forget_told();
    file(at("moved/below/c.md"), "changed where it is now");
    expect("moved/below/c.md", false);
    char outside[300];
    (void)snprintf(outside, sizeof outside, "%s", out("gone"));
    ck_assert_int_eq(rename(at("moved"), outside), 0);
    expect("moved/below/c.md", true);
    forget_told();
    file(out("gone/below/c.md"), "not ours any more");
    file(at("mark.md"), "m");
    expect("mark.md", false);
    for (size_t i = 0; i < told.count; i++)
        ck_assert_str_eq(told.ids[i], "mark.md");
}

START_TEST(folders)
{
    play_with(", watch: true, settle: 100ms", folders_come_and_go);
}
END_TEST

static void a_file_stays_open(void)
{
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    file(at("old.md"), "o"); /* once it is told, closing is seen */
    ck_assert_int_eq(utimensat(AT_FDCWD, at("old.md"), old, 0), 0);
    expect("old.md", false);
    int fd = open(at("long.md"), O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(write(fd, "one", 3), 3);
    file(at("mark.md"), "m");
    expect("mark.md", false);
    ck_assert(!was_told("long.md", false));
    ck_assert_int_eq(write(fd, "two", 3), 3);
    close(fd);
    expect("long.md", false);
}

START_TEST(a_file_counts_when_it_is_closed)
{
    play_with(", watch: true, settle: 1h", a_file_stays_open);
}
END_TEST

/* Sooner than after the two seconds that it usually takes; not each of a few tries comes to a halt.
 */
static void a_file_stays_open_but_rests(void)
{
    pb_duration took = 3600 * PB_SECOND;

    file(at("mark.md"), "m"); /* once it is told, the first look is over */
    expect("mark.md", false);
    int fd = open(at("log.md"), O_WRONLY | O_CREAT, 0644);
    for (int i = 0; i < 5 && took >= PB_SECOND; i++) {
        forget_told();
        ck_assert_int_eq(write(fd, "one", 3), 3);
        pb_duration began = pb_monotonic();
        expect("log.md", false);
        took = pb_monotonic() - began;
    }
    ck_assert_int_lt(took, PB_SECOND);
    close(fd);
}

START_TEST(or_when_it_rests)
{
    play_with(", watch: true, settle: 10ms", a_file_stays_open_but_rests);
}
END_TEST

static pb_status play_with_a_gap(void *arg)
{
    (void)arg;
    ck_assert_int_eq(list_all(NULL), PB_OK);
    ck_assert_int_eq(unlink(at("old.md")), 0);
    file(at("new.md"), "new");
    pb_task *task;
    told.more = pb_signal_new();
    told.answer = PB_OK;
    ck_assert_int_eq(pb_spawn(watch, NULL, &task), PB_OK);
    expect("old.md", true);
    expect("new.md", false);
    ck_assert_uint_eq(told.count, 2);
    pb_task_cancel(task);
    (void)pb_join(task);
    return PB_OK;
}

START_TEST(what_happened_since_the_listing_is_told)
{
    file(at("old.md"), "old");
    file(at("same.md"), "same");
    open_source(", watch: true, settle: 0s");
    (void)pb_harness_run(harness, play_with_a_gap, NULL, NULL);
    forget_told();
    forget_listed();
}
END_TEST

static void a_burst_comes(void)
{
    char path[64];

    for (int i = 0; i < 6000; i++) {
        (void)snprintf(path, sizeof path, "%d.md", i);
        file(at(path), path);
    }
    while (told.count < 6000)
        wait_more();
    ck_assert_uint_eq(told.count, 6000);
}

START_TEST(more_than_can_wait)
{
    play_with(", watch: true, settle: 0s", a_burst_comes);
}
END_TEST

static void the_folder_goes(void)
{
    char moved[80];

    (void)snprintf(moved, sizeof moved, "%s.out/moved", root);
    file(at("b.md"), "b");
    expect("b.md", false);
    ck_assert_int_eq(rename(root, moved), 0);
    folder(root);
    file(at("c.md"), "c");
    ck_assert_int_eq(rename(root, out("empty")), 0);
    ck_assert_int_eq(rename(moved, root), 0);
    file(at("d.md"), "d");
    expect("d.md", false);
    ck_assert(!was_told("a.md", true));
}

static void what_the_kernel_does_not_tell(void)
{
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    file(at("a.md"), "a");
    expect("a.md", false);
    forget_told();
    ck_assert_int_eq(utimensat(AT_FDCWD, at("a.md"), old, 0), 0);
    expect("a.md", false);
}

START_TEST(all_is_looked_at_again)
{
    play_with(", watch: true, settle: 0s, interval: 1s", what_the_kernel_does_not_tell);
}
END_TEST

START_TEST(a_folder_that_is_away_loses_nothing)
{
    file(at("a.md"), "a");
    play_with(", watch: true, settle: 0s, interval: 1s", the_folder_goes);
}
END_TEST

static pb_status refuse(void *arg)
{
    pb_status *status = arg;

    told.answer = PB_NO_SPACE;
    told.more = pb_signal_new();
    (void)list_all(NULL);
    file(at("a.md"), "a");
    *status = pb_source_watch(source, changed, NULL);
    return PB_OK;
}

START_TEST(who_listens_may_end_it)
{
    pb_status status = PB_OK;

    open_source(", watch: true, settle: 0s");
    (void)pb_harness_run(harness, refuse, &status, NULL);
    ck_assert_int_eq(status, PB_NO_SPACE);
    forget_listed();
}
END_TEST

static pb_status no_watch(void *arg)
{
    (void)arg;
    return pb_source_watch(source, changed, NULL);
}

START_TEST(only_where_it_is_wanted)
{
    pb_str sentence;

    open_source("");
    ck_assert_int_eq(pb_harness_run(harness, no_watch, NULL, &sentence), PB_UNSUPPORTED);
    ck_text(sentence, "this folder is not watched; set 'watch: true'");
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {files,
                                  folders,
                                  a_file_counts_when_it_is_closed,
                                  or_when_it_rests,
                                  what_happened_since_the_listing_is_told,
                                  more_than_can_wait,
                                  all_is_looked_at_again,
                                  a_folder_that_is_away_loses_nothing,
                                  who_listens_may_end_it,
                                  only_where_it_is_wanted,
                                  NULL};

    return suite_run_cases("watch", (TCase *const[]){suite_case("cases", begin, end, cases), NULL});
}
