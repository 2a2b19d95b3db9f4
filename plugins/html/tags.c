/* tags.c - which elements there are, and which are not the content of a page. */
#include "html.h"

static const struct {
    const char *name;
    enum tag tag;
} tags[] = {
    /* sorted */
    {"address", TAG_BLOCK},  {"area", TAG_NEVER},       {"article", TAG_ARTICLE},
    {"aside", TAG_ASIDE},    {"audio", TAG_NEVER},      {"blockquote", TAG_BLOCK},
    {"body", TAG_BLOCK},     {"br", TAG_BREAK},         {"button", TAG_NEVER},
    {"canvas", TAG_NEVER},   {"caption", TAG_ROW},      {"center", TAG_BLOCK},
    {"datalist", TAG_NEVER}, {"dd", TAG_BLOCK},         {"details", TAG_BLOCK},
    {"dialog", TAG_NEVER},   {"dir", TAG_LIST},         {"div", TAG_BLOCK},
    {"dl", TAG_BLOCK},       {"dt", TAG_BLOCK},         {"embed", TAG_NEVER},
    {"fieldset", TAG_BLOCK}, {"figcaption", TAG_BLOCK}, {"figure", TAG_BLOCK},
    {"footer", TAG_HEADER},  {"form", TAG_BLOCK},       {"h1", TAG_HEADING},
    {"h2", TAG_HEADING},     {"h3", TAG_HEADING},       {"h4", TAG_HEADING},
    {"h5", TAG_HEADING},     {"h6", TAG_HEADING},       {"head", TAG_HEAD},
    {"header", TAG_HEADER},  {"hr", TAG_BLOCK},         {"html", TAG_ROOT},
    {"iframe", TAG_NEVER},   {"input", TAG_NEVER},      {"li", TAG_ITEM},
    {"listing", TAG_PRE},    {"main", TAG_MAIN},        {"map", TAG_NEVER},
    {"menu", TAG_LIST},      {"meta", TAG_META},        {"nav", TAG_ASIDE},
    {"noframes", TAG_NEVER}, {"noscript", TAG_NEVER},   {"object", TAG_NEVER},
    {"ol", TAG_ORDERED},     {"option", TAG_NEVER},     {"p", TAG_BLOCK},
    {"pre", TAG_PRE},        {"script", TAG_NEVER},     {"section", TAG_BLOCK},
    {"select", TAG_NEVER},   {"style", TAG_NEVER},      {"summary", TAG_BLOCK},
    {"svg", TAG_NEVER},      {"table", TAG_TABLE},      {"td", TAG_CELL},
    {"template", TAG_NEVER}, {"textarea", TAG_NEVER},   {"th", TAG_HEAD_CELL},
    {"title", TAG_TITLE},    {"tr", TAG_ROW},           {"ul", TAG_LIST},
    {"video", TAG_NEVER},    {"xmp", TAG_PRE},
};

static int compare(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

enum tag tag_of(const char *name)
{
    const void *found = bsearch(name, tags, sizeof tags / sizeof *tags, sizeof *tags, compare);

    return found ? tags[(size_t)((const char *)found - (const char *)tags) / sizeof *tags].tag
                 : TAG_INLINE;
}

pb_str tag_attribute(const unsigned char *const *attributes, const char *name)
{
    for (; attributes && attributes[0]; attributes += 2)
        if (strcmp((const char *)attributes[0], name) == 0)
            return pb_str_of(attributes[1] ? (const char *)attributes[1] : "");
    return pb_str_make(NULL, 0);
}

/* --- what is no content ----------------------------------------------------------------------- */

static const char *const roles[] = {"navigation",    "banner",  "contentinfo", "search",
                                    "complementary", "menu",    "menubar",     "toolbar",
                                    "dialog",        "tooltip", "doc-toc",     NULL};

/* Classes and ids of generators of documentation and of common page frames. */
static const char *const classes[] = {"headerlink",
                                      "sidebar",
                                      "sphinxsidebar",
                                      "navbar",
                                      "navigation",
                                      "breadcrumb",
                                      "breadcrumbs",
                                      "toc",
                                      "footer",
                                      "site-footer",
                                      "site-header",
                                      "cookie-banner",
                                      "skip-link",
                                      "skiplink",
                                      "linenos",
                                      "noprint",
                                      "mw-editsection",
                                      "navheader",
                                      "navfooter",
                                      "sr-only",
                                      "visually-hidden",
                                      "screen-reader-text",
                                      "toc-backref-icon",
                                      "edit-this-page",
                                      "permalink",
                                      "anchor-link",
                                      NULL};

static bool has_word(pb_str words, const char *const *known, const pb_list *more)
{
    while (words.size) {
        words = pb_str_trim(words);
        size_t size = 0;
        while (size < words.size && !strchr(" \t\r\n", words.data[size]))
            size++;
        pb_str word = pb_str_slice(words, 0, size);
        for (const char *const *at = known; word.size && *at; at++)
            if (pb_str_same(word, pb_str_of(*at)))
                return true;
        for (size_t i = 0; more && i < more->count; i++)
            if (pb_str_equal(word, PB_ITEM(*more, pb_str, i)))
                return true;
        words = pb_str_slice(words, size, words.size);
    }
    return false;
}

/* "display: none", however it is spaced. */
static bool is_hidden_style(pb_str style)
{
    char packed[256];
    size_t size = 0;

    for (size_t i = 0; i < style.size && size < sizeof packed; i++)
        if (!strchr(" \t\r\n", style.data[i]))
            packed[size++] = style.data[i];
    pb_str text = pb_str_make(packed, size);
    return size && (pb_str_contains(text, pb_lit("display:none")) ||
                    pb_str_contains(text, pb_lit("visibility:hidden")));
}

bool tag_is_dropped(const unsigned char *const *attributes, const pb_list *more)
{
    if (!attributes || !attributes[0])
        return false;
    return tag_attribute(attributes, "hidden").data ||
           pb_str_same(tag_attribute(attributes, "aria-hidden"), pb_lit("true")) ||
           is_hidden_style(tag_attribute(attributes, "style")) ||
           has_word(tag_attribute(attributes, "role"), roles, NULL) ||
           has_word(tag_attribute(attributes, "class"), classes, more) ||
           has_word(tag_attribute(attributes, "id"), classes, more);
}

bool tag_is_main(const unsigned char *const *attributes)
{
    return pb_str_same(tag_attribute(attributes, "role"), pb_lit("main"));
}
