/* links.c - what a page links to: a scanner for HTML as it is found, which needs no tree, and one
 * for sitemaps. */
#include "web.h"

enum { LINKS_MOST = 20000 };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static pb_status add(struct links *links, pb_str url)
{
    if (!url.size || url.size > URL_MOST || links->count == LINKS_MOST)
        return PB_OK;
    if (links->count == links->room) {
        size_t room = links->room ? links->room * 2 : 64;
        pb_str *urls = pb_grow(links->urls, links->room * sizeof *urls, room * sizeof *urls);
        if (!urls)
            return PB_NO_MEMORY;
        links->urls = urls;
        links->room = room;
    }
    links->urls[links->count++] = url;
    return PB_OK;
}

/* With its character references decoded, as far as URLs have them; a copy where there are any. */
static pb_str decode(pb_str text)
{
    static const struct {
        const char *name;
        char byte;
    } known[] = {{"&amp;", '&'},  {"&#38;", '&'},  {"&#x26;", '&'}, {"&quot;", '"'},
                 {"&lt;", '<'},   {"&gt;", '>'},   {"&#39;", '\''}, {"&apos;", '\''},
                 {"&#47;", '/'},  {"&#x2f;", '/'}, {"&sol;", '/'},  {"&#58;", ':'},
                 {"&#x3a;", ':'}, {"&nbsp;", ' '}, {"&#61;", '='},  {"&equals;", '='}};

    if (pb_str_find(text, '&') == text.size)
        return text;
    pb_buf out = {0};
    while (text.size) {
        size_t size = 1;
        char byte = text.data[0];
        for (size_t i = 0; byte == '&' && size == 1 && i < sizeof known / sizeof known[0]; i++) {
            pb_str name = pb_str_of(known[i].name);
            if (pb_str_same(pb_str_slice(text, 0, name.size), name)) {
                size = name.size;
                byte = known[i].byte;
                break;
            }
        }
        pb_buf_byte(&out, byte);
        text = pb_str_slice(text, size, text.size);
    }
    return out.failed ? (pb_str){0} : pb_buf_str(&out);
}

/* --- HTML ---------------------------------------------------------------------------------------
 */

struct tag {
    pb_str name, href, rel, content, meta; /* meta: the attribute "name" */
};

static pb_str take_name(pb_str *text, const char *until)
{
    size_t end = 0;

    while (end < text->size && !is_space(text->data[end]) &&
           !(text->data[end] && strchr(until, text->data[end])))
        end++;
    pb_str name = pb_str_slice(*text, 0, end);
    *text = pb_str_slice(*text, end, text->size);
    return name;
}

static void skip_space(pb_str *text)
{
    while (text->size && is_space(text->data[0]))
        *text = pb_str_slice(*text, 1, text->size);
}

static pb_str take_value(pb_str *text)
{
    skip_space(text);
    if (!text->size || text->data[0] != '=')
        return (pb_str){0};
    *text = pb_str_slice(*text, 1, text->size);
    skip_space(text);
    char quote = text->size ? text->data[0] : 0;
    if (quote != '"' && quote != '\'')
        return take_name(text, ">");
    *text = pb_str_slice(*text, 1, text->size);
    size_t end = pb_str_find(*text, quote);
    pb_str value = pb_str_slice(*text, 0, end);
    *text = pb_str_slice(*text, end + 1, text->size);
    return value;
}

/* A tag from behind its '<' to its '>'. */
static struct tag take_tag(pb_str *text)
{
    struct tag tag = {.name = take_name(text, "/>")};

    while (text->size && text->data[0] != '>') {
        pb_str before = *text;
        pb_str name = take_name(text, "=/>");
        pb_str value = name.size ? take_value(text) : (pb_str){0};
        if (pb_str_same(name, pb_lit("href")))
            tag.href = value;
        else if (pb_str_same(name, pb_lit("rel")))
            tag.rel = value;
        else if (pb_str_same(name, pb_lit("content")))
            tag.content = value;
        else if (pb_str_same(name, pb_lit("name")))
            tag.meta = value;
        if (text->data == before.data) /* a stray mark or white space */
            *text = pb_str_slice(*text, 1, text->size);
    }
    *text = pb_str_slice(*text, 1, text->size);
    return tag;
}

/* Behind the next `end`, or at the end of all. */
static void skip_to(pb_str *text, pb_str end)
{
    for (;;) {
        *text = pb_str_slice(*text, pb_str_find(*text, end.data[0]), text->size);
        if (!text->size)
            return;
        bool here = pb_str_same(pb_str_slice(*text, 0, end.size), end);
        *text = pb_str_slice(*text, here ? end.size : 1, text->size);
        if (here)
            return;
    }
}

void links_directives(pb_str content, struct links *out)
{
    if (pb_str_contains(content, pb_lit("noindex")) || pb_str_contains(content, pb_lit("none")))
        out->noindex = true;
    if (pb_str_contains(content, pb_lit("nofollow")) || pb_str_contains(content, pb_lit("none")))
        out->nofollow = true;
}

static pb_status note_tag(const struct tag *tag, pb_str *text, struct links *out)
{
    if (pb_str_same(tag->name, pb_lit("script")))
        skip_to(text, pb_lit("</script"));
    else if (pb_str_same(tag->name, pb_lit("style")))
        skip_to(text, pb_lit("</style"));
    else if (pb_str_same(tag->name, pb_lit("base")) && tag->href.size && !out->base.size)
        out->base = decode(tag->href);
    else if (pb_str_same(tag->name, pb_lit("meta")) && pb_str_same(tag->meta, pb_lit("robots")))
        links_directives(tag->content, out);
    else if ((pb_str_same(tag->name, pb_lit("a")) || pb_str_same(tag->name, pb_lit("area"))) &&
             !pb_str_contains(tag->rel, pb_lit("nofollow")))
        return add(out, decode(tag->href));
    return PB_OK;
}

pb_status links_of_html(pb_str html, struct links *out)
{
    pb_status status = PB_OK;

    while (status == PB_OK) {
        html = pb_str_slice(html, pb_str_find(html, '<') + 1, html.size);
        if (!html.size)
            break;
        if (pb_str_starts(html, pb_lit("!--"))) {
            skip_to(&html, pb_lit("-->"));
        } else if ((html.data[0] | 32) >= 'a' && (html.data[0] | 32) <= 'z') {
            struct tag tag = take_tag(&html);
            status = note_tag(&tag, &html, out);
        }
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}

/* --- sitemaps ------------------------------------------------------------------------------------
 */

pb_status links_of_sitemap(pb_str xml, struct links *out, bool *index)
{
    pb_status status = PB_OK;

    *index = pb_str_contains(pb_str_slice(xml, 0, 4096), pb_lit("<sitemapindex"));
    while (status == PB_OK) {
        skip_to(&xml, pb_lit("<loc>"));
        if (!xml.size)
            break;
        status = add(out, decode(pb_str_trim(pb_str_slice(xml, 0, pb_str_find(xml, '<')))));
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}
