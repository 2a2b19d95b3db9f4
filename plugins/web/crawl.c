/* crawl.c - from the start URLs on, breadth first: each page is asked for once, its links are
 * followed where they stay within the crawl. What is known from the listing before is asked for
 * only if it changed. */
#include "web.h"

#include <stdlib.h>
#include <time.h>

enum { PAGE = 25, TRIES = 100, LINKS_KEPT = 64 * 1024, SITEMAPS_MOST = 50 };

struct crawl *crawl_new(const struct web *web)
{
    struct crawl *crawl = calloc(1, sizeof *crawl);

    if (!crawl || !(crawl->pages = pages_new())) {
        free(crawl);
        return NULL;
    }
    for (size_t i = 0; i < web->start.count; i++) {
        struct url url;
        struct page *page = url_make(NULL, PB_ITEM(web->start, pb_str, i), &url)
                                ? pages_add(crawl->pages, url.text)
                                : NULL;
        if (page)
            page->start = i;
    }
    return crawl;
}

void crawl_free(struct crawl *crawl)
{
    if (crawl)
        pages_free(crawl->pages);
    free(crawl);
}

/* --- what is found -------------------------------------------------------------------------------
 */

struct looking {
    struct web *web;
    struct crawl *crawl;
    size_t index;     /* of the page; pages move when others are added */
    struct url start; /* of the crawl that it belongs to */
    struct get get;
};

static struct page *page_of(const struct looking *looking)
{
    return &looking->crawl->pages->items[looking->index];
}

/* One more to look at, if it belongs to the crawl. */
static void find_page(struct looking *looking, const struct url *url, int64_t depth)
{
    struct pages *pages = looking->crawl->pages;
    size_t start = page_of(looking)->start;

    if (depth > looking->web->depth || !web_within(looking->web, &looking->start, url) ||
        pages->count >= (size_t)looking->web->pages * 20 + 1000)
        return;
    struct page *page = pages_add(pages, url->text);
    if (page) {
        page->depth = depth;
        page->start = start;
    }
}

/* The links that were kept, each with a newline behind it. */
static pb_status follow_kept(struct looking *looking, pb_str links)
{
    int64_t depth = page_of(looking)->depth + 1;
    pb_status status = PB_OK;

    while (links.size && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        size_t end = pb_str_find(links, '\n');
        struct url url;
        if (url_make(NULL, pb_str_slice(links, 0, end), &url))
            find_page(looking, &url, depth);
        links = pb_str_slice(links, end + 1, links.size);
        pb_scope_end(scope);
        status = pb_step();
    }
    return status;
}

static void keep(char **field, pb_str text)
{
    free(*field);
    *field = text.size ? strndup(text.data, text.size) : NULL;
}

/* Follows the links of a page and keeps them for the next time. */
static pb_status follow_links(struct looking *looking, const struct links *links)
{
    struct url base = looking->get.url, url;
    pb_buf kept = {0};
    pb_status status = PB_OK;

    if (links->base.size && url_make(&looking->get.url, links->base, &url))
        base = url;
    for (size_t i = 0; i < links->count && !links->nofollow && status == PB_OK; i++) {
        pb_scope *scope = pb_scope_begin();
        bool fine = url_make(&base, links->urls[i], &url) &&
                    web_within(looking->web, &looking->start, &url);
        char copy[URL_MOST + 1];
        if (fine)
            (void)snprintf(copy, sizeof copy, "%.*s\n", PB_ARG(url.text));
        pb_scope_end(scope);
        if (fine)
            pb_buf_add(&kept, pb_str_of(copy));
        status = pb_step();
    }
    if (status == PB_OK)
        status = pb_buf_status(&kept);
    if (status == PB_OK && kept.size <= LINKS_KEPT)
        keep(&page_of(looking)->links, kept.size ? pb_buf_str(&kept) : pb_lit("\n"));
    return status == PB_OK ? follow_kept(looking, pb_buf_str(&kept)) : status;
}

/* --- one page ------------------------------------------------------------------------------------
 */

struct digesting {
    pb_str text;
    uint8_t digest[32];
};

static pb_status digest_away(void *arg)
{
    struct digesting *digesting = arg;

    pb_sha256((pb_bytes){(const uint8_t *)digesting->text.data, digesting->text.size},
              digesting->digest);
    return PB_OK;
}

