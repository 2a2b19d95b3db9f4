/* parse.c - what `pdftohtml -xml` prints, to lines of cells.
 *
 * It prints a <text> for every piece of a line in the order of the file, which is the order of
 * reading with nearly every producer, columns included. Pieces on one baseline are one line; a gap
 * wider than a letter is tall begins another cell. */
#include "pages.h"

#include <math.h>
#include <patchbay/media.h>
#include <stdlib.h>

enum { FONTS_MOST = 20000 };

struct piece {
    float left, right, top, bottom;
    struct font font;
    bool bold;
};

/* The number of the attribute, or 0: top="413". */
static float number(pb_str tag, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i + size + 2 < tag.size; i++) {
        if (tag.data[i] != ' ' || memcmp(tag.data + i + 1, name, size) != 0 ||
            tag.data[i + 1 + size] != '=')
            continue;
        char digits[16] = "";
        pb_str rest = pb_str_slice(tag, i + size + 3, sizeof digits - 1);
        memcpy(digits, rest.data, rest.size);
        double value = strtod(digits, NULL);
        return isfinite(value) && fabs(value) < 1e6 ? (float)value : 0;
    }
    return 0;
}

static bool names_one(pb_str name, const char *const *words)
{
    for (; *words; words++)
        if (pb_str_contains(name, pb_str_of(*words)))
            return true;
    return false;
}

static void read_font(struct pages *pages, pb_str tag)
{
    static const char *const mono[] = {"courier",    "mono",        "consolas", "menlo", "cmtt",
                                       "typewriter", "inconsolata", "code",     "lmtt",  NULL};
    static const char *const bold[] = {"bold", "black", "heavy", "cmbx", "semibold", "-bd", NULL};
    float numbered = number(tag, "id");
    size_t id = numbered >= 0 ? (size_t)numbered : FONTS_MOST + (size_t)1;
    const uint8_t *at = pb_media_find((pb_bytes){(const uint8_t *)tag.data, tag.size}, "family=\"");

    if (id > FONTS_MOST)
        return;
    if (id >= pages->fonts.count &&
        !pages_room(pages, &pages->fonts, id + 1 - pages->fonts.count, sizeof(struct font)))
        return;
    pb_str name = pb_str_slice(tag, at ? (size_t)((const char *)at - tag.data) + 8 : tag.size, 100);
    name.size = pb_str_find(name, '"');
    struct font *font = (struct font *)pages->fonts.items + id;
    font->size = number(tag, "size");
    font->mono = names_one(name, mono);
    font->bold = names_one(name, bold);
}

/* --- text ------------------------------------------------------------------------------------- */

static void add(struct pages *pages, const char *data, size_t size)
{
    char *room = pages->text.count + size > pages->max_text * 4
        ? (void)pages_fail(pages, PB_TOO_LARGE, "it has more text than the %zu MiB of 'max_text'",
                           pages->max_text >> 20),
         NULL : pages_room(pages, &pages->text, size, 1);

    if (room)
        memcpy(room, data, size);
}

/* One character; ligatures are spelled out, what is no text is left out. */
static void add_code(struct pages *pages, uint32_t code)
{
    static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    char bytes[4];

    if (code >= 0xFB00 && code <= 0xFB06)
        add(pages, ligatures[code - 0xFB00], strlen(ligatures[code - 0xFB00]));
    else if (code == 0xA0 || code == '\t')
        add(pages, " ", 1);
    else if (code >= 32 && (code < 127 || code > 0x9F) && code != 0xFEFF && code < 0xE000)
        add(pages, bytes, pb_utf8_write(code, bytes));
    else if (code > 0xF8FF) /* not the private area: glyphs without a meaning */
        add(pages, bytes, pb_utf8_write(code, bytes));
}

static uint32_t reference(pb_str name)
{
    static const struct {
        const char *name;
        uint32_t code;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    char digits[12] = "";

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (pb_str_is(name, known[i].name))
            return known[i].code;
    if (name.size < 2 || name.size > 9 || name.data[0] != '#')
        return 0;
    memcpy(digits, name.data + 1, name.size - 1);
    return (uint32_t)(digits[0] == 'x' ? strtoul(digits + 1, NULL, 16) : strtoul(digits, NULL, 10));
}

/* What stands between the tags. True: all of it is in <b>. */
static bool add_marked(struct pages *pages, pb_str text)
{
    bool bold = pb_str_starts(text, pb_lit("<b>")) || pb_str_starts(text, pb_lit("<i><b>"));
    const uint8_t *end = (const uint8_t *)text.data + text.size;

    for (const uint8_t *at = (const uint8_t *)text.data; at < end;) {
        pb_str rest = pb_str_make((const char *)at, (size_t)(end - at));
        size_t size = pb_utf8_length(at, end);
        if (*at == '<') {
            at += pb_str_find(rest, '>') + (pb_str_find(rest, '>') < rest.size);
        } else if (*at == '&' && pb_str_find(pb_str_slice(rest, 0, 12), ';') < 12 &&
                   pb_str_find(rest, ';') < rest.size) {
            size_t name = pb_str_find(rest, ';');
            add_code(pages, reference(pb_str_slice(rest, 1, name - 1)));
            at += name + 1;
        } else if (size <= 1) {
            add_code(pages, size ? *at : 0xFFFD);
            at++;
        } else {
            uint32_t code = *at & (0x7Fu >> size);
            for (size_t i = 1; i < size; i++)
                code = code << 6 | (at[i] & 0x3F);
            add_code(pages, code);
            at += size;
        }
    }
    return bold;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Does the piece go on where the last line ended? */
static bool same_line(const struct pages *pages, const struct line *line, const struct piece *piece)
{
    float overlap = fminf(line->bottom, piece->bottom) - fmaxf(line->top, piece->top);
    float height = fminf(line->bottom - line->top, piece->bottom - piece->top);

    return line->page == pages->page && overlap > height / 2 && piece->left > line->right - height;
}

/* Only dots, as lead the eye in a table of contents. */
static bool is_leader(pb_str text)
{
    size_t dots = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '.' && text.data[i] != ' ')
            return false;
        dots += text.data[i] == '.';
    }
    return dots > 2;
}

