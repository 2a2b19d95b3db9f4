/* What a crawl finds and leaves alone, what a page is asked for, and what is never asked. */
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

static void open_source(const char *start, const char *options)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml,
                   "sources: {site: {use: web, start: ['%s'], delay: 0s, timeout: 10s%s}}\n",
                   at(start), options);
    harness = pb_harness_open(yaml, plugins, NULL);
    pb_harness_virtual_time(harness, false);
    source = pb_harness_instance(harness, "source", "site");
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

static pb_status list_all(void *arg)
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

static pb_status list(pb_str *sentence)
{
    return pb_harness_run(harness, list_all, NULL, sentence);
}

static void lists(const char *paths)
{
    pb_str sentence;
    pb_status status = list(&sentence);

    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(sentence));
    ck_assert_str_eq(found, paths);
}

START_TEST(links_are_followed_once)
{
    page(
        "/", NULL,
        "<!-- <a href='/commented'> --><script>'<a href=/script>'</script><A HREF=a.html>a</a>"
        "<a class=x href='b.html#part'>b</a><a href=\"/b.html\">again</a><a href='./x/../a.html'>a"
        "</a><a href='mailto:x@y'>m</a><a href='javascript:x()'>j</a><a rel=nofollow href=/no>n</a>"
        "<a href='http://other.example/'>o</a><a href=\"/c%7e.html?x=1&amp;y=2\">c</a>");
    page("/a.html", NULL, "<a href=/>home</a><a href=deep/d.html>");
    page("/b.html", NULL, "<base href='/deep/'><a href='d.html'>");
    page("/c~.html?x=1&y=2", NULL, "c");
    page("/deep/d.html", NULL, "<a href='../a.html'><a href='e.html'>");
    page("/deep/e.html", NULL, "too deep");
    open_source("/", LOCAL ", depth: 2");
    lists("/ /a.html /b.html /c~.html?x=1&y=2 /deep/d.html");
    ck_assert_uint_eq(times_asked("/a.html"), 1);
    ck_assert_uint_eq(times_asked("/deep/e.html") + times_asked("/no") + times_asked("/script"), 0);
}
END_TEST

START_TEST(it_stays_below_the_start)
{
    page("/docs/", NULL, "<a href=a><a href=/blog><a href=../docs2/>");
    page("/docs/a", NULL, "a");
    page("/blog", NULL, "blog");
    open_source("/docs/index.html", LOCAL ", within: path");
    page("/docs/index.html", NULL, "<a href=a><a href=/blog><a href=../docs2/>");
    lists("/docs/index.html /docs/a");
    ck_assert_uint_eq(times_asked("/blog"), 0);
}
END_TEST

START_TEST(robots_are_heard)
{
    page("/robots.txt", "200 OK\r\nContent-Type: text/plain\r\n",
         "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: PATCHBAY/2 # us\nAllow: "
         "/open/\nDisallow: /secret\nDisallow: /*.pdf$\nAllow: /secret/but-this\n");
    page("/", NULL,
         "<a href=/open/x><a href=/secret><a href=/secret/y><a href=/secret/but-this>"
         "<a href=/m.pdf><a href=/m.pdfx>");
    page("/open/x", NULL, "x");
    page("/secret", NULL, "s");
    page("/secret/y", NULL, "s");
    page("/secret/but-this", NULL, "b");
    page("/m.pdf", "200 OK\r\nContent-Type: application/pdf\r\n", "p");
    page("/m.pdfx", NULL, "p");
    open_source("/", LOCAL);
    lists("/ /open/x /secret/but-this /m.pdfx");
    ck_assert_uint_eq(times_asked("/robots.txt"), 1);
    ck_assert_uint_eq(times_asked("/secret") + times_asked("/secret/y") + times_asked("/m.pdf"), 0);
}
END_TEST

START_TEST(robots_that_cannot_be_had_forbid_all)
{
    pb_str sentence;

    page("/robots.txt", "500 Internal Server Error\r\n", "");
    page("/", NULL, "home");
    open_source("/", LOCAL);
    ck_assert_int_eq(list(&sentence), PB_UNAVAILABLE); /* and not: there is nothing */
    ck_text(sentence, "the site's robots.txt cannot be had now");
    ck_assert_uint_eq(times_asked("/"), 0);
}
END_TEST