/* What changes when the page does: what the server says, else the content itself. */
static pb_status note_digest(struct looking *looking, pb_str body)
{
    struct page *page = page_of(looking);
    struct digesting digesting = {.text = body};

    if (page->etag || page->modified) {
        pb_str text = pb_printf(
            "%s%s", page->etag ? "etag:" : "modified:", page->etag ? page->etag : page->modified);
        keep(&page->digest, text);
        return text.data ? PB_OK : PB_NO_MEMORY;
    }
    pb_status status =
        body.size > 65536 ? pb_offload(digest_away, &digesting) : digest_away(&digesting);
    pb_str hex = pb_hex((pb_bytes){digesting.digest, sizeof digesting.digest});
    if (status == PB_OK)
        keep(&page_of(looking)->digest, pb_printf("sha256:%.*s", PB_ARG(hex)));
    return status;
}

static void note_headers(struct looking *looking)
{
    struct page *page = page_of(looking);
    pb_str modified = pb_copy(pb_http_header(looking->get.http, pb_lit("Last-Modified")));
    struct tm when = {0};

    keep(&page->etag, pb_http_header(looking->get.http, pb_lit("ETag")));
    keep(&page->modified, modified);
    keep(&page->type, looking->get.type);
    if (modified.size && strptime(modified.data, "%a, %d %b %Y %H:%M:%S GMT", &when))
        page->changed = (pb_time)timegm(&when) * 1000;
}

static bool is_html(pb_str type)
{
    return pb_str_is(type, "text/html") || pb_str_is(type, "application/xhtml+xml");
}

static pb_status read_page(struct looking *looking, bool *found)
{
    struct links links = {0};
    pb_str body = {0};
    pb_status status = PB_OK;

    note_headers(looking);
    links_directives(pb_http_header(looking->get.http, pb_lit("X-Robots-Tag")), &links);
    bool html = is_html(looking->get.type),
         named = page_of(looking)->etag || page_of(looking)->modified;
    if (html || !named)
        status = pb_http_read_all(looking->get.http, &body);
    if (status == PB_OK && html)
        status = links_of_html(body, &links);
    if (status == PB_OK)
        status = note_digest(looking, body);
    *found = !links.noindex;
    return status == PB_OK && html ? follow_links(looking, &links) : status;
}

/* As it was when it was seen last: it has not changed, or cannot be asked for now. */
static pb_status as_before(struct looking *looking, const struct page *known)
{
    struct page *page = page_of(looking);

    keep(&page->digest, pb_str_of(known->digest));
    keep(&page->etag, pb_str_of(known->etag));
    keep(&page->modified, pb_str_of(known->modified));
    keep(&page->type, pb_str_of(known->type));
    keep(&page->links, pb_str_of(known->links));
    page->changed = known->changed;
    return known->links ? follow_kept(looking, pb_copy(pb_str_of(known->links))) : (pb_status)PB_OK;
}

/* It was found elsewhere: that is the page, unless it is known already. */
static bool move(struct looking *looking)
{
    struct page *page = page_of(looking), before = *page;

    if (pb_str_is(looking->get.url.text, before.url))
        return true;
    struct page *there = pages_add(looking->crawl->pages, looking->get.url.text);
    if (!there)
        return false;
    there->depth = before.depth;
    there->start = before.start;
    there->done = true;
    looking->index = looking->crawl->pages->count - 1;
    return true;
}

/* A failure: of a page alone, or of the listing, where all that is below it would seem to be gone.
 */
static pb_status failed(struct looking *looking, pb_status status, const struct page *known,
                        bool *found)
{
    if (status == PB_CANCELLED || status == PB_NO_MEMORY || page_of(looking)->depth == 0)
        return status;
    *found = pb_status_retryable(status); /* it may be back */
    pb_error_clear();
    return *found && known ? as_before(looking, known) : (pb_status)PB_OK;
}

static pb_status look_at(struct looking *looking, bool *found)
{
    const struct page *known = pages_find(looking->web->before, pb_str_of(page_of(looking)->url));
    struct get *get = &looking->get;

    *found = false;
    if (!url_make(NULL, PB_ITEM(looking->web->start, pb_str, page_of(looking)->start),
                  &looking->start) ||
        !url_make(NULL, pb_str_of(page_of(looking)->url), &get->url))
        return PB_OK;
    get->start = &looking->start;
    bool html = known && known->type && is_html(pb_str_of(known->type));
    if (known && known->digest && (known->links || !html)) {
        get->etag = pb_copy(pb_str_of(known->etag));
        get->modified = pb_copy(pb_str_of(known->modified));
    }
    pb_status status = get_open(looking->web, get);
    if (status == PB_OK && !move(looking)) {
        get_close(get);
        return PB_OK;
    }
    if (status == PB_OK && get->status == 304) {
        *found = true;
        get_close(get);
        return as_before(looking, known);
    }
    if (status == PB_OK)
        status = read_page(looking, found);
    get_close(get);
    return status == PB_OK ? status : failed(looking, status, known, found);
}

