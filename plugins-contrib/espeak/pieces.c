/* pieces.c - see pieces.h. */
#include "pieces.h"

enum { LEAST = 60, MOST = 400 }; /* bytes: a second of speech has about 15 */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Does a sentence end in front of `at`? */
static bool sentence_ends(pb_str text, size_t at)
{
    char last = text.data[at - 1];

    return last == '\n' || ((last == '.' || last == '!' || last == '?') && is_space(text.data[at]));
}

static size_t cut(pb_str text)
{
    size_t most = text.size < MOST ? text.size : MOST, space = 0;

    for (size_t at = LEAST; at < most; at++)
        if (sentence_ends(text, at))
            return at;
    if (most == text.size)
        return most;
    for (size_t at = LEAST; at < most; at++)
        if (is_space(text.data[at]))
            space = at;
    if (space)
        return space;
    while (most > LEAST && ((unsigned char)text.data[most] & 0xc0) == 0x80)
        most--;
    return most;
}

pb_str pieces_next(pb_str *text)
{
    *text = pb_str_trim(*text);
    if (!text->size)
        return *text;
    size_t size = cut(*text);
    pb_str piece = pb_str_slice(*text, 0, size);
    *text = pb_str_slice(*text, size, text->size);
    return piece;
}
