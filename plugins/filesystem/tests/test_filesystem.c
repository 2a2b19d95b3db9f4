/* What every blob store does, and what files are for: the process is ended at every system call of
 * a put, and what is found afterwards is the old blob or the new one. */
#include "interface_case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_filesystem;

static pb_harness *harness;
static char folder[256], big[700001];

/* --- a cliff: the process ends before the n-th of these calls --------------------------------- */

static _Atomic int cliff; /* 0: not armed */
static _Atomic int full;  /* bytes that the disk takes, 0: all */
static _Atomic int syncs;

static void step(void)
{
    if (cliff && --cliff == 0)
        _exit(7);
}

int fsync(int fd)
{
    step();
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    step();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

ssize_t write(int fd, const void *data, size_t size)
{
    step();
    if (full && size > 1000) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, data, size);
}

/* --- calls ------------------------------------------------------------------------------------ */

struct piecewise {
    pb_reader base;
    pb_str rest;
    size_t piece;
    pb_status end;
};

static pb_status give(pb_reader *base, pb_bytes *out)
{
    struct piecewise *from = (struct piecewise *)(void *)base;
    pb_str piece = pb_str_slice(from->rest, 0, from->piece);

    if (!piece.size && from->end != PB_OK)
        return pb_fail(from->end, "the other side is gone");
    from->rest = pb_str_slice(from->rest, piece.size, from->rest.size);
    *out = (pb_bytes){(const uint8_t *)piece.data, piece.size};
    return PB_OK;
}

struct gathered {
    pb_writer base;
    size_t size;
    char *data;
};

static pb_status gather(pb_writer *base, pb_bytes bytes)
{
    struct gathered *to = (struct gathered *)(void *)base;

    memcpy(to->data + to->size, bytes.data, bytes.size);
    to->size += bytes.size;
    return PB_OK;
}

struct errand {
    const char *key, *type;
    pb_str body;
    size_t piece;
    pb_status end;
    char *out;
    size_t size;
    pb_blob_info info;
    bool info_only;
};

static pb_instance *store(void)
{
    return pb_harness_instance(harness, "blob_store", "files");
}

static pb_status put(void *arg)
{
    struct errand *errand = arg;
    struct piecewise from = {.base = {.size = sizeof from.base, .read = give},
                             .rest = errand->body,
                             .piece = errand->piece ? errand->piece : SIZE_MAX,
                             .end = errand->end};

    return pb_blob_put(store(), pb_str_of(errand->key), pb_str_of(errand->type), &from.base);
}

static pb_status get(void *arg)
{
    struct errand *errand = arg;
    struct gathered to = {.base = {.size = sizeof to.base, .write = gather}, .data = errand->out};

    errand->info.size = sizeof errand->info;
    pb_status status = pb_blob_get(store(), pb_str_of(errand->key), &errand->info,
                                   errand->info_only ? NULL : &to.base);
    errand->size = to.size;
    return status;
}

static pb_status drop(void *arg)
{
    const struct errand *errand = arg;

    return pb_blob_remove(store(), pb_str_of(errand->key));
}

static void open_store(void)
{
    char yaml[512];

    (void)snprintf(yaml, sizeof yaml,
                   "blob_stores: {files: {use: filesystem, path: %s/deep/blobs}}\n", folder);
    harness =
        pb_harness_open(yaml, (const pb_plugin *const[]){&patchbay_plugin_filesystem, NULL}, NULL);
}

static void begin_suite(void)
{
    interface_begin(
        pb_harness_new("blob_stores: {files: {use: filesystem}}\n", &patchbay_plugin_filesystem),
        "blob_store", "files");
}