START_TEST(pages_that_want_to_be_left_out)
{
    page("/", NULL, "<meta name=robots content='NOINDEX'><a href=/a><a href=/b>");
    page("/a", "200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: noindex, nofollow\r\n",
         "<a href=/c>");
    page("/b", NULL, "<meta name=\"robots\" content=\"nofollow\"><a href=/d>");
    page("/c", NULL, "c");
    page("/d", NULL, "d");
    open_source("/", LOCAL);
    lists("/b");
}
END_TEST

START_TEST(redirects_loops_and_types)
{
    page("/", NULL, "<a href=/old><a href=/loop><a href=/image><a href=/away><a href=/gone>");
    page("/old", "301 Moved\r\nLocation: new?a=1#b\r\n", "");
    page("/new?a=1", NULL, "<a href=/old><a href=/new?a=1>");
    page("/loop", "302 Found\r\nLocation: /loop\r\n", "");
    page("/image", "200 OK\r\nContent-Type: image/png\r\n", "png");
    page("/away", "302 Found\r\nLocation: http://other.example/\r\n", "");
    open_source("/", LOCAL ", redirects: 3");
    lists("/ /new?a=1 /loop"); /* a loop may be a fault of the moment */
    ck_assert_uint_eq(times_asked("/loop"), 4);
    ck_assert_uint_eq(times_asked("/new?a=1"), 1);
}
END_TEST

START_TEST(as_many_as_allowed)
{
    static char body[8192], paths[100][16];

    for (int i = 0; i < 60; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/p%d", i);
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), "<a href=%s>", paths[i]);
        page(paths[i], NULL, "p");
    }
    page("/", NULL, body);
    open_source("/", LOCAL ", pages: 40");
    ck_assert_int_eq(list(NULL), PB_OK);
    ck_assert_uint_eq(found_count, 40);
    ck_assert_uint_eq(page_count, 2);
}
END_TEST

START_TEST(sitemaps)
{
    page("/robots.txt", "200 OK\r\nContent-Type: text/plain\r\n", "Sitemap: /maps.xml\n");
    page("/maps.xml", "200 OK\r\nContent-Type: application/xml\r\n",
         "<sitemapindex><sitemap><loc>/map.xml</loc></sitemap></sitemapindex>");
    static char map[512];
    (void)snprintf(map, sizeof map,
                   "<urlset><url><loc> %s </loc></url><url><loc>http://other.example/</loc></url>"
                   "</urlset>",
                   at("/hidden?a=1&amp;b=2"));
    page("/map.xml", "200 OK\r\nContent-Type: application/xml\r\n", map);
    page("/", NULL, "home");
    page("/hidden?a=1&b=2", NULL, "h");
    open_source("/", LOCAL ", sitemap: true");
    lists("/ /hidden?a=1&b=2");
}
END_TEST

START_TEST(what_did_not_change_is_not_sent_again)
{
    page("/", "200 OK\r\nContent-Type: text/html\r\nETag: \"v1\"\r\n", "<a href=/a><a href=/b>");
    page("/a",
         "200 OK\r\nContent-Type: text/html\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
         "a");
    page("/b", NULL, "b");
    open_source("/", LOCAL);
    lists("/ /a /b");
    ck_assert_str_eq(digests[0], "etag:\"v1\"");
    ck_assert_str_eq(digests[1], "modified:Wed, 21 Oct 2015 07:28:00 GMT");
    ck_assert_int_eq(strncmp(digests[2], "sha256:", 7), 0);
    char before[80];
    strcpy(before, digests[2]);
    page("/b", NULL, "b is another one");
    lists("/ /a /b"); /* from the links that were kept */
    ck_assert_str_eq(digests[0], "etag:\"v1\"");
    ck_assert_str_ne(digests[2], before);
    page("/", "200 OK\r\nContent-Type: text/html\r\nETag: \"v2\"\r\n", "<a href=/b>");
    lists("/ /b");
    ck_assert_str_eq(digests[0], "etag:\"v2\"");
}
END_TEST

