/* What a page is asked for, how long and how much of it, and what is never asked. */
#include "kit.h"

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
    endless_page("/medium", (int64_t)1 << 21);
    fetches(at("/medium"), PB_TOO_LARGE, "");
    lists("/");
    pthread_mutex_lock(&site.lock);
    ck_assert_int_lt(site.sent, 64 << 20);
    pthread_mutex_unlock(&site.lock);
}
END_TEST

/* Gives up by itself, long before the deadline. */
static pb_status fetch_in_time(void *arg)
{
    int64_t deadline = pb_deadline_begin(3 * PB_SECOND);
    pb_status status = fetch_one(arg);

    ck_assert_int_eq(pb_sleep(1), PB_OK);
    pb_deadline_end(deadline);
    return status;
}

START_TEST(a_site_that_says_nothing)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* nobody accepts there */
    char url[64];
    struct taking taking = {.base = {.size = sizeof(pb_writer), .write = take}, .url = url};

    ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(silent, 4), 0);
    ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    open_plain("/", LOCAL ", robots: false, timeout: 20ms");
    ck_assert_int_eq(pb_harness_run(harness, fetch_in_time, &taking, NULL), PB_TIMEOUT);
    close(silent);
}
END_TEST

START_TEST(the_configured_pause)
{
    struct taking taking = {.base = {.size = sizeof(pb_writer), .write = take}, .url = at("/a")};

    page("/a", NULL, "a");
    open_plain("/a", LOCAL ", robots: false, delay: 1h");
    fetches(at("/a"), PB_OK, "a"); /* the first at once */
    pb_harness_virtual_time(harness, true);
    pb_duration before = pb_monotonic();
    (void)pb_harness_run(harness, fetch_one, &taking, NULL); /* too late to wait for real bytes */
    ck_assert_int_ge(pb_monotonic() - before, 3590 * PB_SECOND);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {one_page_by_its_url,
                                  private_addresses_are_not_asked,
                                  nor_are_they_by_a_redirect,
                                  a_gigabyte_is_cut,
                                  a_site_that_says_nothing,
                                  the_configured_pause, NULL};

    return suite_run_cases("fetch", (TCase *const[]){suite_case("cases", site_start, end, cases), NULL});
}
