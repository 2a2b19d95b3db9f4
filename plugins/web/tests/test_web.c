/* What a crawl finds and leaves alone. */
#include "kit.h"

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

START_TEST(robots_need_not_be_heard)
{
    page("/robots.txt", "200 OK\r\nContent-Type: text/plain\r\n", "User-agent: *\nDisallow: /\n");
    page("/", NULL, "<a href=/a>");
    page("/a", NULL, "a");
    open_source("/", LOCAL ", robots: false");
    lists("/ /a");
    ck_assert_uint_eq(times_asked("/robots.txt"), 0);
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

START_TEST(types_that_are_named_are_taken)
{
    page("/", NULL, "<a href=/image><a href=/text>");
    page("/image", "200 OK\r\nContent-Type: image/png\r\n", "png");
    page("/text", "200 OK\r\nContent-Type: text/plain\r\n", "text");
    open_source("/", LOCAL ", types: [text/html, 'image/*']");
    lists("/ /image");
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
                                  robots_need_not_be_heard,
                                  robots_that_cannot_be_had_forbid_all,
                                  pages_that_want_to_be_left_out,
                                  redirects_loops_and_types,
                                  types_that_are_named_are_taken,
                                  as_many_as_allowed,
                                  sitemaps,
                                  what_did_not_change_is_not_sent_again,
                                  a_fault_of_the_moment_removes_nothing,
                                  a_cursor_of_an_older_listing,
                                  a_pause_between_requests,
                                  NULL};
    const TTest *const refused[] = {problems_have_their_line, NULL};

    return suite_run_cases("web",
                           (TCase *const[]){suite_case("cases", site_start, end, cases),
                                            suite_case("refused", NULL, NULL, refused), NULL});
}