static void close_store(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static void before(void)
{
    const char *where = getenv("TMPDIR");

    for (size_t i = 0; i < sizeof big - 1; i++)
        big[i] = (char)(i * 7 + i / 251);
    (void)snprintf(folder, sizeof folder, "%s/patchbay-blobs-XXXXXX", where ? where : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_store();
}

static void after(void)
{
    char command[300];

    if (harness)
        close_store();
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static pb_status run(pb_status (*fn)(void *), struct errand *errand)
{
    return pb_harness_run(harness, fn, errand, NULL);
}

static void put_text(const char *key, const char *text)
{
    struct errand errand = {.key = key, .body = pb_str_of(text)};

    ck_assert_int_eq(run(put, &errand), PB_OK);
}

/* The blob as text, "" when there is none. */
static const char *text_at(const char *key)
{
    static char text[4096];
    struct errand errand = {.key = key, .out = text};
    pb_status status = run(get, &errand);

    ck_assert_msg(status == PB_OK || status == PB_NOT_FOUND, "%s", pb_status_name(status));
    text[errand.size] = 0;
    return text;
}

static int files_in(const char *name)
{
    char command[400], line[32] = "";

    (void)snprintf(command, sizeof command, "find '%s/deep/blobs/%s' -type f | wc -l", folder,
                   name);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
    (void)pclose(pipe);
    return atoi(line);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(what_was_put_outlasts_the_process)
{
    put_text("docs/a", "kept");
    close_store();
    open_store();
    ck_assert_str_eq(text_at("docs/a"), "kept");
    struct errand errand = {.key = "docs/a"};
    ck_assert_int_eq(run(drop, &errand), PB_OK);
    ck_assert_int_eq(files_in(""), 0);
}
END_TEST

START_TEST(a_planted_link_is_not_followed)
{
    char command[400];

    put_text("a", "1");
    (void)snprintf(command, sizeof command,
                   "ln -sf /etc/passwd '%s/deep/blobs/blobs/default=/linked'", folder);
    ck_assert_int_eq(system(command), 0);
    struct errand errand = {.key = "linked", .out = big};
    ck_assert_int_ne(run(get, &errand), PB_OK);
}
END_TEST

START_TEST(a_broken_stream_leaves_nothing)
{
    struct errand errand = {
        .key = "a", .body = {big, sizeof big - 1}, .piece = 1000, .end = PB_CANCELLED};

    put_text("a", "old");
    ck_assert_int_eq(run(put, &errand), PB_CANCELLED);
    ck_assert_str_eq(text_at("a"), "old");
    ck_assert_int_eq(files_in("incoming"), 0);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct errand errand = {.key = "a", .body = {big, sizeof big - 1}};

    put_text("a", "old");
    full = 1;
    pb_status status = run(put, &errand);
    full = 0;
    ck_assert_int_eq(status, PB_NO_SPACE);
    ck_assert_str_eq(text_at("a"), "old");
    ck_assert_int_eq(files_in("incoming"), 0);
}
END_TEST

/* In a process of its own, which ends before the n-th call; did it get that far? */
static bool put_and_die(int n, struct errand *errand)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        open_store();
        cliff = n;
        pb_status result = run(put, errand);
        cliff = 0;
        _exit(result == PB_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0));
    return WEXITSTATUS(status) == 7;
}

START_TEST(a_death_leaves_the_old_or_the_new)
{
    static char out[sizeof big];
    struct errand errand = {.key = "new/a", .body = {big, sizeof big - 1}};
    int deaths = 0, kept = 0;

    for (int fresh = 0; fresh < 2; fresh++) {
        for (int n = 1;; n++) {
            errand.key = fresh ? "fresh/b" : "new/a";
            put_text("new/a", "old");
            close_store();
            bool died = put_and_die(n, &errand);
            open_store();
            struct errand found = {.key = errand.key, .out = out};
            pb_status status = run(get, &found);
            bool is_new = status == PB_OK && found.size == sizeof big - 1 &&
                          memcmp(out, big, found.size) == 0;
            bool is_old = fresh ? status == PB_NOT_FOUND
                                : status == PB_OK && found.size == 3 && memcmp(out, "old", 3) == 0;
            ck_assert_msg(is_new || is_old, "torn by a death before call %d", n);
            kept += is_old;
            deaths += died;
            if (fresh)
                ck_assert_int_eq(run(drop, &found), PB_OK);
            if (!died) {
                ck_assert(is_new);
                break;
            }
        }
    }
    ck_assert_int_gt(deaths, 12);
    ck_assert_int_gt(kept, 8);
}
END_TEST

static void make_old(const char *path)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};

    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(what_the_dead_left_is_removed)
{
    char command[600], name[300] = "";

    close_store();
    struct errand errand = {.key = "a", .body = {big, sizeof big - 1}};
    ck_assert(put_and_die(3, &errand));
    ck_assert_int_eq(files_in("incoming"), 1);
    open_store(); /* it may be somebody's who has just begun */
    ck_assert_int_eq(files_in("incoming"), 1);
    close_store();
    (void)snprintf(command, sizeof command, "ls -d '%s'/deep/blobs/incoming/*", folder);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(name, sizeof name, pipe));
    (void)pclose(pipe);
    name[strcspn(name, "\n")] = 0;
    make_old(name);
    open_store();
    ck_assert_int_eq(files_in("incoming"), 0);
}
END_TEST

START_TEST(a_file_in_the_way_is_told)
{
    pb_harness_refuse("blob_stores: {files: {use: filesystem, path: /dev/null/x}}\n",
                      (const pb_plugin *const[]){&patchbay_plugin_filesystem, NULL},
                      (const char *const[]){"/dev/null is no folder", NULL});
}
END_TEST

/* How many times a put waits for the disk, where the folders are there. */
static int syncs_of_a_put(const char *options)
{
    char yaml[512];

    close_store();
    (void)snprintf(yaml, sizeof yaml, "blob_stores: {files: {use: filesystem, path: %s/b%s}}\n",
                   folder, options);
    harness =
        pb_harness_open(yaml, (const pb_plugin *const[]){&patchbay_plugin_filesystem, NULL}, NULL);
    struct errand errand = {.key = "a/b", .type = "text/plain", .body = PB_LIT("words")};
    ck_assert_int_eq(pb_harness_run(harness, put, &errand, NULL), PB_OK);
    int before_it = syncs;
    ck_assert_int_eq(pb_harness_run(harness, put, &errand, NULL), PB_OK);
    return syncs - before_it;
}

START_TEST(it_waits_for_the_disk_or_not)
{
    ck_assert_int_ge(syncs_of_a_put(""), 2); /* the file, and its name */
    ck_assert_int_eq(syncs_of_a_put(", sync: false"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_was_put_outlasts_the_process, a_planted_link_is_not_followed,
                                  a_broken_stream_leaves_nothing,    a_full_disk_is_told,
                                  a_death_leaves_the_old_or_the_new, what_the_dead_left_is_removed,
                                  it_waits_for_the_disk_or_not,      NULL};
    const TTest *const alone[] = {a_file_in_the_way_is_told, NULL};
    return suite_run_cases("filesystem",
                           (TCase *const[]){interface_case("blob_store", begin_suite),
                                            suite_case("filesystem", before, after, tests),
                                            suite_case("checks", NULL, NULL, alone), NULL});
}
