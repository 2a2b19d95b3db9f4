/* markup.c - the little HTML that stands in Markdown: tags dropped, entities read. */
#include "text.h"

static const struct {
    const char *name;
    uint32_t code;
} entities[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", ' '},     {"copy", 0xA9},    {"reg", 0xAE},     {"trade", 0x2122}, {"deg", 0xB0},
    {"plusmn", 0xB1},  {"times", 0xD7},   {"divide", 0xF7},  {"micro", 0xB5},   {"middot", 0xB7},
    {"laquo", 0xAB},   {"raquo", 0xBB},   {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
    {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D}, {"bull", 0x2022},  {"hellip", 0x2026},
    {"euro", 0x20AC},  {"larr", 0x2190},  {"rarr", 0x2192},  {"uarr", 0x2191},  {"darr", 0x2193},
    {"le", 0x2264},    {"ge", 0x2265},    {"ne", 0x2260},    {"auml", 0xE4},    {"ouml", 0xF6},
    {"uuml", 0xFC},    {"Auml", 0xC4},    {"Ouml", 0xD6},    {"Uuml", 0xDC},    {"szlig", 0xDF},
    {"eacute", 0xE9},  {"egrave", 0xE8},  {"agrave", 0xE0},  {"ccedil", 0xE7},  {"ntilde", 0xF1},
    {"sect", 0xA7},    {"para", 0xB6},    {"pound", 0xA3},   {"yen", 0xA5},     {"infin", 0x221E},
};

static uint32_t number(pb_str digits)
{
    bool hex = digits.size && (digits.data[0] == 'x' || digits.data[0] == 'X');
    uint32_t code = 0;

    for (size_t i = hex; i < digits.size && code <= 0x10FFFF; i++) {
        char c = digits.data[i];
        uint32_t digit = (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        code = code * (hex ? 16 : 10) + digit;
    }
    return code;
}

void markup_entity(pb_block_writer *writer, pb_str entity)
{
    pb_str name = pb_str_slice(entity, 1, entity.size < 2 ? 0 : entity.size - 2);
    uint32_t code = 0;
    char text[4];

    if (name.size && name.data[0] == '#')
        code = number(pb_str_slice(name, 1, name.size));
    for (size_t i = 0; !code && i < sizeof entities / sizeof *entities; i++)
        if (pb_str_is(name, entities[i].name))
            code = entities[i].code;
    if (code)
        pb_bw_flow(writer, pb_str_make(text, pb_utf8_write(code, text)));
    else
        pb_bw_flow(writer, entity);
}

/* Where `part` ends in `text`, or its size when it is not in it. */
static size_t behind(pb_str text, const char *part, bool *found)
{
    const uint8_t *at =
        text.size ? pb_media_find((pb_bytes){(const uint8_t *)text.data, text.size}, part) : NULL;

    *found = at != NULL;
    return at ? (size_t)((const char *)at - text.data) + strlen(part) : text.size;
}

void markup_text(struct markup *markup, pb_block_writer *writer, pb_str html)
{
    bool found;

    while (html.size) {
        if (markup->in_comment || markup->in_tag) {
            size_t size = behind(html, markup->in_comment ? "-->" : ">", &found);
            if (found)
                markup->in_comment = markup->in_tag = false;
            html = pb_str_slice(html, size, html.size);
            pb_bw_space(writer);
            continue;
        }
        size_t size = pb_str_find(html, '<');
        pb_bw_flow(writer, pb_str_slice(html, 0, size));
        html = pb_str_slice(html, size, html.size);
        markup->in_comment = pb_str_starts(html, pb_lit("<!--"));
        markup->in_tag = html.size > 0 && !markup->in_comment;
    }
}
