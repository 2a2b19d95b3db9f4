/* sentence.c - where a sentence ends: at . ! ? with white space behind it and no small letter after
 * that, but not after an abbreviation, an initial or the number of a list; at the full stops of
 * other scripts; at a blank line. */
#include "ingest.h"

size_t whole_characters(pb_str text, size_t size)
{
    if (size >= text.size)
        return text.size;
    for (int back = 0; back < 3 && size && ((unsigned char)text.data[size] & 0xC0) == 0x80; back++)
        size--;
    return size;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80);
}

/* Words whose point ends no sentence, whatever follows. */
static bool abbreviation(pb_str word)
{
    static const char *const words[] = {
        "mr",  "mrs", "ms",  "dr",  "prof", "st",  "vs",   "fig", "figs", "no",   "nos", "eq",
        "sec", "ch",  "vol", "pp",  "p",    "cf",  "e.g",  "i.e", "eg",   "ie",   "ca",  "approx",
        "bzw", "vgl", "nr",  "abb", "z.b",  "d.h", "u.a",  "s.o", "gem",  "inkl", "al",  "resp",
        "jan", "feb", "mar", "apr", "jun",  "jul", "sept", "oct", "nov",  "dec",  "p.s", "incl",
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (pb_str_same(word, pb_str_of(words[i])))
            return true;
    return false;
}

/* The word right before `at`, with points inside of it. */
static pb_str word_before(pb_str text, size_t at)
{
    size_t from = at;

    while (from && at - from < 16 &&
           (is_letter(text.data[from - 1]) || is_digit(text.data[from - 1]) ||
            text.data[from - 1] == '.'))
        from--;
    return pb_str_slice(text, from, at - from);
}

static bool only_digits(pb_str word)
{
    for (size_t i = 0; i < word.size; i++)
        if (!is_digit(word.data[i]))
            return false;
    return word.size > 0;
}

/* Is the point at `at` one that ends nothing? */
static bool point_inside(pb_str text, size_t at)
{
    pb_str word = word_before(text, at);

    if (abbreviation(word))
        return true;
    if (word.size == 1 && word.data[0] >= 'A' && word.data[0] <= 'Z')
        return true; /* an initial */
    return only_digits(word) && word.size < 4 &&
           pb_str_trim(pb_str_slice(text, 0, at)).size == word.size;
}

/* Bytes of a closing quote or bracket at `at`, or 0. */
static size_t closer(pb_str text, size_t at)
{
    static const char *const marks[] = {")",
                                        "]",
                                        "\"",
                                        "'",
                                        "*",
                                        "_",
                                        "`",
                                        "\xE2\x80\x9D",
                                        "\xE2\x80\x99",
                                        "\xC2\xBB",
                                        "\xE3\x80\x8D",
                                        "\xE3\x80\x8F",
                                        "\xEF\xBC\x89"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (pb_str_starts(pb_str_slice(text, at, 3), pb_str_of(marks[i])))
            return strlen(marks[i]);
    return 0;
}

static size_t skip_closers(pb_str text, size_t at)
{
    for (size_t size; at < text.size && (size = closer(text, at)) > 0;)
        at += size;
    return at;
}

static size_t skip_space(pb_str text, size_t at)
{
    while (at < text.size && is_space(text.data[at]))
        at++;
    return at;
}

/* Bytes of a full stop of a script that puts no space behind it, or 0. */
static size_t wide_stop(pb_str text, size_t at)
{
    static const char *const stops[] = {"\xE3\x80\x82", "\xEF\xBC\x81", "\xEF\xBC\x9F",
                                        "\xE0\xA5\xA4", "\xD8\x9F"};

    if (!((unsigned char)text.data[at] & 0x80))
        return 0;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        if (pb_str_starts(pb_str_slice(text, at, 3), pb_str_of(stops[i])))
            return strlen(stops[i]);
    return 0;
}

/* The end of a sentence that the mark at `at` ends, or 0. */
static size_t end_at(pb_str text, size_t at)
{
    size_t stop = wide_stop(text, at), after;

    if (stop)
        return skip_space(text, skip_closers(text, at + stop));
    if (text.data[at] == '\n') {
        after = at + 1;
        while (after < text.size &&
               (text.data[after] == ' ' || text.data[after] == '\t' || text.data[after] == '\r'))
            after++;
        return after < text.size && text.data[after] == '\n' ? skip_space(text, after) : 0;
    }
    if (!strchr(".!?", text.data[at]) || !text.data[at])
        return 0;
    after = at + 1;
    while (after < text.size && strchr(".!?", text.data[after]) && text.data[after])
        after++;
    size_t closed = skip_closers(text, after), begin = skip_space(text, closed);
    if (begin == closed && begin < text.size)
        return 0;
    if (begin < text.size && text.data[begin] >= 'a' && text.data[begin] <= 'z')
        return 0;
    return text.data[at] == '.' && begin < text.size && point_inside(text, at) ? 0 : begin;
}

/* Where to cut what has no end: behind the last line, else the last word, else a character. */
static size_t cut(pb_str text, size_t most)
{
    for (size_t at = most; at > most / 2; at--)
        if (text.data[at - 1] == '\n')
            return at;
    for (size_t at = most; at > most / 2; at--)
        if (is_space(text.data[at - 1]))
            return at;
    return whole_characters(text, most);
}

size_t sentence_end(pb_str text, size_t most)
{
    size_t window = text.size < most ? text.size : most;

    for (size_t at = 0; at < window; at++) {
        size_t end = end_at(text, at);
        if (end)
            return end <= most ? end : cut(text, most);
    }
    return window == text.size ? text.size : cut(text, most);
}