/* --- sitemaps ------------------------------------------------------------------------------------
 */

static pb_status read_sitemap(struct looking *looking, pb_str where, int *left);

/* What it names: pages, or other sitemaps. */
static pb_status follow_sitemap(struct looking *looking, const struct links *links, bool index,
                                int *left)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < links->count && status == PB_OK; i++) {
        struct url url;
        if (index)
            status = read_sitemap(looking, links->urls[i], left);
        else if (url_make(NULL, links->urls[i], &url))
            find_page(looking, &url, 1);
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}

static pb_status read_sitemap(struct looking *looking, pb_str where, int *left)
{
    struct links links = {0};
    pb_scope *scope = pb_scope_begin();
    bool index = false;
    pb_str xml = {0};
    pb_status status = PB_DECLINED;

    if (--*left >= 0 && url_make(&looking->start, where, &looking->get.url)) {
        looking->get.any_type = true;
        status = get_open(looking->web, &looking->get);
    }
    if (status == PB_OK)
        status = pb_http_read_all(looking->get.http, &xml);
    get_close(&looking->get);
    if (status == PB_OK)
        status = links_of_sitemap(xml, &links, &index);
    if (status == PB_OK)
        status = follow_sitemap(looking, &links, index, left);
    pb_scope_end(scope);
    if (status == PB_CANCELLED || status == PB_NO_MEMORY)
        return status;
    pb_error_clear(); /* a site without one */
    return PB_OK;
}

static pb_status read_sitemaps(struct web *web, struct crawl *crawl)
{
    pb_status status = PB_OK;
    size_t starts = crawl->pages->count;

    for (size_t i = 0; i < starts && status == PB_OK; i++) {
        struct looking looking = {.web = web, .crawl = crawl, .index = i};
        int left = SITEMAPS_MOST;
        pb_str named;
        if (!url_make(NULL, pb_str_of(crawl->pages->items[i].url), &looking.start))
            continue;
        size_t count = 0;
        while (status == PB_OK && (named = get_sitemap(web, &looking.start, count)).size) {
            status = read_sitemap(&looking, named, &left);
            count++;
        }
        if (!count && status == PB_OK)
            status = read_sitemap(&looking, pb_lit("/sitemap.xml"), &left);
    }
    return status;
}

/* --- a page of the listing -----------------------------------------------------------------------
 */

static const pb_source_entry *entry_of(const struct page *page)
{
    pb_source_entry *entry = PB_NEW(pb_source_entry);

    if (!entry)
        return NULL;
    entry->size = (uint32_t)sizeof *entry;
    entry->bytes = -1;
    entry->modified = page->changed;
    entry->id = entry->name = entry->url = pb_copy(pb_str_of(page->url));
    entry->type = pb_copy(pb_str_of(page->type));
    entry->digest = pb_copy(pb_str_of(page->digest));
    return entry->id.data ? entry : NULL;
}

pb_status crawl_page(struct web *web, struct crawl *crawl, pb_source_page *out)
{
    const pb_source_entry **entries = PB_NEW_ARRAY(const pb_source_entry *, PAGE);
    pb_status status = entries ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    if (status == PB_OK && web->sitemap && !crawl->sitemaps)
        status = read_sitemaps(web, crawl);
    crawl->sitemaps = true;
    out->entries = entries;
    for (int tries = 0; status == PB_OK && crawl->next < crawl->pages->count && tries < TRIES &&
                        out->count < PAGE && crawl->found < web->pages;
         tries++) {
        struct looking looking = {.web = web, .crawl = crawl, .index = crawl->next++};
        bool found = false;
        if (page_of(&looking)->done)
            continue;
        pb_scope *scope = pb_scope_begin();
        status = look_at(&looking, &found);
        pb_scope_end(scope);
        if (status != PB_OK || !found)
            continue;
        entries[out->count] = entry_of(page_of(&looking));
        status = entries[out->count++] ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
        crawl->found++;
    }
    if (status == PB_OK && crawl->next < crawl->pages->count && crawl->found < web->pages)
        out->cursor = pb_printf("%lld:%zu", (long long)web->token, crawl->next);
    return status;
}