START_TEST(a_fault_of_the_moment_removes_nothing)
{
    pb_str sentence;

    page("/", NULL, "<a href=/a>");
    page("/a", NULL, "<a href=/below>");
    page("/below", NULL, "below");
    open_source("/", LOCAL);
    lists("/ /a /below");
    page("/a", "503 Service Unavailable\r\n", "");
    lists("/ /a /below");
    page("/a", "404 Not Found\r\n", "");
    lists("/");
    page("/", "500 Internal Server Error\r\n", "");
    ck_assert_int_eq(list(&sentence), PB_BAD_UPSTREAM);
    ck_text(sentence, "the site answers with status 500");
}
END_TEST

static pb_status list_twice(void *arg)
{
    pb_source_page first, second;

    (void)arg;
    ck_assert_int_eq(pb_source_list(source, (pb_str){0}, &first), PB_OK);
    ck_assert(first.cursor.size);
    ck_assert_int_eq(pb_source_list(source, (pb_str){0}, &second), PB_OK);
    return pb_source_list(source, first.cursor, &first);
}

START_TEST(a_cursor_of_an_older_listing)
{
    static char body[4096], paths[40][16];

    for (int i = 0; i < 40; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/p%d", i);
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), "<a href=%s>", paths[i]);
        page(paths[i], NULL, "p");
    }
    page("/", NULL, body);
    open_source("/", LOCAL);
    ck_assert_int_eq(pb_harness_run(harness, list_twice, NULL, NULL), PB_CONFLICT);
}
END_TEST

/* --- fetching ------------------------------------------------------------------------------------
 */

struct taking {
    pb_writer base;
    const char *url;
    int64_t size;
    char begin[64];
};

static pb_status take(pb_writer *writer, pb_bytes bytes)
{
    struct taking *taking = (struct taking *)(void *)writer;

    if (!taking->size)
        (void)snprintf(taking->begin, sizeof taking->begin, "%.*s", (int)bytes.size,
                       (const char *)bytes.data);
    taking->size += (int64_t)bytes.size;
    return PB_OK;
}

static pb_status fetch_one(void *arg)
{
    struct taking *taking = arg;

    return pb_source_fetch(source, pb_str_of(taking->url), &taking->base);
}

static void fetches(const char *url, pb_status status, const char *says)
{
    struct taking taking = {.base = {.size = sizeof(pb_writer), .write = take}, .url = url};
    pb_str sentence;
    pb_status got = pb_harness_run(harness, fetch_one, &taking, &sentence);

    ck_assert_msg(got == status, "%s: %s %.*s", url, pb_status_name(got), PB_ARG(sentence));
    if (status == PB_OK)
        ck_assert_str_eq(taking.begin, says);
    else
        ck_assert_msg(pb_str_contains(sentence, pb_str_of(says)), "%.*s", PB_ARG(sentence));
}

START_TEST(one_page_by_its_url)
{
    page("/robots.txt", "200 OK\r\nContent-Type: text/plain\r\n", "User-agent: *\nDisallow: /no\n");
    page("/a", NULL, "here");
    page("/to", "307 There\r\nLocation: //127.0.0.1:1/\r\n", "");
    page("/moved", "308 There\r\nLocation: a\r\n", "");
    page("/png", "200 OK\r\nContent-Type: image/png; x=y\r\n", "png");
    page("/busy", "429 Slow\r\nRetry-After: 7\r\n", "");
    page("/closed", "403 No\r\n", "");
    open_source("/a", LOCAL ", user_agent: 'Mine/1 (test)'");
    fetches(at("/a"), PB_OK, "here");
    ck_assert(strstr(site.request, "User-Agent: Mine/1 (test)\r\n") ||
              strstr(site.request, "user-agent: Mine/1 (test)\r\n"));
    fetches(at("/moved#part"), PB_OK, "here");
    fetches(at("/no"), PB_FORBIDDEN, "robots.txt does not allow");
    fetches(at("/png"), PB_UNSUPPORTED, "the page is 'image/png'");
    fetches(at("/gone"), PB_NOT_FOUND, "no such page (404)");
    fetches(at("/closed"), PB_FORBIDDEN, "does not give this page (403)");
    fetches(at("/busy"), PB_RATE_LIMITED, "asks for a pause");
    fetches("ftp://example.org/", PB_INVALID, "no http or https URL");
    fetches("file:///etc/passwd", PB_INVALID, "no http or https URL");
    fetches("http://me:secret@127.0.0.1/", PB_INVALID, "no http or https URL");
    fetches("/relative", PB_INVALID, "no http or https URL");
}
END_TEST

