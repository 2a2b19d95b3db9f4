/* Names: the cache, joined look-ups, threads; which addresses are public; the race of addresses. */
#include "net/resolver.h"
#include "upstream.h"

#include <netdb.h>

/* --- a resolver of our own -------------------------------------------------------------------- */

static atomic_int asked, entered;
static atomic_bool hold; /* look-ups wait until this is false */

static struct addrinfo *add(struct addrinfo *list, int family, const char *text)
{
    struct {
        struct addrinfo info;
        union resolver_address address;
    } *item = calloc(1, sizeof *item);

    item->info.ai_family = family;
    item->info.ai_addr = &item->address.any;
    if (family == AF_INET) {
        item->info.ai_addrlen = sizeof item->address.v4;
        uv_ip4_addr(text, 0, &item->address.v4);
    } else {
        item->info.ai_addrlen = sizeof item->address.v6;
        uv_ip6_addr(text, 0, &item->address.v6);
    }
    item->info.ai_next = list;
    return &item->info;
}

static void release(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static int resolve(const char *name, struct addrinfo **out)
{
    asked++;
    entered++;
    while (hold)
        sched_yield();
    if (strcmp(name, "both.test") == 0) {
        *out = add(add(add(add(NULL, AF_INET, "10.0.0.2"), AF_INET, "10.0.0.1"), AF_INET6, "fd00::2"),
                   AF_INET6, "fd00::1");
        return 0;
    }
    if (strcmp(name, "dead-first.test") == 0) { /* no such address on loopback: refused at once */
        *out = add(add(NULL, AF_INET, "127.0.0.1"), AF_INET6, "::1");
        return 0;
    }
    if (strcmp(name, "silent-first.test") == 0) {
        *out = add(add(NULL, AF_INET, "127.0.0.1"), AF_INET, "127.0.0.2");
        return 0;
    }
    if (strncmp(name, "here", 4) == 0) {
        *out = add(NULL, AF_INET, "127.0.0.1");
        return 0;
    }
    return strcmp(name, "later.test") == 0 ? EAI_AGAIN : EAI_NONAME;
}

static pb_status look(const char *name, struct resolver_answer *out)
{
    struct url url;

    ck_assert_int_eq(url_parse(pb_printf("http://%s:8080/", name), &url), PB_OK);
    return resolver_lookup(&url, 5 * PB_SECOND, out);
}

static void begin(void)
{
    asked = entered = 0;
    hold = false;
    resolver_override(resolve, release);
}

/* --- look-ups --------------------------------------------------------------------------------- */

CLIENT_TEST(answers_are_kept_for_a_while)
{
    struct resolver_answer answer;

    begin();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(look("here.test", &answer), PB_OK);
    ck_assert_int_eq(asked, 1);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(ntohs(answer.addresses[0].v4.sin_port), 8080);
    loop_clock_advance(29 * PB_SECOND);
    ck_assert_int_eq(look("HERE.test.", &answer), PB_OK);
    ck_assert_int_eq(asked, 1);
    loop_clock_advance(2 * PB_SECOND);
    ck_assert_int_eq(look("here.test", &answer), PB_OK);
    ck_assert_int_eq(asked, 2);
}

CLIENT_TEST(failures_are_kept_shortly)
{
    struct resolver_answer answer;

    begin();
    ck_assert_int_eq(look("nobody.test", &answer), PB_UNAVAILABLE);
    ck_sentence("there is no host named 'nobody.test'");
    ck_assert_int_eq(look("nobody.test", &answer), PB_UNAVAILABLE);
    ck_assert_int_eq(asked, 1);
    loop_clock_advance(PB_SECOND + PB_MILLISECOND);
    ck_assert_int_eq(look("nobody.test", &answer), PB_UNAVAILABLE);
    ck_assert_int_eq(asked, 2);
    ck_assert_int_eq(look("later.test", &answer), PB_UNAVAILABLE);
    ck_sentence("cannot be looked up now");
}

CLIENT_TEST(literals_ask_nobody)
{
    struct resolver_answer answer;

    begin();
    ck_assert_int_eq(look("127.0.0.1", &answer), PB_OK);
    ck_assert_int_eq(look("[::1]", &answer), PB_OK);
    ck_assert_int_eq(answer.addresses[0].any.sa_family, AF_INET6);
    ck_assert_int_eq(ntohs(answer.addresses[0].v6.sin6_port), 8080);
    ck_assert_int_eq(asked, 0);
}

CLIENT_TEST(families_take_turns)
{
    struct resolver_answer answer;
    char text[RESOLVER_TEXT];
    static const char *const order[] = {"[fd00::1]:8080", "10.0.0.1:8080", "[fd00::2]:8080",
                                        "10.0.0.2:8080"};

    begin();
    ck_assert_int_eq(look("both.test", &answer), PB_OK);
    ck_assert_uint_eq(answer.count, 4);
    for (size_t i = 0; i < 4; i++) {
        resolver_text(&answer.addresses[i].any, text);
        ck_assert_str_eq(text, order[i]);
    }
}

static pb_status look_task(void *arg)
{
    struct resolver_answer answer;
    return look(arg, &answer);
}

CLIENT_TEST(one_name_at_once_is_asked_once)
{
    pb_task *tasks[20];

    begin();
    hold = true;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(pb_spawn(look_task, "here.test", &tasks[i]), PB_OK);
    while (entered == 0)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    pb_task_cancel(tasks[7]); /* one leaves, the others are served */
    ck_assert_int_eq(pb_join(tasks[7]), PB_CANCELLED);
    hold = false;
    for (int i = 0; i < 20; i++)
        if (i != 7)
            ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    ck_assert_int_eq(asked, 1);
}

/* Four at once, the fifth waits, and nothing is blocked meanwhile. */
CLIENT_TEST(slow_names_do_not_stop_the_loop)
{
    static char names[6][32];
    pb_task *tasks[6];
    struct resolver_answer answer;

    begin();
    hold = true;
    for (int i = 0; i < 6; i++) {
        snprintf(names[i], sizeof names[i], "here%d.test", i);
        ck_assert_int_eq(pb_spawn(look_task, names[i], &tasks[i]), PB_OK);
    }
    while (entered < 4)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    ck_assert_int_eq(entered, 4);
    ck_assert_int_eq(look("127.0.0.1", &answer), PB_OK);
    struct url url;
    ck_assert_int_eq(url_parse(pb_lit("http://here9.test"), &url), PB_OK);
    ck_assert_int_eq(resolver_lookup(&url, 10 * PB_MILLISECOND, &answer), PB_TIMEOUT);
    hold = false;
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
}

CLIENT_TEST(more_names_than_the_cache_holds)
{
    struct resolver_answer answer;

    begin();
    for (int i = 0; i < 1000; i++) {
        pb_scope *scope = pb_scope_begin();
        ck_assert_int_eq(look(pb_printf("here%d.test", i).data, &answer), PB_OK);
        pb_scope_end(scope);
    }
    ck_assert_int_eq(asked, 1000);
    ck_assert_int_eq(look("here999.test", &answer), PB_OK);
    ck_assert_int_eq(asked, 1000);
    ck_assert_int_eq(look("here0.test", &answer), PB_OK);
    ck_assert_int_eq(asked, 1001);
}

CLIENT_TEST(the_system_knows_localhost)
{
    struct resolver_answer answer;

    resolver_override(NULL, NULL);
    ck_assert_int_eq(look("localhost", &answer), PB_OK);
    ck_assert_uint_ge(answer.count, 1);
    ck_assert(!resolver_is_public(&answer.addresses[0].any));
}

/* --- the race --------------------------------------------------------------------------------- */

static void say_ok(struct upstream_peer *peer)
{
    while (peer_request(peer))
        peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

CLIENT_TEST(an_address_that_refuses_costs_no_time)
{
    struct upstream upstream;

    begin();
    upstream_open(&upstream, say_ok, NULL); /* on 127.0.0.1 only */
    struct got got = get(pb_printf("http://dead-first.test:%d/", upstream.port));
    ck_assert_int_eq(got.opened, PB_OK);
    ck_text(got.body, "ok");
    client_fini();
    upstream_close(&upstream);
}

static pb_status get_task(void *arg)
{
    return get(*(pb_str *)arg).opened;
}

/* The first address swallows connections: the queue of its listener is full. */
CLIENT_TEST(an_address_that_is_silent_is_overtaken)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    struct upstream upstream;
    int fd = socket(AF_INET, SOCK_STREAM, 0), fill[8];
    pb_task *task;

    begin();
    upstream_open(&upstream, say_ok, NULL);
    address.sin_port = htons((uint16_t)upstream.port);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&address, sizeof address);
    }
    pb_str url = pb_printf("http://silent-first.test:%d/", upstream.port);
    ck_assert_int_eq(pb_spawn(get_task, &url, &task), PB_OK);
    while (asked == 0)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    while (upstream.accepted == 0) { /* the second is tried after 250 ms, not before the first */
        loop_clock_advance(10 * PB_MILLISECOND);
        ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    }
    ck_assert_int_eq(pb_join(task), PB_OK);
    ck_assert_uint_eq(client_figures().open, 1); /* the loser is closed */
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(fd);
    client_fini();
    upstream_close(&upstream);
}

