/* web - pages of the web as documents: a crawl from its start URLs, and any page that is asked for
 * by its URL. */
#include "web.h"

static const pb_field web_options[] = {
    PB_LIST(struct web, start, PB_KIND_STR, .max_length = 100,
            .help = "URLs that a listing begins at; without any it lists nothing, and single pages "
                    "can be fetched all the same."),
    PB_ENUM(struct web, within, .values = PB_VALUES("host", "path", "any"), .def = "host",
            .help = "Which links are followed: of the start URL's host, below its folder, or any."),
    PB_INT(struct web, depth, .def = "3", .max = 100,
           .help = "How many links away from a start URL; 0: the start URLs alone."),
    PB_INT(struct web, pages, .def = "500", .min = 1, .max = 100000,
           .help = "How many pages a listing has at most."),
    PB_SIZE(struct web, max_size, .def = "16MiB", .min = 1024, .max = 1073741824,
            .help = "Larger pages are left out."),
    PB_LIST(struct web, types, PB_KIND_STR, .max_length = 64,
            .help = "Content types that are taken, `text/*` too; without any: HTML, plain text, "
                    "Markdown and PDF."),
    PB_BOOL(struct web, sitemap, .help = "Pages that the site's sitemap names are listed too."),
    PB_BOOL(struct web, robots, .def = "true", .help = "What robots.txt forbids is not asked for."),
    PB_DURATION(struct web, delay, .def = "500ms", .max = 3600, .help = "Between two requests."),
    PB_DURATION(struct web, timeout, .def = "30s", .min = 0.01, .max = 3600,
                .help = "To connect, to the first byte, and between two bytes."),
    PB_INT(struct web, redirects, .def = "5", .max = 20, .help = "Redirects that are followed."),
    PB_LIST(struct web, private_hosts, PB_KIND_STR, .max_length = 100,
            .help =
                "Hosts that may have a private address (an intranet); no other is asked there."),
    PB_STR(struct web, user_agent, .def = "Patchbay/0.1", .max_length = 256,
           .pattern = "[A-Za-z_-]+([/ (][ -~]*)?",
           .help = "Who asks; robots.txt is looked up by its first word."),
    PB_PATH(struct web, ca_file,
            .help = "PEM of the authorities to trust instead of the system's."),
    PB_END,
};

static void web_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct web *web = self;

    for (size_t i = 0; i < web->start.count; i++) {
        struct url url;
        char field[32];
        pb_str text = PB_ITEM(web->start, pb_str, i);
        (void)snprintf(field, sizeof field, "start[%zu]", i);
        if (!url_make(NULL, text, &url))
            pb_problem(diagnostics, field, "this is no http or https URL");
    }
}

static pb_status web_create(void *self)
{
    static const pb_str types[] = {PB_LIT("text/html"), PB_LIT("application/xhtml+xml"),
                                   PB_LIT("text/plain"), PB_LIT("text/markdown"),
                                   PB_LIT("application/pdf")};
    struct web *web = self;

    if (web->types.count)
        return PB_OK;
    pb_str *own = PB_NEW_ARRAY(pb_str, sizeof types / sizeof types[0]);
    if (!own)
        return PB_NO_MEMORY;
    memcpy(own, types, sizeof types);
    web->types = (pb_list){own, sizeof types / sizeof types[0]};
    return PB_OK;
}

static void web_destroy(void *self)
{
    struct web *web = self;

    crawl_free(web->crawl);
    pages_free(web->before);
    sites_clear(web);
}

static void web_stats(void *self, pb_stats *stats)
{
    pb_stat(stats, "web_requests", (double)((struct web *)self)->requests);
}

/* --- listing -------------------------------------------------------------------------------------
 */

static pb_status begin(struct web *web)
{
    struct crawl *crawl = crawl_new(web);

    if (!crawl)
        return pb_fail(PB_NO_MEMORY, "there is no memory for another listing");
    crawl_free(web->crawl);
    web->crawl = crawl;
    web->token++;
    return PB_OK;
}

static pb_status go_on(const struct web *web, pb_str cursor)
{
    pb_str expected =
        web->crawl ? pb_printf("%lld:%zu", (long long)web->token, web->crawl->next) : (pb_str){0};

    return expected.size && pb_str_equal(cursor, expected)
               ? (pb_status)PB_OK
               : pb_fail(PB_CONFLICT, "another listing was begun meanwhile; begin again");
}

static pb_status web_list(void *self, pb_str cursor, pb_source_page *out)
{
    struct web *web = self;

    if (web->crawl && web->crawl->busy)
        return pb_fail(PB_CONFLICT, "another listing of this source runs");
    pb_status status = cursor.size ? go_on(web, cursor) : begin(web);
    if (status != PB_OK)
        return status;
    struct crawl *crawl = web->crawl;
    crawl->busy = true;
    status = crawl_page(web, crawl, out);
    crawl->busy = false;
    if (status == PB_OK && out->cursor.size)
        return PB_OK;
    if (status == PB_OK) { /* the next one asks for what changed since */
        pages_free(web->before);
        web->before = crawl->pages;
        crawl->pages = NULL;
    }
    crawl_free(crawl);
    web->crawl = NULL;
    return status;
}

/* --- fetching ------------------------------------------------------------------------------------
 */

static pb_status web_fetch(void *self, pb_str id, pb_writer *writer)
{
    struct get get = {0};
    pb_str piece;

    if (!url_make(NULL, id, &get.url))
        return pb_fail(PB_INVALID, "this is no http or https URL");
    pb_status status = get_open(self, &get);
    while (status == PB_OK && (status = pb_http_read(get.http, &piece)) == PB_OK && piece.size)
        status = writer->write(writer, (pb_bytes){(const uint8_t *)piece.data, piece.size});
    get_close(&get);
    return status;
}

PB_PLUGIN("web", "0.1.0", "Apache-2.0", "Documents from the web.",
          PB_SOURCE("web", struct web, web_options, .check = web_check, .create = web_create,
                    .destroy = web_destroy, .stats = web_stats, .list = web_list,
                    .fetch = web_fetch));
