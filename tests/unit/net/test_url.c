/* URLs: what is taken apart, what is refused, what a relative reference means. */
#include "net/url.h"
#include "suite.h"

static void expect(const char *text, const char *authority, const char *target)
{
    struct url url;
    char out[URL_AUTHORITY];

    ck_assert_msg(url_parse(pb_str_of(text), &url) == PB_OK, "%s: %.*s", text,
                  PB_ARG(pb_error_last()->sentence));
    ck_text(pb_str_make(out, url_authority(&url, out)), authority);
    ck_text(url.target, target);
}

START_TEST(good_ones_are_taken_apart)
{
    struct url url;

    expect("http://example.com", "example.com", "/");
    expect("https://example.com:443/a/b?c=d#e", "example.com", "/a/b?c=d");
    expect("http://example.com:8080?q", "example.com:8080", "/?q");
    expect("HTTP://EXAMPLE.com./", "example.com", "/");
    expect("http://[::1]:81/x", "[::1]:81", "/x");
    expect("https://[2001:DB8::1]", "[2001:db8::1]", "/");
    expect("http://127.0.0.1/%41", "127.0.0.1", "/%41");
    expect("http://under_score.example/", "under_score.example", "/");
    expect("http://example.com:/", "example.com", "/");
    ck_assert_int_eq(url_parse(pb_lit("https://a"), &url), PB_OK);
    ck_assert(url.secure && url.port == 443 && !url.v4 && !url.v6);
    ck_assert_int_eq(url_parse(pb_lit("http://10.0.0.1:9"), &url), PB_OK);
    ck_assert(!url.secure && url.port == 9 && url.v4);
}
END_TEST

START_TEST(bad_ones_are_refused_without_repeating_them)
{
    static const char *const bad[] = {
        "", "http", "http:", "http:/", "http://", "//host/", "ftp://host/", "file:///etc/passwd",
        "javascript:alert(1)", "http:///path", "http://user@host/", "http://user:secret@host/",
        "http://host name/", "http://host/a b", "http://host/\r\nX: y", "http://host/\x01",
        "http://h\xc3\xb6st/", "http://host/\x7f", "http://ho%73t/", "http://host/%zz",
        "http://host/%4", "http://host:0/", "http://host:65536/", "http://host:99999999999/",
        "http://host:8a/", "http://host:-1/", "http://host:80:80/", "http://[::1/", "http://[::1]x/",
        "http://[]/", "http://[secret]/", "http://[fe80::1%25eth0]/", "http://[1.2.3.4]/",
        "http://.host/", "http://a..b/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/",
        "http://0x7f000001/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://host\\@evil/",
        "http://ho*st/", "http://host/<secret>", "http://::1/", " http://host/",
    };
    struct url url;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pb_error_clear();
        ck_assert_msg(url_parse(pb_str_of(bad[i]), &url) == PB_INVALID, "'%s' was taken", bad[i]);
        pb_str sentence = pb_copy(pb_error_last()->sentence);
        ck_assert_uint_gt(sentence.size, 10);
        ck_assert_ptr_null(strstr(sentence.data, "secret"));
    }
}
END_TEST

START_TEST(a_unix_socket_stands_where_the_host_would)
{
    static const char *const bad[] = {"http+unix:///run/web.sock", "http+unix://run%2Fweb.sock/",
                                      "http+unix://%2F", "http+unix://%2Frun%00web.sock/",
                                      "https+unix://%2Frun%2Fweb.sock/"};
    struct url url, other;
    pb_str out;

    ck_assert_int_eq(url_parse(pb_lit("http+unix://%2Frun%2fweb.sock/v1?q=1"), &url), PB_OK);
    ck_text(url.local, "/run/web.sock");
    ck_text(url.host, "localhost");
    ck_text(url.target, "/v1?q=1");
    ck_assert_int_eq(url_parse(pb_lit("http+unix://%40name"), &other), PB_OK);
    ck_text(other.local, "@name");
    ck_assert(!url_same_origin(&url, &other));
    ck_assert_int_eq(url_resolve(&url, pb_lit("/there"), &out), PB_INVALID);
    ck_assert_int_eq(url_parse(pb_lit("http://localhost/"), &other), PB_OK);
    ck_assert_uint_eq(other.local.size, 0);
    ck_assert(!url_same_origin(&url, &other));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(url_parse(pb_str_of(bad[i]), &url) == PB_INVALID, "'%s' was taken", bad[i]);
}
END_TEST

