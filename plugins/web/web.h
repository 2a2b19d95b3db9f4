/* web.h - pages of the web as a source. What lives longer than a call (the crawl, what robots.txt
 * said) is malloc's; the loop's thread alone touches it, between two calls that park. */
#ifndef WEB_H
#define WEB_H

#include <patchbay/http.h>
#include <patchbay/log.h>
#include <patchbay/secret.h>
#include <patchbay/source.h>
#include <patchbay/task.h>

enum { WITHIN_HOST = 0, WITHIN_PATH = 1, WITHIN_ANY = 2 };
enum { URL_MOST = 2048 };

struct robots;
struct crawl;
struct pages;

struct web {
    pb_list start, private_hosts, types;
    int32_t within;
    int64_t depth, pages, max_size, redirects;
    bool sitemap, robots;
    pb_duration delay, timeout;
    pb_str user_agent, ca_file;
    /* of this worker */
    struct site *sites;
    struct crawl *crawl;  /* the listing that runs, or NULL */
    struct pages *before; /* what the last whole listing saw, or NULL */
    pb_duration next;     /* no request before */
    int64_t token;        /* of the listing */
    int64_t requests;     /* asked by this worker */
};

/* --- url.c: nothing parks -----------------------------------------------------------------------
 */

/* A URL in its normal form; the parts point into text. */
struct url {
    pb_str text;   /* without a fragment */
    pb_str origin; /* "https://example.org:8443" */
    pb_str host;   /* lower case, an IPv6 address in its brackets */
    pb_str path;   /* with the query; begins with '/' */
};

/* What `reference` means in a document at `base` (NULL: it must be absolute), in the running scope.
 * False: no http or https URL, or one with a user name, or longer than URL_MOST. */
bool url_make(const struct url *base, pb_str reference, struct url *out);
/* The path without its query, up to its last '/'. */
pb_str url_folder(const struct url *url);

/* --- robots.c ------------------------------------------------------------------------------------
 */

/* What a robots.txt says to us (RFC 9309). malloc's; NULL when memory is short. `agent`: our
 * product token. Does not park. */
struct robots *robots_parse(pb_str text, pb_str agent);
/* Of a site that has none: all is allowed; or whose robots.txt is away: nothing is, for now. */
struct robots *robots_plain(bool away);
bool robots_away(const struct robots *robots);
void robots_free(struct robots *robots);
/* May `path` (with its query) be asked for? Parks. */
pb_status robots_ask(const struct robots *robots, pb_str path, bool *allowed);
pb_duration robots_delay(const struct robots *robots);
/* The n-th sitemap that it names, or absent. */
pb_str robots_sitemap(const struct robots *robots, size_t index);

/* --- links.c -------------------------------------------------------------------------------------
 */

/* What a page says about itself and others. */
struct links {
    pb_str *urls; /* as they stand there, entities decoded; in the running scope */
    size_t count, room;
    pb_str base; /* of <base href>, or absent */
    bool noindex, nofollow;
};

/* Parks. PB_OK or PB_NO_MEMORY, PB_CANCELLED … */
pb_status links_of_html(pb_str html, struct links *out);
/* <loc> of a sitemap or of an index of them; *index tells which. Parks. */
pb_status links_of_sitemap(pb_str xml, struct links *out, bool *index);
/* "noindex, nofollow" of a header or a meta element. */
void links_directives(pb_str content, struct links *out);

/* --- get.c ---------------------------------------------------------------------------------------
 */

/* One GET, redirects followed. */
struct get {
    struct url url;          /* asked; then where it was found */
    const struct url *start; /* of a crawl: redirects must stay within it; else NULL */
    pb_str etag, modified;   /* of what is known already, or absent */
    bool any_type;           /* not only those that are configured */
    pb_http *http;           /* open on PB_OK; to be closed */
    int32_t status;          /* 200 or 304 */
    pb_str type;             /* without parameters, lower case */
    int64_t deadline;        /* of one exchange */
};

/* PB_NOT_FOUND, PB_FORBIDDEN (robots.txt, a private address), PB_UNSUPPORTED (a type that is not
 * configured), PB_RATE_LIMITED, PB_BAD_UPSTREAM, PB_DECLINED (a redirect leads out of the crawl) or
 * as pb_http_open. Parks. */
pb_status get_open(struct web *web, struct get *get);
void get_close(struct get *get);
/* Forgets what robots.txt said. */
void sites_clear(struct web *web);
/* What the robots.txt of this origin names as the n-th sitemap, copied; or absent. Parks. */
pb_str get_sitemap(struct web *web, const struct url *url, size_t index);
bool web_within(const struct web *web, const struct url *start, const struct url *url);

/* --- pages.c -------------------------------------------------------------------------------------
 */

/* A page that was seen, or is yet to be. malloc's. */
struct page {
    char *url;
    char *digest, *etag, *modified, *type; /* NULL: not known */
    char *links; /* what it led to, each with a newline behind it; NULL: not known */
    int64_t depth;
    pb_time changed;
    size_t start; /* which start URL it was found from */
    bool done;
};

struct pages {
    struct page *items;
    size_t count, room;
    size_t *slots; /* index + 1 by hash of the URL */
    size_t slot_count;
};

struct pages *pages_new(void);
void pages_free(struct pages *pages);
struct page *pages_find(const struct pages *pages, pb_str url);
/* A new page, or NULL: it is there already, or memory is short. */
struct page *pages_add(struct pages *pages, pb_str url);

/* --- crawl.c -------------------------------------------------------------------------------------
 */

struct crawl {
    struct pages *pages;
    size_t next;   /* to look at */
    int64_t found; /* entries so far */
    bool sitemaps; /* were read */
    bool busy;     /* a call works on it */
};

/* Goes on with a crawl until it has a page of entries; sets out->cursor while there is more. Parks.
 */
pb_status crawl_page(struct web *web, struct crawl *crawl, pb_source_page *out);
struct crawl *crawl_new(const struct web *web);
void crawl_free(struct crawl *crawl);

#endif
