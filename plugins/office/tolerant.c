/* tolerant.c - tag soup to the same events as XML: for chapters of books that are not well-formed.
 *
 * Tags may be left open, closed twice or in the wrong order; attributes may lack their quotes. What
 * is open is a stack; a closing tag closes down to its own, one without an opening is dropped.
 */
#include "xml.h"

#include <ctype.h>
#include <patchbay/media.h>

enum { OPEN_MOST = 200, NAME_SIZE = 32, ATTRIBUTES_MOST = 16, VALUE_SIZE = 256 };

struct soup {
    struct xml_walk *walk;
    pb_str rest;
    char open[OPEN_MOST][NAME_SIZE];
    int depth;
};

struct tag {
    char name[NAME_SIZE];
    char words[ATTRIBUTES_MOST][2][VALUE_SIZE];
    const char *attributes[2 * ATTRIBUTES_MOST + 1];
    bool empty;
};

static void advance(struct soup *soup, size_t size)
{
    soup->rest = pb_str_slice(soup->rest, size, soup->rest.size);
}

/* Where `needle` begins, or the end. */
static size_t seek(pb_str text, const char *needle)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    const uint8_t *at = pb_media_find((pb_bytes){bytes, text.size}, needle);

    return at ? (size_t)(at - bytes) : text.size;
}

static bool is_void(const char *name)
{
    static const char *const names[] = {"br",   "hr",   "img",   "meta",   "link", "input", "col",
                                        "area", "base", "embed", "source", "wbr",  NULL};
    int i = 0;

    while (names[i] && strcmp(names[i], name) != 0)
        i++;
    return names[i] != NULL;
}

static void copy_word(char *out, size_t size, pb_str word, bool lower)
{
    size_t i = 0;

    for (; i < word.size && i + 1 < size; i++)
        out[i] = lower ? (char)tolower((unsigned char)word.data[i]) : word.data[i];
    out[i] = '\0';
}

static void skip_space(pb_str *text)
{
    while (text->size && isspace((unsigned char)text->data[0]))
        *text = pb_str_slice(*text, 1, text->size);
}

static pb_str cut(pb_str *text, const char *until)
{
    size_t size = 0;

    while (size < text->size && !strchr(until, text->data[size]))
        size++;
    pb_str word = pb_str_slice(*text, 0, size);
    *text = pb_str_slice(*text, size, text->size);
    return word;
}

static pb_str value(pb_str *text)
{
    skip_space(text);
    if (text->size && strchr("\"'", text->data[0]) && text->data[0]) {
        char quote[2] = {text->data[0], '\0'};
        *text = pb_str_slice(*text, 1, text->size);
        pb_str word = cut(text, quote);
        *text = pb_str_slice(*text, 1, text->size);
        return word;
    }
    return cut(text, " \t\r\n");
}

static void read_tag(struct tag *tag, pb_str text)
{
    size_t count = 0;

    tag->empty = pb_str_ends(text, pb_lit("/"));
    copy_word(tag->name, NAME_SIZE, cut(&text, " \t\r\n/"), true);
    for (skip_space(&text); text.size && count < ATTRIBUTES_MOST; skip_space(&text)) {
        pb_str name = cut(&text, " \t\r\n=");
        skip_space(&text);
        bool has = text.size && text.data[0] == '=';
        if (has)
            text = pb_str_slice(text, 1, text.size);
        copy_word(tag->words[count][0], VALUE_SIZE, name, true);
        copy_word(tag->words[count][1], VALUE_SIZE, has ? value(&text) : name, false);
        tag->attributes[2 * count] = tag->words[count][0];
        tag->attributes[2 * count + 1] = tag->words[count][1];
        count++;
    }
    tag->attributes[2 * count] = NULL;
}

/* The end of a tag: ">" outside of quotes; a quote that never ends does not hide the rest. */
static size_t tag_end(pb_str text)
{
    char quote = 0;

    for (size_t i = 0; i < text.size && i < 65536; i++) {
        if (quote ? text.data[i] == quote : text.data[i] == '"' || text.data[i] == '\'')
            quote = quote ? 0 : text.data[i];
        else if (!quote && text.data[i] == '>')
            return i;
    }
    return seek(text, ">");
}

static void close_to(struct soup *soup, int depth)
{
    while (soup->depth > depth)
        xml_close(soup->walk, soup->open[--soup->depth]);
}

static void closing(struct soup *soup, const char *name)
{
    int at = soup->depth;

    while (at > 0 && strcmp(soup->open[at - 1], name) != 0)
        at--;
    if (at > 0)
        close_to(soup, at - 1);
}

