/* get.c - one page: asked for politely (robots.txt, a pause between requests), redirects followed
 * one by one, so that each is checked like the first, and never from a private address that nobody
 * named. */
#include "web.h"

#include <stdlib.h>

enum { ROBOTS_REDIRECTS = 5 };

/* What one origin's robots.txt says. */
struct site {
    struct site *next;
    char *origin;
    struct robots *robots;
    pb_duration until;
    int users;
    bool stale; /* freed when nobody uses it any more */
};

static void site_free(struct site *site)
{
    robots_free(site->robots);
    free(site->origin);
    free(site);
}

void sites_clear(struct web *web)
{
    while (web->sites) {
        struct site *site = web->sites;
        web->sites = site->next;
        site_free(site);
    }
}

static void site_leave(struct site *site)
{
    if (--site->users == 0 && site->stale)
        site_free(site);
}

bool web_within(const struct web *web, const struct url *start, const struct url *url)
{
    if (web->within == WITHIN_ANY)
        return true;
    if (!pb_str_equal(start->origin, url->origin))
        return false;
    return web->within == WITHIN_HOST || pb_str_starts(url->path, url_folder(start));
}

/* --- one request --------------------------------------------------------------------------------
 */

static bool may_be_private(const struct web *web, pb_str host)
{
    for (size_t i = 0; i < web->private_hosts.count; i++)
        if (pb_str_same(PB_ITEM(web->private_hosts, pb_str, i), host))
            return true;
    return false;
}

/* Waits for this request's turn: each takes its place before it waits. */
static pb_status pause_before(struct web *web, pb_duration site)
{
    pb_duration now = pb_monotonic(), mine = web->next > now ? web->next : now;

    web->next = mine + (site > web->delay ? site : web->delay);
    return mine > now ? pb_sleep(mine - now) : (pb_status)PB_OK;
}

static pb_status open_once(struct web *web, struct get *get)
{
    pb_header headers[4] = {{pb_lit("User-Agent"), web->user_agent},
                            {pb_lit("Accept"), pb_lit("text/html, text/plain;q=0.9, */*;q=0.8")}};
    pb_http_spec spec = pb_http_spec_make("GET", get->url.text);

    spec.header_count = 2;
    if (get->etag.size)
        headers[spec.header_count++] = (pb_header){pb_lit("If-None-Match"), get->etag};
    if (get->modified.size)
        headers[spec.header_count++] = (pb_header){pb_lit("If-Modified-Since"), get->modified};
    spec.headers = headers;
    spec.connect = spec.first_byte = spec.between_bytes = web->timeout;
    spec.max_body = web->max_size;
    spec.ca_file = web->ca_file;
    spec.public_only = !may_be_private(web, get->url.host);
    web->requests++;
    get->deadline = pb_deadline_begin(web->timeout * 10); /* a body that drips */
    pb_status status = pb_http_open(&spec, &get->http);
    if (status != PB_OK) {
        get->http = NULL;
        pb_deadline_end(get->deadline);
    }
    return status;
}

void get_close(struct get *get)
{
    if (get->http) {
        pb_http_close(get->http);
        pb_deadline_end(get->deadline);
    }
    get->http = NULL;
}