START_TEST(bytes_behind_the_size_do_not_count)
{
    struct url url;

    ck_assert_int_eq(url_parse(pb_str_make("http://host/x y", 13), &url), PB_OK);
    ck_text(url.target, "/x");
    ck_assert_int_eq(url_parse(pb_str_make("http://host\0/", 13), &url), PB_INVALID);
    pb_str label = pb_printf("http://%064d.example/", 0);
    ck_assert_int_eq(url_parse(label, &url), PB_INVALID);
    pb_buf buf = {0};
    pb_buf_add(&buf, pb_lit("http://"));
    for (int i = 0; i < 130; i++)
        pb_buf_add(&buf, pb_lit("a."));
    pb_buf_add(&buf, pb_lit("b/"));
    ck_assert_int_eq(url_parse(pb_buf_str(&buf), &url), PB_INVALID);
}
END_TEST

START_TEST(references_mean_what_the_rfc_says)
{
    /* RFC 3986, 5.4, with the scheme http. */
    static const char *const cases[][2] = {
        {"http://g/x", "http://g/x"},  {"g", "http://a/b/c/g"},       {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},     {"/g", "http://a/g"},          {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},  {"g?y", "http://a/b/c/g?y"},   {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},     {";x", "http://a/b/c/;x"},     {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},        {"./", "http://a/b/c/"},       {"..", "http://a/b/"},
        {"../", "http://a/b/"},        {"../g", "http://a/b/g"},      {"../..", "http://a/"},
        {"../../g", "http://a/g"},     {"../../../g", "http://a/g"},  {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},       {"g.", "http://a/b/c/g."},     {".g", "http://a/b/c/.g"},
        {"..g", "http://a/b/c/..g"},   {"./../g", "http://a/b/g"},    {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"}, {"g/../h", "http://a/b/c/h"},  {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g;x=1/../y", "http://a/b/c/y"},
    };
    struct url base;
    pb_str out;

    ck_assert_int_eq(url_parse(pb_lit("http://a/b/c/d;p?q"), &base), PB_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(url_resolve(&base, pb_str_of(cases[i][0]), &out), PB_OK);
        ck_text(out, cases[i][1]);
    }
    ck_assert_int_eq(url_resolve(&base, pb_lit("a b"), &out), PB_INVALID);
    ck_assert_int_eq(url_parse(pb_lit("https://[::1]:8443"), &base), PB_OK);
    ck_assert_int_eq(url_resolve(&base, pb_lit("x"), &out), PB_OK);
    ck_text(out, "https://[::1]:8443/x");
}
END_TEST

START_TEST(an_origin_is_scheme_host_and_port)
{
    struct url a, b;

    ck_assert_int_eq(url_parse(pb_lit("http://A.example/x"), &a), PB_OK);
    ck_assert_int_eq(url_parse(pb_lit("http://a.example:80/y"), &b), PB_OK);
    ck_assert(url_same_origin(&a, &b));
    ck_assert_int_eq(url_parse(pb_lit("https://a.example:80/y"), &b), PB_OK);
    ck_assert(!url_same_origin(&a, &b));
    ck_assert_int_eq(url_parse(pb_lit("http://a.example:81/"), &b), PB_OK);
    ck_assert(!url_same_origin(&a, &b));
}
END_TEST

int main(void)
{
    return suite_run("url", (const TTest *[]){good_ones_are_taken_apart,
                                              a_unix_socket_stands_where_the_host_would, bad_ones_are_refused_without_repeating_them,
                                              bytes_behind_the_size_do_not_count,
                                              references_mean_what_the_rfc_says,
                                              an_origin_is_scheme_host_and_port, NULL});
}