CLIENT_TEST(a_name_that_does_not_exist)
{
    begin();
    ck_assert_int_eq(get(pb_lit("http://nobody.test/?secret")).opened, PB_UNAVAILABLE);
    ck_sentence("there is no host named 'nobody.test'");
    ck_assert_uint_eq(client_figures().open, 0);
}

CLIENT_TEST(a_name_with_an_inside_address_is_refused)
{
    begin();
    pb_http_spec spec = pb_http_spec_make("GET", pb_lit("http://here.test:1/"));
    spec.public_only = 1;
    ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
}

/* --- public addresses ------------------------------------------------------------------------- */

START_TEST(public_or_not)
{
    static const char *const inside4[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
        "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"};
    static const char *const outside4[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
                                           "100.128.0.0", "126.255.255.255", "128.0.0.0",
                                           "169.253.1.1", "172.15.255.255", "172.32.0.0",
                                           "192.167.1.1", "198.17.1.1", "198.20.0.1", "223.1.1.1"};
    static const char *const inside6[] = {
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "febf::1",
        "fc00::1", "fdff::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "2001:10::1",
        "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "3fff::1",
        "4000::1"};
    static const char *const outside6[] = {"2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1",
                                           "64:ff9b::101:101", "2002:101:101::1", "2001:200::1"};
    union resolver_address address;

    for (size_t i = 0; i < sizeof inside4 / sizeof inside4[0]; i++) {
        ck_assert_int_eq(uv_ip4_addr(inside4[i], 80, &address.v4), 0);
        ck_assert_msg(!resolver_is_public(&address.any), "%s", inside4[i]);
    }
    for (size_t i = 0; i < sizeof outside4 / sizeof outside4[0]; i++) {
        ck_assert_int_eq(uv_ip4_addr(outside4[i], 80, &address.v4), 0);
        ck_assert_msg(resolver_is_public(&address.any), "%s", outside4[i]);
    }
    for (size_t i = 0; i < sizeof inside6 / sizeof inside6[0]; i++) {
        ck_assert_int_eq(uv_ip6_addr(inside6[i], 80, &address.v6), 0);
        ck_assert_msg(!resolver_is_public(&address.any), "%s", inside6[i]);
    }
    for (size_t i = 0; i < sizeof outside6 / sizeof outside6[0]; i++) {
        ck_assert_int_eq(uv_ip6_addr(outside6[i], 80, &address.v6), 0);
        ck_assert_msg(resolver_is_public(&address.any), "%s", outside6[i]);
    }
    address.any.sa_family = AF_UNIX;
    ck_assert(!resolver_is_public(&address.any));
}
END_TEST

int main(void)
{
    return suite_run("resolver",
                     (const TTest *[]){answers_are_kept_for_a_while, failures_are_kept_shortly,
                                       literals_ask_nobody, families_take_turns,
                                       one_name_at_once_is_asked_once,
                                       slow_names_do_not_stop_the_loop,
                                       more_names_than_the_cache_holds, the_system_knows_localhost,
                                       an_address_that_refuses_costs_no_time,
                                       an_address_that_is_silent_is_overtaken,
                                       a_name_that_does_not_exist,
                                       a_name_with_an_inside_address_is_refused, public_or_not,
                                       NULL});
}
