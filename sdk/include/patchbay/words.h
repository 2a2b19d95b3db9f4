/* words.h - the words of a text as a search sees them: folded, without their endings, the common
 * ones marked. For stages and models that compare a question with passages by its words.
 *
 *     size_t at = 0;
 *     pb_word word;
 *     while (pb_word_next(text, &at, &word))
 *         … word.key, word.common …
 *
 * Endings and common words are English; in other languages words are compared as they are written,
 * and where no spaces stand between them (Chinese, Japanese, Korean) each character is a word.
 * Nothing here allocates or parks. Any thread.
 */
#ifndef PATCHBAY_WORDS_H
#define PATCHBAY_WORDS_H

#include <patchbay/types.h>

/* `text` as it stands in the text; equal keys mean the same word ("stopping", "Stop"). */
typedef struct pb_word {
    pb_str text;
    uint64_t key;
    bool common; /* "the", "how": says nothing about what a text is about */
} pb_word;

enum {
    PB_WORD_MOST = 48
}; /* bytes that are looked at; of longer words only the beginning counts */

/* The character at text.data[at] and how many bytes it takes; malformed bytes are characters too.
 */
static inline uint32_t pb_word_character(pb_str text, size_t at, size_t *bytes)
{
    const unsigned char *from = (const unsigned char *)text.data + at;
    size_t left = text.size - at, want = from[0] < 0xC0   ? 1
                                         : from[0] < 0xE0 ? 2
                                         : from[0] < 0xF0 ? 3
                                                          : 4;
    uint32_t code = want == 1 ? from[0] : (uint32_t)(from[0] & (0xFF >> (want + 1)));

    *bytes = 1;
    if (want > left)
        return 0;
    for (size_t i = 1; i < want; i++) {
        if ((from[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (from[i] & 0x3F);
    }
    *bytes = want;
    return code;
}

/* A character that is a word by itself. */
static inline bool pb_word_is_sign(uint32_t code)
{
    return (code >= 0x3040 && code <= 0x30FF) || (code >= 0x3400 && code <= 0x9FFF) ||
           (code >= 0xAC00 && code <= 0xD7AF) || (code >= 0xF900 && code <= 0xFAFF) ||
           (code >= 0x20000 && code <= 0x3FFFF);
}

static inline bool pb_word_is_letter(uint32_t code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z');
    return code >= 0xC0 && code != 0xD7 && code != 0xF7 && !(code >= 0x2000 && code <= 0x2BFF) &&
           !(code >= 0x3000 && code <= 0x303F) && !(code >= 0xFE00 && code <= 0xFF0F) &&
           code != 0xFFFD;
}

/* The small letter of a capital one: Latin, Greek, Cyrillic. */
static inline uint32_t pb_word_small(uint32_t code)
{
    if ((code >= 'A' && code <= 'Z') || (code >= 0xC0 && code <= 0xDE) ||
        (code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F))
        return code + 32;
    if (code >= 0x400 && code <= 0x40F)
        return code + 80;
    return code >= 0x100 && code <= 0x137 ? code | 1 : code;
}

static inline size_t pb_word_put(char *to, size_t size, uint32_t code)
{
    if (code < 0x80) {
        to[size++] = (char)code;
    } else if (code < 0x800) {
        to[size++] = (char)(0xC0 | code >> 6);
        to[size++] = (char)(0x80 | (code & 0x3F));
    } else {
        if (code >= 0x10000)
            to[size++] = (char)(0xF0 | code >> 18);
        to[size++] = (char)((code >= 0x10000 ? 0x80 : 0xE0) | (code >> 12 & 0x3F));
        to[size++] = (char)(0x80 | (code >> 6 & 0x3F));
        to[size++] = (char)(0x80 | (code & 0x3F));
    }
    return size;
}

static inline bool pb_word_is_common(const char *word, size_t size)
{
    /* In the order of their letters. */
    static const char *const words[] = {
        "a",       "about",    "actually", "after",   "again",     "all",      "already",
        "also",    "am",       "an",       "and",     "another",   "any",      "anybody",
        "anyone",  "anything", "are",      "as",      "at",        "be",       "become",
        "becomes", "been",     "before",   "being",   "both",      "but",      "by",
        "can",     "could",    "did",      "do",      "does",      "doing",    "done",
        "each",    "either",   "else",     "every",   "everybody", "everyone", "exactly",
        "explain", "for",      "from",     "get",     "gets",      "give",     "given",
        "go",      "goes",     "got",      "had",     "happen",    "happened", "happens",
        "has",     "have",     "having",   "he",      "hello",     "help",     "her",
        "here",    "hi",       "him",      "his",     "how",       "i",        "if",
        "in",      "into",     "is",       "it",      "its",       "just",     "kind",
        "know",    "let",      "like",     "ll",      "long",      "look",     "make",
        "makes",   "many",     "may",      "me",      "mean",      "means",    "might",
        "more",    "most",     "much",     "must",    "my",        "need",     "needs",
        "no",      "nobody",   "not",      "now",     "of",        "off",      "often",
        "ok",      "on",       "once",     "one",     "only",      "or",       "other",
        "others",  "our",      "out",      "own",     "per",       "please",   "possible",
        "re",      "s",        "same",     "say",     "several",   "shall",    "she",
        "should",  "show",     "so",       "some",    "somebody",  "someone",  "something",
        "soon",    "still",    "such",     "t",       "take",      "takes",    "tell",
        "than",    "that",     "the",      "their",   "them",      "then",     "there",
        "these",   "they",     "thing",    "things",  "this",      "those",    "to",
        "too",     "us",       "use",      "used",    "uses",      "using",    "ve",
        "very",    "want",     "was",      "way",     "ways",      "we",       "were",
        "what",    "when",     "where",    "whether", "which",     "while",    "who",
        "whom",    "whose",    "why",      "will",    "with",      "without",  "work",
        "works",   "would",    "yes",      "yet",     "you",       "your",
    };
    size_t from = 0, to = sizeof words / sizeof *words;

    while (from < to) {
        size_t middle = (from + to) / 2, length = strlen(words[middle]);
        int order = memcmp(words[middle], word, length < size ? length : size);
        if (order == 0 && length == size)
            return true;
        if (order < 0 || (order == 0 && length < size))
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

static inline bool pb_word_ends(const char *word, size_t size, const char *ending, size_t least)
{
    size_t length = strlen(ending);
    return size >= length + least && memcmp(word + size - length, ending, length) == 0;
}

static inline bool pb_word_has_vowel(const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memchr("aeiouy", word[i], 6))
            return true;
    return false;
}

static inline size_t pb_word_singular(const char *word, size_t size)
{
    if (pb_word_ends(word, size, "sses", 1) || pb_word_ends(word, size, "ches", 2) ||
        pb_word_ends(word, size, "shes", 2) || pb_word_ends(word, size, "xes", 2))
        return size - 2;
    if (pb_word_ends(word, size, "s", 3) && !pb_word_ends(word, size, "ss", 0) &&
        !pb_word_ends(word, size, "us", 0) && !pb_word_ends(word, size, "is", 0))
        return size - 1;
    return size;
}

/* How many bytes of an English word are left without its ending; "ies" and "ied" become "y". */
static inline size_t pb_word_stem(char *word, size_t size)
{
    if (pb_word_ends(word, size, "ies", 2) || pb_word_ends(word, size, "ied", 2)) {
        word[size - 3] = 'y';
        size -= 2;
    } else {
        size = pb_word_singular(word, size);
    }
    size_t ending = pb_word_ends(word, size, "ing", 2)     ? 3
                    : pb_word_ends(word, size, "ed", 2)    ? 2
                    : pb_word_ends(word, size, "ation", 4) ? 5
                    : pb_word_ends(word, size, "ly", 4)    ? 2
                                                           : 0;
    if (ending && pb_word_has_vowel(word, size - ending)) {
        size -= ending;
        if (size > 3 && word[size - 1] == word[size - 2] && !memchr("lsz", word[size - 1], 3))
            size--;
    }
    return pb_word_ends(word, size, "e", 2) ? size - 1 : size;
}

static inline uint64_t pb_word_key(const char *word, size_t size)
{
    uint64_t key = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        key = (key ^ (unsigned char)word[i]) * 1099511628211u;
    return key;
}

/* The next word from *at on, which is moved behind it. False: there is none. */
static inline bool pb_word_next(pb_str text, size_t *at, pb_word *out)
{
    char word[PB_WORD_MOST + 4];
    size_t size = 0, from = 0, bytes = 1;
    bool ascii = true, sign = false;

    for (; *at < text.size && !sign; *at += bytes) {
        uint32_t code = pb_word_character(text, *at, &bytes);
        sign = pb_word_is_sign(code);
        if (!pb_word_is_letter(code) || (sign && size)) {
            if (size)
                break;
            continue;
        }
        if (!size)
            from = *at;
        if (size < PB_WORD_MOST)
            size = pb_word_put(word, size, pb_word_small(code));
        ascii = ascii && code < 0x80;
    }
    if (!size)
        return false;
    out->text = pb_str_make(text.data + from, *at - from);
    out->common = ascii && pb_word_is_common(word, size);
    out->key = pb_word_key(word, ascii ? pb_word_stem(word, size) : size);
    return true;
}

#endif
