/* kit.h - what these tests share: a source on the site of the test, and what it lists. Include it once. */
#ifndef WEB_TEST_KIT_H
#define WEB_TEST_KIT_H

#include "site.h"

static pb_harness *harness;
static pb_instance *source;

static const pb_plugin *const plugins[] = {&patchbay_plugin_web, NULL};

/* "http://127.0.0.1:4321/path"; one of four that are valid at a time. */
static const char *at(const char *path)
{
    static char whole[4][4096];
    static int turn;

    turn = (turn + 1) % 4;
    (void)snprintf(whole[turn], sizeof whole[turn], "http://127.0.0.1:%d%s", site.port, path);
    return whole[turn];
}

static inline void open_plain(const char *start, const char *options)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml, "sources: {site: {use: web, start: ['%s']%s}}\n", at(start),
                   options);
    harness = pb_harness_open(yaml, plugins, NULL);
    pb_harness_virtual_time(harness, false);
    source = pb_harness_instance(harness, "source", "site");
}

static inline void open_source(const char *start, const char *options)
{
    char all[512];

    (void)snprintf(all, sizeof all, ", delay: 0s, timeout: 10s%s", options);
    open_plain(start, all);
}

#define LOCAL ", private_hosts: ['127.0.0.1']"

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
    site_stop();
}

/* --- listing ------------------------------------------------------------------------------------
 */

static char found[4096]; /* paths, by the order they were found in */
static char digests[64][80];
static size_t found_count, page_count;

static inline pb_status list_all(void *arg)
{
    pb_str cursor = {0};
    size_t origin = strlen(at(""));

    (void)arg;
    found[0] = 0;
    found_count = page_count = 0;
    do {
        pb_source_page page;
        pb_status status = pb_source_list(source, cursor, &page);
        if (status != PB_OK)
            return status;
        page_count++;
        for (size_t i = 0; i < page.count; i++) {
            const pb_source_entry *entry = page.entries[i];
            ck_assert(pb_str_equal(entry->id, entry->url));
            size_t used = strlen(found);
            (void)snprintf(found + used, sizeof found - used, "%s%.*s", used ? " " : "",
                           (int)(entry->id.size - origin), entry->id.data + origin);
            (void)snprintf(digests[found_count++ % 64], sizeof digests[0], "%.*s",
                           PB_ARG(entry->digest));
        }
        cursor = page.cursor;
    } while (cursor.size);
    return PB_OK;
}

static inline pb_status list(pb_str *sentence)
{
    return pb_harness_run(harness, list_all, NULL, sentence);
}

static inline void lists(const char *paths)
{
    pb_str sentence;
    pb_status status = list(&sentence);

    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(sentence));
    ck_assert_str_eq(found, paths);
}

#endif
