/* paragraph.c - lines to headings, paragraphs, list items and code.
 *
 * A heading is larger than most of the text, or bold, or numbered ("2.1 Words"), and short. A
 * paragraph ends at a gap, an indented line, another font; one that stops without a full stop at
 * the end of a column goes on in the next. */
#include "pages.h"

#include <ctype.h>
#include <math.h>

enum { HEADING_MOST = 160, TEXT = PB_BLOCK_TEXT };

static pb_str first_text(const struct pages *pages, const struct line *line)
{
    return pb_str_trim(pages_text(pages, pages_cell(pages, line->first)));
}

static size_t line_size(const struct pages *pages, const struct line *line)
{
    size_t size = 0;

    for (size_t c = line->first; c < line->first + line->count; c++)
        size += pages_cell(pages, c)->size + 1;
    return size;
}

/* --- labels and numbers ------------------------------------------------------------------------
 */

size_t label_size(pb_str text)
{
    static const char *const bullets[] = {"\xE2\x80\xA2",
                                          "\xE2\x97\xA6",
                                          "\xE2\x96\xAA",
                                          "\xE2\x96\xA0",
                                          "\xE2\x80\xA3",
                                          "\xE2\x97\x8F",
                                          "\xE2\x97\x8B",
                                          "\xC2\xB7",
                                          "\xE2\x80\x93",
                                          "\xEF\xBF\xBD",
                                          "*",
                                          "-",
                                          NULL};
    size_t i = 0;

    for (int b = 0; bullets[b]; b++) {
        pb_str bullet = pb_str_of(bullets[b]);
        if (pb_str_starts(text, bullet) &&
            (text.size == bullet.size || text.data[bullet.size] == ' '))
            return bullet.size;
    }
    bool open = text.size && text.data[0] == '(';
    i += open;
    size_t from = i;
    while (i < text.size && isdigit((unsigned char)text.data[i]))
        i++;
    if (i == from && i + 1 < text.size && islower((unsigned char)text.data[i]))
        i++;
    if (i == from || i - from > 3 || i >= text.size ||
        !(text.data[i] == ')' || (text.data[i] == '.' && !open)))
        return 0;
    return ++i == text.size || text.data[i] == ' ' ? i : 0;
}

int32_t number_depth(pb_str text)
{
    static const char *const words[] = {"Chapter ", "Appendix ", "Part ", "Section ", NULL};
    size_t i = 0;
    int32_t depth = 0;

    for (int w = 0; words[w]; w++)
        if (pb_str_starts(text, pb_str_of(words[w])))
            i = strlen(words[w]);
    if (i)
        return i < text.size &&
               (isdigit((unsigned char)text.data[i]) || isupper((unsigned char)text.data[i]));
    if (text.size > 2 && isupper((unsigned char)text.data[0]) && text.data[1] == '.') /* A.1 */
        i = 2, depth = 1;
    while (i < text.size && isdigit((unsigned char)text.data[i])) {
        size_t from = i;
        while (i < text.size && isdigit((unsigned char)text.data[i]))
            i++;
        if (i - from > 3)
            return 0;
        depth++;
        if (i < text.size && text.data[i] == '.')
            i++;
    }
    if (!depth || (i < text.size && text.data[i] != ' '))
        return 0;
    return depth > 6 ? 6 : depth;
}

/* --- headings -----------------------------------------------------------------------------------
 */

static bool ends_sentence(pb_str text)
{
    return text.size && strchr(".:;,?!", text.data[text.size - 1]);
}

static bool has_letter(pb_str text)
{
    size_t i = 0;

    while (i < text.size && !isalpha((unsigned char)text.data[i]) && !(text.data[i] & 0x80))
        i++;
    return i < text.size;
}

