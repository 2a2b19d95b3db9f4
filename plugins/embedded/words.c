/* words.c - the words of a text, for finding them again: small letters, no accents, an English
 * ending taken off. What is written without spaces (Chinese, Japanese) becomes pairs of characters.
 * Texts that are not UTF-8 are read as far as they are.
 */
#include "segment.h"

#include <string.h>

struct word {
    char text[WORD_MOST];
    size_t size;
    bool ascii; /* letters a to z only: has endings */
};

/* --- characters
 * ------------------------------------------------------------------------------------ */

/* The next character; *at moves on. 0xfffd for what is no UTF-8. */
static uint32_t next_character(const uint8_t **at, const uint8_t *end)
{
    uint32_t first = *(*at)++;
    uint32_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;

    if (first < 0x80)
        return first;
    if (!more || first > 0xf4 || (size_t)(end - *at) < more)
        return 0xfffd;
    uint32_t value = first & (0x3fu >> more);
    for (uint32_t i = 0; i < more; i++) {
        if ((**at & 0xc0) != 0x80)
            return 0xfffd;
        value = value << 6 | (*(*at)++ & 0x3f);
    }
    return value;
}

/* U+00C0 to U+017F without case and accent; '?' for two letters, '.' for none. */
static const char latin[] = "aaaaaa?ceeeeiiiidnooooo.ouuuuy??aaaaaa?ceeeeiiiidnooooo.ouuuuy?y"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii??jjkkklllllll"
                            "lllnnnnnnnnnoooooo??rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static bool is_ideograph(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

/* Small letters of alphabets other than Latin. */
static uint32_t small(uint32_t c)
{
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c == 0x3c2)
        return 0x3c3;
    if ((c >= 0x460 && c <= 0x4ff) || (c >= 0x1e00 && c <= 0x1eff))
        return c | 1;
    if (c >= 0x531 && c <= 0x556)
        return c + 48;
    return c;
}

/* Not a part of a word: spaces, signs, punctuation beyond ASCII. */
static bool is_gap(uint32_t c)
{
    return c < 0xaa || (c > 0xaa && c < 0xb5) || (c > 0xb5 && c < 0xc0 && c != 0xba) || c == 0xd7 ||
           c == 0xf7 || (c >= 0x2000 && c <= 0x2bff) || (c >= 0x2e00 && c <= 0x303f) ||
           (c >= 0xfe10 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff0f) || c >= 0xffe0;
}

static bool is_mark(uint32_t c)
{
    return c >= 0x300 && c <= 0x36f; /* an accent by itself */
}

static void put_character(struct word *word, uint32_t c)
{
    char *at = word->text + word->size;

    if (word->size > WORD_MOST - 4)
        return;
    if (c < 0x80) {
        *at = (char)c;
        word->size++;
        word->ascii = word->ascii && c >= 'a' && c <= 'z';
        return;
    }
    word->ascii = false;
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i; i--, c >>= 6)
        at[i] = (char)(0x80 | (c & 0x3f));
    at[0] = (char)((size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0) | c);
    word->size += size;
}

/* --- endings: the first steps of Porter's "An algorithm for suffix stripping" (1980)
 * ---------------- */

static bool is_vowel(const char *text, size_t at)
{
    return strchr("aeiou", text[at]) || (text[at] == 'y' && at && !is_vowel(text, at - 1));
}

static bool has_vowel(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (is_vowel(text, i))
            return true;
    return false;
}

static bool ends(const struct word *word, const char *with)
{
    size_t size = strlen(with);

    return word->size > size && memcmp(word->text + word->size - size, with, size) == 0;
}

/* How often a consonant follows a vowel. */
static int measure(const struct word *word)
{
    int count = 0;

    for (size_t i = 1; i < word->size; i++)
        count += is_vowel(word->text, i - 1) && !is_vowel(word->text, i);
    return count;
}

static void take_plural(struct word *word)
{
    if (ends(word, "sses") || (ends(word, "ies") && word->size > 4))
        word->size -= 2;
    else if (ends(word, "ies"))
        word->size -= 1;
    else if (ends(word, "s") && !ends(word, "ss") && !ends(word, "us") && !ends(word, "is"))
        word->size -= 1;
}

static bool ends_like_hop(const struct word *word)
{
    size_t size = word->size;

    return size >= 3 && !is_vowel(word->text, size - 1) && is_vowel(word->text, size - 2) &&
           !is_vowel(word->text, size - 3) && !strchr("wxy", word->text[size - 1]);
}

