/* cut.c - where a long reply is broken into messages: between paragraphs, lines, sentences or words. */
#include "telegram.h"

/* Bytes of the first LONGEST units; Telegram counts those of UTF-16. */
static size_t longest(pb_str text)
{
    size_t units = 0, at = 0;

    while (at < text.size) {
        unsigned char c = (unsigned char)text.data[at];
        size_t bytes = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        units += c >= 0xF0 ? 2 : 1;
        if (units > LONGEST)
            break;
        at += bytes < text.size - at ? bytes : text.size - at;
    }
    return at;
}

/* Behind the last `mark` of the text, or 0 when that is too far in front to be a good place. */
static size_t behind_last(pb_str text, const char *mark)
{
    size_t size = strlen(mark);

    for (size_t at = text.size; at >= size && at > text.size / 4; at--)
        if (memcmp(text.data + at - size, mark, size) == 0)
            return at;
    return 0;
}

size_t cut_place(pb_str text)
{
    static const char *const marks[] = {"\n\n", "\n", ". ", "! ", "? ", " "};
    pb_str first = pb_str_slice(text, 0, longest(text));

    if (first.size == text.size)
        return text.size;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at = behind_last(first, marks[i]);
        if (at)
            return at;
    }
    return first.size;
}