/* The level of the heading that the line is, or 0. */
static int32_t heading_level(const struct pages *pages, const struct line *line)
{
    pb_str first = first_text(pages, line);
    pb_str last = pages_text(pages, pages_cell(pages, line->first + line->count - 1));
    int32_t depth = number_depth(first), level = 0;
    bool larger = line->points > pages->body * 1.1f;

    if (line_size(pages, line) > HEADING_MOST || line->mono || line->count > 2 ||
        (!has_letter(first) && !has_letter(last)))
        return 0;
    if (larger) {
        while ((size_t)level + 1 < pages->size_count && line->points < pages->sizes[level] * 0.97f)
            level++;
        return level + 1;
    }
    if (ends_sentence(last) || label_size(first) == first.size || (line->count == 2 && !depth))
        return 0;
    if (line->bold && line->points > pages->body * 0.9f)
        return (int32_t)pages->size_count + (depth ? depth : 1);
    pb_str rest = pb_str_trim(pb_str_slice(first, pb_str_find(first, ' '), first.size));
    rest = line->count == 2 ? pb_str_trim(last) : rest;
    bool named = depth && isupper((unsigned char)first.data[0]) && first.data[1] != '.';
    return (depth > 1 && rest.size && isupper((unsigned char)rest.data[0]) && rest.size < 80) ||
                   (named && line_size(pages, line) < 80)
               ? (int32_t)pages->size_count + depth
               : 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool is_lower(char byte)
{
    return islower((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* What stands between two lines of a paragraph: nothing behind a hyphen that was put in to break a
 * word, else a space. */
static void join(struct pages *pages, pb_str next)
{
    char *out = pages->out.items;
    size_t size = pages->out.count;

    if (size > 2 && memcmp(out + size - 2, "\xC2\xAD", 2) == 0) {
        pages->out.count -= 2;
    } else if (size > 2 && next.size && is_lower(next.data[0]) && out[size - 1] == '-' &&
               (isalpha((unsigned char)out[size - 2]) || (out[size - 2] & 0x80))) {
        pages->out.count -= 1;
    } else if (size > 3 && next.size && is_lower(next.data[0]) &&
               memcmp(out + size - 3, "\xE2\x80\x90", 3) == 0) {
        pages->out.count -= 3;
    } else {
        block_add(pages, pb_lit(" "));
    }
}

/* The line's cells from byte `skip` of the first on. */
static void write_line(struct pages *pages, const struct line *line, size_t skip)
{
    bool some = false;

    for (size_t c = line->first; c < line->first + line->count; c++) {
        pb_str text = pb_str_trim(pages_text(pages, pages_cell(pages, c)));
        text = pb_str_trim(pb_str_slice(text, c == line->first ? skip : 0, text.size));
        if (some && text.size)
            block_add(pages, pb_lit(" "));
        block_add(pages, text);
        some = some || text.size;
    }
}

/* Code keeps its columns: as many spaces as letters would fit in a gap. */
static void write_code(struct pages *pages, const struct line *line, float left)
{
    const struct cell *cell = pages_cell(pages, line->first);
    float width = cell->size ? (cell->right - cell->left) / (float)cell->size : 0;

    for (size_t c = line->first; c < line->first + line->count; c++) {
        cell = pages_cell(pages, c);
        float gap = cell->left - left;
        for (int i = width > 0 ? (int)lroundf(fminf(gap / width, 60)) : 0; i > 0; i--)
            block_add(pages, pb_lit(" "));
        block_add(pages, pages_text(pages, cell));
        left = cell->right;
    }
}

static int32_t item_level(struct paragraph *paragraph, float left)
{
    while (paragraph->item_count && paragraph->items[paragraph->item_count - 1] > left + 4)
        paragraph->item_count--;
    if ((!paragraph->item_count || paragraph->items[paragraph->item_count - 1] < left - 4) &&
        paragraph->item_count < 6)
        paragraph->items[paragraph->item_count++] = left;
    return (int32_t)paragraph->item_count;
}

/* --- where one ends and the next begins ---------------------------------------------------------
 */

static bool unfinished(const struct pages *pages, const struct line *next)
{
    const char *out = pages->out.items;
    pb_str text = first_text(pages, next);

    return pages->out.count && text.size && !strchr(".:!?", out[pages->out.count - 1]) &&
           islower((unsigned char)text.data[0]);
}

static bool goes_on(const struct paragraph *paragraph, const struct line *line, int32_t type,
                    int32_t level)
{
    const struct line *last = &paragraph->last;
    float height = last->bottom - last->top, gap = line->top - last->bottom;
    pb_str first = first_text(paragraph->pages, line);

    if (!paragraph->open || fabsf(line->points - last->points) > last->points * 0.08f)
        return false;
    if (type == PB_BLOCK_CODE)
        return paragraph->type == PB_BLOCK_CODE &&
               (line->page != last->page || (gap < 2.5f * height && gap > -height));
    if (type == PB_BLOCK_HEADING)
        return paragraph->type == PB_BLOCK_HEADING && level == paragraph->level &&
               line->page == last->page && line->bold == last->bold && gap > -height &&
               gap < height && !number_depth(first);
    if (type != TEXT || (paragraph->type != TEXT && paragraph->type != PB_BLOCK_LIST_ITEM))
        return false;
    if (line->page != last->page || line->top < last->top) /* the next column, the next page */
        return unfinished(paragraph->pages, line);
    if (gap > 0.8f * height)
        return false;
    if (paragraph->type == PB_BLOCK_LIST_ITEM)
        return line->left > paragraph->left + 2;
    bool indented = line->left > last->left + 0.8f * height && line->left > paragraph->left - 2;
    return !indented;
}

void paragraph_end(struct paragraph *paragraph)
{
    if (paragraph->open)
        block_end(paragraph->pages);
    paragraph->open = false;
}

static void begin(struct paragraph *paragraph, const struct line *line, int32_t type, int32_t level)
{
    paragraph_end(paragraph);
    if (type != PB_BLOCK_LIST_ITEM && type != TEXT)
        paragraph->item_count = 0;
    if (type == PB_BLOCK_LIST_ITEM)
        level = item_level(paragraph, line->left);
    paragraph->open = true;
    paragraph->type = type;
    paragraph->level = level;
    paragraph->left = line->left;
    block_begin(paragraph->pages, type, level, line->page);
}

void paragraph_add(struct paragraph *paragraph, const struct line *line)
{
    struct pages *pages = paragraph->pages;
    pb_str first = first_text(pages, line);
    int32_t level = heading_level(pages, line);
    size_t label = level ? 0 : label_size(first);
    int32_t type = level        ? PB_BLOCK_HEADING
                   : line->mono ? PB_BLOCK_CODE
                   : label      ? PB_BLOCK_LIST_ITEM
                                : TEXT;
    bool more = goes_on(paragraph, line, type, level);

    if (!more)
        begin(paragraph, line, type, level);
    else if (type == PB_BLOCK_CODE)
        block_add(pages, pb_lit("\n"));
    else
        join(pages, first);
    if (type == PB_BLOCK_CODE)
        write_code(pages, line, fminf(paragraph->left, line->left));
    else
        write_line(pages, line,
                   type == PB_BLOCK_LIST_ITEM && !isdigit((unsigned char)first.data[0]) ? label
                                                                                        : 0);
    paragraph->last = *line;
}
