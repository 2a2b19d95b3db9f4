/* nearest.c - see nearest.h. Distance of words: insertions, deletions, exchanges and swaps of
 * neighbours (optimal string alignment), in three rows of at most WORD letters. */
#include "config/nearest.h"

enum { WORD = 64, LISTED = 12 };

static int fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(pb_str a, pb_str b)
{
    size_t rows[3][WORD + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t differs = fold(a.data[i - 1]) != fold(b.data[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && fold(a.data[i - 1]) == fold(b.data[j - 2]) &&
                fold(a.data[i - 2]) == fold(b.data[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.size];
}

/* "temp" for "temperature": what was cut off counts as one mistake. */
static bool begins(pb_str word, pb_str whole)
{
    if (word.size < 3 || word.size >= whole.size)
        return false;
    for (size_t i = 0; i < word.size; i++)
        if (fold(word.data[i]) != fold(whole.data[i]))
            return false;
    return true;
}

pb_str nearest_match(pb_str word, const pb_str *words, size_t count)
{
    pb_str best = {0};
    size_t nearest = word.size < 6 ? 2 : word.size / 3 + 1; /* must be less */

    if (word.size == 0 || word.size > WORD)
        return best;
    for (size_t i = 0; i < count; i++) {
        if (words[i].size == 0 || words[i].size > WORD)
            continue;
        size_t far = distance(word, words[i]);
        if (far > 1 && begins(word, words[i]))
            far = 1;
        if (far < nearest && far < least(word.size, words[i].size)) {
            nearest = far;
            best = words[i];
        }
    }
    return best;
}

pb_str nearest_hint(pb_str word, const pb_str *words, size_t count)
{
    pb_str match = nearest_match(word, words, count);
    pb_buf hint = {0};

    if (match.data)
        return pb_printf("; did you mean '%.*s'?", PB_ARG(match));
    for (size_t i = 0; i < count && i < LISTED; i++) {
        const char *joint = i == 0 ? "; known are " : i + 1 == count ? " and " : ", ";
        if (count == 1)
            joint = "; known is ";
        pb_buf_printf(&hint, "%s'%.*s'", joint, PB_ARG(words[i]));
    }
    if (count > LISTED)
        pb_buf_printf(&hint, " and %zu more", count - LISTED);
    return hint.size ? pb_buf_str(&hint) : pb_lit("");
}

pb_str host_hint(pb_str word, const pb_str *words, size_t count)
{
    return nearest_hint(word, words, count);
}
