/* tree.h - for the tests: real files in a folder of the harness, and what the source says of them.
 */
#ifndef FOLDER_TEST_TREE_H
#define FOLDER_TEST_TREE_H

#include "suite.h"
#include "testkit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_folder;

static const pb_plugin *const plugins[] = {&patchbay_plugin_folder, NULL};
static pb_harness *harness;
static pb_instance *source;
static char root[64]; /* the folder; beside it: "<root>.out" */

/* A path in the folder; one of four that are valid at a time. */
static const char *at(const char *path)
{
    static char whole[4][4300];
    static int turn;

    turn = (turn + 1) % 4;
    (void)snprintf(whole[turn], sizeof whole[turn], "%s/%s", root, path);
    return whole[turn];
}

/* One outside of it. */
static const char *out(const char *path)
{
    static char whole[256];

    (void)snprintf(whole, sizeof whole, "%s.out/%s", root, path);
    return whole;
}

static void folder(const char *path)
{
    ck_assert_msg(mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

static void file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void open_source(const char *options)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml, "sources: {docs: {use: folder, path: '%s'%s}}\n", root,
                   options);
    harness = pb_harness_open(yaml, plugins, NULL);
    pb_harness_virtual_time(harness, false);
    source = pb_harness_instance(harness, "source", "docs");
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

static void begin(void)
{
    strcpy(root, "/tmp/patchbay-folder-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    folder(out(""));
}

static void close_source(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static void end(void)
{
    close_source();
    (void)nftw(out(""), remove_one, 8, FTW_DEPTH | FTW_PHYS);
    (void)nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- listing -----------------------------------------------------------------------------------
 */

enum { LISTED_MOST = 16384 };

static struct {
    char *ids[LISTED_MOST], *digests[LISTED_MOST];
    int64_t bytes[LISTED_MOST];
    size_t count, pages, largest;
} listed;

static void forget_listed(void)
{
    while (listed.count) {
        free(listed.ids[--listed.count]);
        free(listed.digests[listed.count]);
    }
    listed.pages = listed.largest = 0;
}

static pb_status list_all(void *arg)
{
    pb_str cursor = {0};

    (void)arg;
    forget_listed();
    do {
        pb_source_page page;
        pb_status status = pb_source_list(source, cursor, &page);
        if (status != PB_OK)
            return status;
        listed.pages++;
        listed.largest = page.count > listed.largest ? page.count : listed.largest;
        for (size_t i = 0; i < page.count; i++) {
            ck_assert_uint_lt(listed.count, LISTED_MOST);
            ck_assert(pb_str_equal(page.entries[i]->id, page.entries[i]->name));
            ck_assert_uint_eq(page.entries[i]->removed, 0);
            listed.bytes[listed.count] = page.entries[i]->bytes;
            listed.ids[listed.count] = strndup(page.entries[i]->id.data, page.entries[i]->id.size);
            listed.digests[listed.count++] =
                strndup(page.entries[i]->digest.data, page.entries[i]->digest.size);
        }
        cursor = page.cursor;
    } while (cursor.size);
    return PB_OK;
}

#endif
