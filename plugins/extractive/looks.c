/* looks.c - what lines are, by their looks: passages are plain text, their markup is gone. */
#include "extractive.h"

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

size_t list_mark(pb_str line)
{
    size_t at = 0, digits;

    while (at < line.size && line.data[at] == ' ')
        at++;
    if (at + 1 < line.size && strchr("-*+", line.data[at]) && line.data[at + 1] == ' ')
        return at + 2;
    if (at + 3 < line.size && memcmp(line.data + at, "\xE2\x80\xA2", 3) == 0) /* a bullet */
        return at + 3 + (line.data[at + 3] == ' ');
    for (digits = 0; digits < 3 && at + digits < line.size && is_digit(line.data[at + digits]);)
        digits++;
    at += digits;
    return digits && at + 1 < line.size && strchr(".)", line.data[at]) && line.data[at + 1] == ' '
               ? at + 2
               : 0;
}

static bool ends_sentence(pb_str line)
{
    return line.size && strchr(".!?", line.data[line.size - 1]) != NULL;
}

/* Does prose stand in it: a full stop, a blank and a capital letter? */
static bool has_sentences(pb_str text)
{
    for (size_t i = 0; i + 2 < text.size; i++)
        if (text.data[i] == '.' && text.data[i + 1] == ' ' && text.data[i + 2] >= 'A' &&
            text.data[i + 2] <= 'Z')
            return true;
    return false;
}

/* Signs that code has and prose has not, in proportion. */
static size_t signs_of(pb_str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += strchr("{}()[]=<>;$|\\/_\"#:&*", text.data[i]) != NULL && text.data[i];
    for (size_t i = 0; i + 2 < text.size; i++)
        count += 2 * (text.data[i] == ' ' && text.data[i + 1] == '-' && text.data[i + 2] != ' ');
    return count;
}

/* "name:", "key: value": begins a map of YAML. */
static bool is_key(pb_str line)
{
    size_t colon = pb_str_find(line, ':');

    if (colon == line.size || !colon || !is_lower(line.data[0]))
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!is_lower(line.data[i]) && !is_digit(line.data[i]) && !strchr("_-.", line.data[i]))
            return false;
    return colon + 1 == line.size || line.data[colon + 1] == ' ';
}

/* Does it begin with a name or a call: "PB_STAGE(", "FOO=1"? */
static bool is_name(pb_str line)
{
    size_t at = 0;

    while (at < line.size && strchr(" \n\t(=", line.data[at]) == NULL)
        at++;
    return at && at < line.size &&
           (line.data[at] != ' ' || pb_str_find(pb_str_slice(line, 0, at), '_') < at);
}

bool looks_like_code(pb_str paragraph)
{
    pb_str line = pb_str_slice(paragraph, 0, pb_str_find(paragraph, '\n'));
    pb_str bare = pb_str_trim(line);
    bool indented = line.size > 3 && memcmp(line.data, "    ", 4) == 0;

    if (!bare.size || list_mark(line) || has_sentences(paragraph))
        return false;
    if (pb_str_starts(bare, pb_lit("$ ")) || pb_str_starts(bare, pb_lit("#include")) ||
        pb_str_starts(bare, pb_lit("# ")) || strchr("{}<[(", bare.data[0]))
        return true;
    if (indented || is_key(bare) || strchr("{;\\", bare.data[bare.size - 1]))
        return !ends_sentence(pb_str_trim(paragraph));
    return (is_lower(bare.data[0]) || strchr("_./", bare.data[0]) || is_name(bare)) &&
           !ends_sentence(pb_str_trim(paragraph)) && signs_of(paragraph) * 24 >= paragraph.size;
}

/* Cells stand apart by tabs, in every row. */
bool looks_like_table(pb_str paragraph)
{
    for (size_t at = 0; at < paragraph.size;) {
        pb_str line = pb_str_slice(paragraph, at, paragraph.size);
        line.size = pb_str_find(line, '\n');
        if (line.size && (line.data[0] == '\t' || pb_str_find(line, '\t') == line.size))
            return false;
        at += line.size + 1;
    }
    return paragraph.size > 0;
}

bool looks_like_title(pb_str paragraph)
{
    enum { LONGEST = 100 };

    return paragraph.size && paragraph.size <= LONGEST &&
           pb_str_find(paragraph, '\n') == paragraph.size && !list_mark(paragraph) &&
           !strchr(".:;,!?", paragraph.data[paragraph.size - 1]);
}