/* Dots that lead the eye inside of a piece become one space: "Words . . . . 12". */
static void drop_leaders(struct pages *pages, size_t offset)
{
    char *text = pages->text.items;
    size_t kept = offset, end = pages->text.count;

    for (size_t at = offset, run; at < end; at = run) {
        size_t dots = 0;
        for (run = at; run < end && (text[run] == '.' || text[run] == ' '); run++)
            dots += text[run] == '.';
        if (dots > 3) {
            text[kept++] = ' ';
        } else {
            run = run > at ? run : at + 1;
            memmove(text + kept, text + at, run - at);
            kept += run - at;
        }
    }
    pages->text.count = kept;
}

static struct line *new_line(struct pages *pages, const struct piece *piece)
{
    struct line *line = pages_room(pages, &pages->lines, 1, sizeof *line);

    if (!line)
        return NULL;
    *line = (struct line){.page = pages->page,
                          .left = piece->left,
                          .right = piece->right,
                          .top = piece->top,
                          .bottom = piece->bottom,
                          .points = piece->font.size,
                          .bold = piece->bold,
                          .mono = piece->font.mono,
                          .first = pages->cells.count};
    return line;
}

/* The text from `offset` on becomes part of the last line or begins one. */
static void place(struct pages *pages, const struct piece *piece, size_t offset)
{
    struct line *line = pages->lines.count ? pages_line(pages, pages->lines.count - 1) : NULL;
    struct cell *cell = line ? pages_cell(pages, line->first + line->count - 1) : NULL;
    size_t size = pages->text.count - offset;
    float height = piece->bottom - piece->top;

    if (line && same_line(pages, line, piece)) {
        float gap = piece->left - line->right;
        line->bold = line->bold && piece->bold;
        line->mono = line->mono && piece->font.mono;
        line->points = fmaxf(line->points, piece->font.size);
        line->right = fmaxf(line->right, piece->right);
        if (gap < height && cell->offset + cell->size == offset) {
            bool apart = gap > height * 0.12f;
            if (apart) {
                add(pages, " ", 1);
                char *text = (char *)pages->text.items + offset;
                if (pages->status != PB_OK)
                    return;
                memmove(text + 1, text, size);
                *text = ' ';
            }
            cell->size += size + apart;
            cell->right = line->right;
            return;
        }
    } else {
        line = new_line(pages, piece);
    }
    cell = line ? pages_room(pages, &pages->cells, 1, sizeof *cell) : NULL;
    if (!cell)
        return;
    *cell = (struct cell){piece->left, piece->right, offset, size};
    line->count++;
}

static void read_text(struct pages *pages, pb_str tag, pb_str content)
{
    size_t id = (size_t)fabsf(number(tag, "font")), offset = pages->text.count;
    struct piece piece = {.left = number(tag, "left"), .top = number(tag, "top")};

    if (id < pages->fonts.count)
        piece.font = ((struct font *)pages->fonts.items)[id];
    piece.right = piece.left + number(tag, "width");
    piece.bottom = piece.top + fmaxf(number(tag, "height"), 1);
    piece.bold = add_marked(pages, content) || piece.font.bold;
    if (pages->status != PB_OK || pages->text.count == offset)
        return;
    const char *text = (const char *)pages->text.items + offset;
    while (pages->text.count > offset && text[pages->text.count - offset - 1] == ' ')
        pages->text.count--;
    pb_str words = pb_str_make(text, pages->text.count - offset);
    if (!pb_str_trim(words).size || is_leader(words)) {
        pages->text.count = offset;
        return;
    }
    drop_leaders(pages, offset);
    place(pages, &piece, offset);
}

pb_status pages_parse(struct pages *pages, pb_str xml)
{
    pages->fonts.count = 0;
    for (size_t lines = 0; xml.size && pages->status == PB_OK; lines++) {
        pb_str line = pb_str_slice(xml, 0, pb_str_find(xml, '\n'));
        xml = pb_str_slice(xml, line.size + 1, xml.size);
        /* Words of the program's own may stand in front of a tag. */
        line = pb_str_slice(line, pb_str_find(line, '<'), line.size);
        size_t end = pb_str_find(line, '>');
        pb_str tag = pb_str_slice(line, 0, end);
        if (pb_str_starts(tag, pb_lit("<text "))) {
            pb_str content = pb_str_slice(line, end + 1, line.size);
            if (pb_str_ends(content, pb_lit("</text>")))
                content.size -= 7;
            read_text(pages, tag, content);
        } else if (pb_str_starts(tag, pb_lit("<fontspec "))) {
            read_font(pages, tag);
        } else if (pb_str_starts(tag, pb_lit("<page "))) {
            pages->page = (int32_t)number(tag, "number");
            pages->height = number(tag, "height");
        }
        if (lines % 4096 == 0 && pb_cancelled())
            (void)pages_fail(pages, PB_CANCELLED, "it was cancelled");
    }
    return pages->status;
}