START_TEST(private_addresses_are_not_asked)
{
    char local[64];

    page("/a", NULL, "here");
    (void)snprintf(local, sizeof local, "http://localhost:%d/a", site.port);
    open_source("/a", "");
    /* robots.txt is not asked for there either */
    fetches(at("/a"), PB_FORBIDDEN, "is not on the public internet");
    fetches(local, PB_FORBIDDEN, "is not on the public internet");
    fetches("http://169.254.169.254/latest/meta-data/", PB_FORBIDDEN,
            "is not on the public internet");
    fetches("http://[::1]/", PB_FORBIDDEN, "is not on the public internet");
    ck_assert_uint_eq(site.asked_count, 0);
    ck_assert_int_eq(list(NULL), PB_FORBIDDEN);
    ck_assert_uint_eq(site.asked_count, 0);
}
END_TEST

START_TEST(nor_are_they_by_a_redirect)
{
    static char head[128];

    (void)snprintf(head, sizeof head, "302 Found\r\nLocation: http://localhost:%d/a\r\n",
                   site.port);
    page("/there", head, "");
    page("/a", NULL, "here");
    open_source("/a", LOCAL ", robots: false"); /* that one is allowed, "localhost" is not */
    fetches(at("/a"), PB_OK, "here");
    fetches(at("/there"), PB_FORBIDDEN, "is not on the public internet");
    ck_assert_uint_eq(times_asked("/a"), 1);
}
END_TEST

START_TEST(a_gigabyte_is_cut)
{
    endless_page("/large", (int64_t)1 << 30);
    page("/", NULL, "<a href=/large>");
    open_source("/", LOCAL ", max_size: 1MiB");
    fetches(at("/large"), PB_TOO_LARGE, "");
    lists("/");
    pthread_mutex_lock(&site.lock);
    ck_assert_int_lt(site.sent, 64 << 20);
    pthread_mutex_unlock(&site.lock);
}
END_TEST

START_TEST(problems_have_their_line)
{
    pb_harness_refuse("sources:\n  a: {use: web, start: ['example.org']}\n"
                      "  b: {use: web, user_agent: '/1'}\n",
                      plugins,
                      (const char *const[]){"sources.a.start[0]: this is no http or https URL",
                                            "sources.b.user_agent:", NULL});
}
END_TEST

START_TEST(a_pause_between_requests)
{
    harness = pb_harness_open("sources: {site: {use: web, delay: 1h}}\n", plugins, NULL);
    pb_harness_free(harness); /* nothing is asked before it is wanted */
    page("/robots.txt", "200 OK\r\nContent-Type: text/plain\r\n",
         "User-agent: *\nCrawl-delay: 1\n");
    page("/", NULL, "<a href=/a>");
    page("/a", NULL, "a");
    open_source("/", LOCAL);
    pb_duration before = pb_monotonic();
    lists("/ /a");
    ck_assert_int_ge(pb_monotonic() - before, PB_SECOND);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {links_are_followed_once,
                                  it_stays_below_the_start,
                                  robots_are_heard,
                                  robots_that_cannot_be_had_forbid_all,
                                  pages_that_want_to_be_left_out,
                                  redirects_loops_and_types,
                                  as_many_as_allowed,
                                  sitemaps,
                                  what_did_not_change_is_not_sent_again,
                                  a_fault_of_the_moment_removes_nothing,
                                  a_cursor_of_an_older_listing,
                                  one_page_by_its_url,
                                  private_addresses_are_not_asked,
                                  nor_are_they_by_a_redirect,
                                  a_gigabyte_is_cut,
                                  a_pause_between_requests,
                                  NULL};
    const TTest *const refused[] = {problems_have_their_line, NULL};

    return suite_run_cases("web",
                           (TCase *const[]){suite_case("cases", site_start, end, cases),
                                            suite_case("refused", NULL, NULL, refused), NULL});
}