/* "hopping" to "hop", "filing" to "file", "running" to "run". */
static void take_past(struct word *word)
{
    size_t cut = ends(word, "ed") ? 2 : ends(word, "ing") ? 3 : 0;

    if (!cut || word->size - cut < 2 || !has_vowel(word->text, word->size - cut))
        return;
    if (ends(word, "eed")) {
        word->size -= measure(word) > 1;
        return;
    }
    word->size -= cut;
    char last = word->text[word->size - 1];
    if (ends(word, "at") || ends(word, "bl") || ends(word, "iz"))
        word->text[word->size++] = 'e';
    else if (word->size > 2 && last == word->text[word->size - 2] && !strchr("aeioulsz", last))
        word->size--;
    else if (measure(word) == 1 && ends_like_hop(word))
        word->text[word->size++] = 'e';
}

static void take_ending(struct word *word)
{
    if (word->size < 4)
        return;
    take_plural(word);
    take_past(word);
    if (ends(word, "y") && has_vowel(word->text, word->size - 1))
        word->text[word->size - 1] = 'i';
    else if (word->size > 4 && ends(word, "e")) /* "configure" and "configuring" */
        word->size--;
}

/* --- words
 * ------------------------------------------------------------------------------------------ */

struct walk {
    bool stem;
    void (*word)(void *arg, const char *text, size_t size);
    void *arg;
    struct word open;
    uint32_t ideograph; /* the one before, or 0 */
    bool paired;        /* it is in a pair already */
};

static void end_word(struct walk *walk)
{
    if (walk->stem && walk->open.ascii)
        take_ending(&walk->open);
    if (walk->open.size)
        walk->word(walk->arg, walk->open.text, walk->open.size);
    walk->open.size = 0;
    walk->open.ascii = true;
}

static void end_ideographs(struct walk *walk)
{
    if (walk->ideograph && !walk->paired) {
        put_character(&walk->open, walk->ideograph);
        end_word(walk);
    }
    walk->ideograph = 0;
    walk->paired = false;
}

static void take_ideograph(struct walk *walk, uint32_t c)
{
    uint32_t before = walk->ideograph;

    end_word(walk);
    if (before) {
        put_character(&walk->open, before);
        put_character(&walk->open, c);
        end_word(walk);
    }
    walk->paired = before != 0;
    walk->ideograph = c;
}

static void take_letter(struct walk *walk, uint32_t c)
{
    static const struct {
        uint32_t from;
        const char *to;
    } pairs[] = {{0xc6, "ae"},  {0xe6, "ae"},  {0xde, "th"},  {0xfe, "th"}, {0xdf, "ss"},
                 {0x132, "ij"}, {0x133, "ij"}, {0x152, "oe"}, {0x153, "oe"}};

    if (c < 0xc0 || c > 0x17f) {
        put_character(&walk->open, small(c));
        return;
    }
    char plain = latin[c - 0xc0];
    if (plain != '?') {
        put_character(&walk->open, (uint32_t)plain);
        return;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].from == c) {
            put_character(&walk->open, (uint32_t)pairs[i].to[0]);
            put_character(&walk->open, (uint32_t)pairs[i].to[1]);
        }
}

void words_of(const char *text, size_t size, bool stem,
              void (*word)(void *arg, const char *text, size_t size), void *arg)
{
    struct walk walk = {.stem = stem, .word = word, .arg = arg, .open = {.ascii = true}};
    const uint8_t *at = (const uint8_t *)text, *end = at + size;

    while (at < end) {
        uint32_t c = next_character(&at, end);
        if (c < 0x80) {
            c = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
            bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
            end_ideographs(&walk);
            if (letter)
                put_character(&walk.open, c);
            else if (walk.open.size)
                end_word(&walk);
        } else if (is_ideograph(c)) {
            take_ideograph(&walk, c);
        } else if (is_gap(c)) {
            end_ideographs(&walk);
            end_word(&walk);
        } else if (!is_mark(c)) {
            end_ideographs(&walk);
            take_letter(&walk, c);
        }
    }
    end_ideographs(&walk);
    end_word(&walk);
}

/* Of questions and sentences, as they are when their endings are gone. */
bool word_is_common(const char *text, size_t size)
{
    static const char list[] =
        " a about all am an and ani are as at be been but bi by can could did do doe does doing "
        "don for from get had has have he her here his how i if in into is it its let many mani "
        "may "
        "me much must mi my no not of on one or our ours out pleas please s she should so some t "
        "tell "
        "than that the their them then there thei these they thi this those to too up us wa was we "
        "were what when where which who whi why will with would you your ";
    char word[16];

    if (size + 3 > sizeof word)
        return false;
    word[0] = ' ';
    memcpy(word + 1, text, size);
    word[size + 1] = ' ';
    word[size + 2] = 0;
    return strstr(list, word) != NULL;
}
