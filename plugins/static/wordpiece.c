/* wordpiece.c - from bytes to tokens in one pass. What becomes of a character stands in the model;
 * here is only what cannot: UTF-8, Hangul, and the longest match. */
#include "wordpiece.h"

/* --- pieces of one word ----------------------------------------------------------------------- */

/* The longest token that `text` begins with; `more`: it continues a word. */
static int32_t longest(const struct model *model, pb_str text, bool more, size_t *size)
{
    uint32_t hashes[MODEL_TOKEN + 1];
    uint8_t bytes[MODEL_TOKEN + 2];
    size_t prefix = more ? 2 : 0;
    size_t most = text.size < MODEL_TOKEN - prefix ? text.size : MODEL_TOKEN - prefix;

    memcpy(bytes, "##", 2);
    memcpy(bytes + prefix, text.data, most);
    hashes[0] = MODEL_HASH;
    for (size_t i = 0; i < most + prefix; i++)
        hashes[i + 1] = model_hash(hashes[i], bytes[i]);
    for (*size = most; *size; --*size) {
        pb_str part = pb_str_make((const char *)bytes, prefix + *size);
        int32_t token = model_find(model, hashes[prefix + *size], part);
        if (token != MODEL_NONE)
            return token;
    }
    return MODEL_NONE;
}

/* The word that was read, as tokens; a word with a part that is no token is unknown as a whole. */
static size_t end_word(struct wordpiece *reader, uint32_t *tokens)
{
    pb_str rest = pb_str_make((const char *)reader->word, reader->size);
    size_t count = 0, size = 0;
    bool fits = reader->characters <= MODEL_WORD;

    reader->size = reader->characters = 0;
    if (!rest.size)
        return 0;
    while (fits && rest.size) {
        int32_t token = longest(reader->model, rest, count > 0, &size);
        fits = token != MODEL_NONE;
        tokens[count++] = (uint32_t)token;
        rest = pb_str_slice(rest, size, rest.size);
    }
    if (fits)
        return count;
    tokens[0] = (uint32_t)reader->model->unknown;
    return 1;
}

/* --- characters ------------------------------------------------------------------------------- */

static void add_bytes(struct wordpiece *reader, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        reader->characters += (bytes[i] & 0xc0) != 0x80;
        if (reader->characters <= MODEL_WORD)
            reader->word[reader->size++] = bytes[i];
    }
}

/* The character at `at`; a byte that is not UTF-8 counts as U+FFFD, which is dropped. */
static uint32_t decode(const uint8_t *at, const uint8_t *end, size_t *size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = *at;
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? first : first & (0x7fu >> length);

    *size = 1;
    if (!length || first > 0xf4 || (size_t)(end - at) < length)
        return 0xfffd;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0xfffd;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0xfffd;
    *size = length;
    return code;
}

/* A Hangul syllable is two or three letters (The Unicode Standard, 3.12). */
static void add_hangul(struct wordpiece *reader, uint32_t code)
{
    uint32_t syllable = code - 0xac00;
    uint32_t letters[] = {0x1100 + syllable / 588, 0x1161 + syllable % 588 / 28,
                          0x11a7 + syllable % 28};

    for (size_t i = 0; i < (syllable % 28 ? 3u : 2u); i++) {
        uint8_t bytes[] = {(uint8_t)(0xe0 | letters[i] >> 12),
                           (uint8_t)(0x80 | (letters[i] >> 6 & 0x3f)),
                           (uint8_t)(0x80 | (letters[i] & 0x3f))};
        add_bytes(reader, bytes, sizeof bytes);
    }
}

/* Reads one character; gives the tokens of the words that it ended. */
static size_t take(struct wordpiece *reader, uint32_t *tokens)
{
    const struct model *model = reader->model;
    const uint8_t *from = reader->at;
    size_t size, count = 0;
    uint32_t code = decode(from, reader->end, &size);
    uint32_t what = model->pages[(size_t)model->index[code >> 8] << 8 | (code & 255)];
    bool alone = what == CHARACTER_ALONE;

    reader->at += size;
    if (what >= CHARACTER_REPLACED) {
        const uint8_t *replaced = model->replacements + (what - CHARACTER_REPLACED) / 2;
        alone = (what - CHARACTER_REPLACED) % 2;
        size = *replaced;
        from = replaced + 1;
    }
    if (what == CHARACTER_DROP)
        return 0;
    if (alone || what == CHARACTER_SPACE)
        count = end_word(reader, tokens);
    if (what == CHARACTER_SPACE)
        return count;
    if (code >= 0xac00 && code < 0xd7a4)
        add_hangul(reader, code);
    else
        add_bytes(reader, from, size);
    return alone ? count + end_word(reader, tokens + count) : count;
}

size_t wordpiece_next(struct wordpiece *reader, uint32_t tokens[WORDPIECE_ROOM])
{
    size_t count = 0;

    while (reader->at < reader->end && count < WORDPIECE_ROOM - 2 * WORDPIECE_WORD) {
        uint8_t c = *reader->at;
        /* Most of most texts: a small letter or a digit of ASCII needs no table. */
        if (((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) && reader->characters < MODEL_WORD) {
            reader->word[reader->size++] = c;
            reader->characters++;
            reader->at++;
        } else {
            count += take(reader, tokens + count);
        }
    }
    if (reader->at == reader->end)
        count += end_word(reader, tokens + count);
    return count;
}