static bool is_redirect(int32_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* --- robots.txt ---------------------------------------------------------------------------------
 */

/* Asks for it and follows redirects; status 0: it could not be reached. */
static pb_status fetch_robots(struct web *web, const struct url *url, int32_t *code, pb_str *text)
{
    struct get get = {0};
    pb_status status = PB_OK;

    *code = 0;
    if (!url_make(url, pb_lit("/robots.txt"), &get.url))
        return PB_OK;
    for (int hops = 0; hops <= ROBOTS_REDIRECTS; hops++) {
        status = pause_before(web, 0);
        if (status == PB_OK)
            status = open_once(web, &get);
        if (status != PB_OK)
            break;
        *code = pb_http_status(get.http);
        if (*code >= 200 && *code < 300)
            status = pb_http_read_all(get.http, text);
        bool again = is_redirect(*code) &&
                     url_make(&get.url, pb_http_header(get.http, pb_lit("Location")), &get.url);
        get_close(&get);
        if (!again)
            break;
    }
    if (status == PB_CANCELLED || status == PB_NO_MEMORY || status == PB_FORBIDDEN)
        return status; /* forbidden: a private address, which is what has to be said */
    if (status != PB_OK && status != PB_TOO_LARGE)
        *code = 0;
    pb_error_clear();
    return PB_OK;
}

static pb_str product(const struct web *web)
{
    size_t end = 0;

    while (end < web->user_agent.size && !strchr("/ (", web->user_agent.data[end]))
        end++;
    return pb_str_slice(web->user_agent, 0, end);
}

/* Not there: all is allowed; not to be reached: nothing is, for a while. */
static struct robots *judge(const struct web *web, int32_t code, pb_str text)
{
    if (code >= 200 && code < 300)
        return robots_parse(text, product(web));
    return robots_plain(code < 300 || code >= 500 || code == 429);
}

static void site_replace(struct web *web, struct site *fresh)
{
    for (struct site **at = &web->sites; *at;) {
        struct site *old = *at;
        if (strcmp(old->origin, fresh->origin) != 0) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        old->stale = true;
        if (!old->users)
            site_free(old);
    }
    fresh->next = web->sites;
    web->sites = fresh;
}

/* The site of a URL, held until site_leave. */
static pb_status site_of(struct web *web, const struct url *url, struct site **out)
{
    struct site *site = web->sites;
    pb_str text = {0};
    int32_t code = 404;

    while (site && !(pb_str_is(url->origin, site->origin) && site->until > pb_monotonic()))
        site = site->next;
    if (!site) {
        pb_status status = web->robots ? fetch_robots(web, url, &code, &text) : (pb_status)PB_OK;
        if (status != PB_OK)
            return status;
        site = calloc(1, sizeof *site);
        if (!site || !(site->origin = strndup(url->origin.data, url->origin.size)) ||
            !(site->robots = judge(web, code, text))) {
            if (site)
                site_free(site);
            return PB_NO_MEMORY;
        }
        site->until = pb_monotonic() + (robots_away(site->robots) ? 60 : 3600) * PB_SECOND;
        site_replace(web, site);
    }
    site->users++;
    *out = site;
    return PB_OK;
}

pb_str get_sitemap(struct web *web, const struct url *url, size_t index)
{
    struct site *site = NULL;
    pb_str named = {0};

    if (site_of(web, url, &site) == PB_OK) {
        named = pb_copy(robots_sitemap(site->robots, index));
        site_leave(site);
    }
    return named;
}

/* --- a page --------------------------------------------------------------------------------------
 */

static pb_status polite(struct web *web, const struct url *url)
{
    struct site *site;
    bool allowed = false;
    pb_status status = site_of(web, url, &site);

    if (status != PB_OK)
        return status;
    pb_duration delay = robots_delay(site->robots);
    bool away = robots_away(site->robots);
    status = robots_ask(site->robots, url->path, &allowed);
    site_leave(site);
    if (status != PB_OK)
        return status;
    if (away)
        return pb_fail(PB_UNAVAILABLE, "the site's robots.txt cannot be had now");
    if (!allowed)
        return pb_fail(PB_FORBIDDEN, "the site's robots.txt does not allow this page");
    return pause_before(web, delay);
}

static pb_duration retry_after(pb_http *http)
{
    char digits[16];
    pb_str value = pb_http_header(http, pb_lit("Retry-After"));

    (void)snprintf(digits, sizeof digits, "%.*s", PB_ARG(pb_str_slice(value, 0, 9)));
    long long seconds = strtoll(digits, NULL, 10);
    return seconds > 0 ? seconds * PB_SECOND : 0;
}

static bool type_fits(const struct web *web, pb_str type)
{
    for (size_t i = 0; i < web->types.count; i++) {
        pb_str want = PB_ITEM(web->types, pb_str, i);
        if (pb_str_same(want, type) ||
            (pb_str_ends(want, pb_lit("/*")) && pb_str_same(pb_str_slice(type, 0, want.size - 1),
                                                            pb_str_slice(want, 0, want.size - 1))))
            return true;
    }
    return false;
}

static pb_status take_type(const struct web *web, struct get *get)
{
    pb_str type = pb_http_header(get->http, pb_lit("Content-Type"));

    type = pb_copy(pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';'))));
    for (size_t i = 0; i < type.size; i++)
        if (type.data[i] >= 'A' && type.data[i] <= 'Z')
            ((char *)(uintptr_t)type.data)[i] += 32;
    get->type = type.size ? type : pb_lit("application/octet-stream");
    if (get->any_type || type_fits(web, get->type))
        return PB_OK;
    return pb_fail(PB_UNSUPPORTED, "the page is '%.*s', which is not among the source's types",
                   PB_ARG(pb_str_slice(get->type, 0, 100)));
}

static pb_status judge_answer(const struct web *web, struct get *get)
{
    int32_t code = get->status;

    if (code == 200)
        return take_type(web, get);
    if (code == 304 && (get->etag.size || get->modified.size))
        return PB_OK;
    if (code == 404 || code == 410)
        return pb_fail(PB_NOT_FOUND, "there is no such page (%d)", (int)code);
    if (code == 401 || code == 403 || code == 451)
        return pb_fail(PB_FORBIDDEN, "the site does not give this page (%d)", (int)code);
    if (code == 429)
        return pb_fail_retry(PB_RATE_LIMITED, retry_after(get->http), "the site asks for a pause");
    if (code == 503)
        return pb_fail_retry(PB_UNAVAILABLE, retry_after(get->http), "the site is not available");
    return pb_fail(PB_BAD_UPSTREAM, "the site answers with status %d", (int)code);
}

/* Follows one redirect, or fails. */
static pb_status go_on(const struct web *web, struct get *get)
{
    struct url next;
    bool fine = url_make(&get->url, pb_http_header(get->http, pb_lit("Location")), &next);

    get_close(get);
    if (!fine)
        return pb_fail(PB_BAD_UPSTREAM, "the site redirects to no http or https URL");
    if (get->start && !web_within(web, get->start, &next))
        return pb_fail(PB_DECLINED, "the page redirects to another place");
    get->url = next;
    return PB_OK;
}

pb_status get_open(struct web *web, struct get *get)
{
    get->http = NULL;
    for (int64_t hops = 0; hops <= web->redirects; hops++) {
        pb_status status = polite(web, &get->url);
        if (status == PB_OK)
            status = open_once(web, get);
        if (status != PB_OK)
            return status;
        get->status = pb_http_status(get->http);
        if (!is_redirect(get->status)) {
            status = judge_answer(web, get);
            if (status != PB_OK)
                get_close(get);
            return status;
        }
        status = go_on(web, get);
        if (status != PB_OK)
            return status;
    }
    return pb_fail(PB_BAD_UPSTREAM, "more than %lld redirects", (long long)web->redirects);
}