/* What an opening tag ends without saying so. */
static bool ends(const char *opened, const char *name)
{
    static const char *const blocks[] = {"p",     "div", "h1",      "h2",         "h3",
                                         "h4",    "h5",  "h6",      "ul",         "ol",
                                         "table", "pre", "section", "blockquote", NULL};
    int i = 0;

    if (strcmp(opened, "p") == 0) {
        while (blocks[i] && strcmp(blocks[i], name) != 0)
            i++;
        return blocks[i] != NULL;
    }
    if (strcmp(opened, "td") == 0 || strcmp(opened, "th") == 0)
        return strcmp(name, "td") == 0 || strcmp(name, "th") == 0 || strcmp(name, "tr") == 0;
    return strcmp(opened, name) == 0 && (strcmp(name, "li") == 0 || strcmp(name, "tr") == 0);
}

static void opening(struct soup *soup, struct tag *tag, pb_str text)
{
    read_tag(tag, text);
    while (soup->depth && ends(soup->open[soup->depth - 1], tag->name))
        close_to(soup, soup->depth - 1);
    if (soup->depth == OPEN_MOST - 2) /* deeper than anybody means it */
        return;
    xml_open(soup->walk, tag->name, tag->attributes);
    if (tag->empty || is_void(tag->name))
        xml_close(soup->walk, tag->name);
    else
        memcpy(soup->open[soup->depth++], tag->name, NAME_SIZE);
    if (strcmp(tag->name, "script") == 0 || strcmp(tag->name, "style") == 0) {
        char end[NAME_SIZE + 2];
        (void)snprintf(end, sizeof end, "</%s", tag->name);
        if (!tag->empty)
            advance(soup, seek(soup->rest, end));
    }
}

static void text_until_tag(struct soup *soup)
{
    size_t size = seek(soup->rest, "<");
    pb_str text = pb_str_slice(soup->rest, 0, size ? size : 1);

    advance(soup, text.size);
    while (text.size) {
        size_t plain = pb_str_find(text, '&');
        xml_text(soup->walk, pb_str_slice(text, 0, plain));
        text = pb_str_slice(text, plain, text.size);
        if (!text.size)
            return;
        pb_str name = pb_str_slice(text, 1, 12);
        name.size = pb_str_find(name, ';');
        if (name.size < 12 && name.size + 1 < text.size && name.size) {
            xml_entity(soup->walk, name);
            text = pb_str_slice(text, name.size + 2, text.size);
        } else {
            xml_text(soup->walk, pb_lit("&"));
            text = pb_str_slice(text, 1, text.size);
        }
    }
}

static void markup(struct soup *soup, struct tag *tag)
{
    pb_str rest = soup->rest;

    if (pb_str_starts(rest, pb_lit("<!--"))) {
        advance(soup, seek(rest, "-->") + 3);
    } else if (pb_str_starts(rest, pb_lit("<!")) || pb_str_starts(rest, pb_lit("<?"))) {
        advance(soup, seek(rest, ">") + 1);
    } else if (rest.size > 2 && rest.data[1] == '/' && isalpha((unsigned char)rest.data[2])) {
        size_t end = seek(rest, ">");
        pb_str name = pb_str_trim(pb_str_slice(rest, 2, end > 2 ? end - 2 : 0));
        advance(soup, end + 1);
        copy_word(tag->name, NAME_SIZE, name, true);
        closing(soup, tag->name);
    } else if (rest.size > 1 && isalpha((unsigned char)rest.data[1])) {
        size_t end = tag_end(rest);
        advance(soup, end + 1);
        opening(soup, tag, pb_str_slice(rest, 1, end - 1));
    } else {
        text_until_tag(soup);
    }
}

void tolerant_read(struct xml_walk *walk, pb_str text)
{
    struct soup *soup = job_keep(walk->job, sizeof *soup);
    struct tag *tag = job_keep(walk->job, sizeof *tag);

    if (!soup || !tag)
        return;
    soup->walk = walk;
    soup->rest = text;
    for (size_t turns = 0; soup->rest.size && walk->job->status == PB_OK; turns++) {
        if (soup->rest.data[0] == '<')
            markup(soup, tag);
        else
            text_until_tag(soup);
        if (turns % 4096 == 0 && pb_cancelled())
            (void)job_fail(walk->job, PB_CANCELLED, "it was cancelled");
    }
    close_to(soup, 0);
}
