/* quote.c - the few words of a passage that show why it was found: the line or sentence with most
 * of the question's words. It stands in the passage as it is quoted. */
#include "retrieve.h"

/* Ends a sentence here? At a blank line, a line that begins anew, or a full stop before white
 * space. */
static bool ends(pb_str text, size_t at)
{
    char byte = text.data[at];

    if (at + 1 == text.size)
        return true;
    if (byte == '\n')
        return strchr("\n-*#|>`0123456789", text.data[at + 1]) != NULL;
    return (byte == '.' || byte == '!' || byte == '?') &&
           (text.data[at + 1] == ' ' || text.data[at + 1] == '\n');
}

static size_t shared(pb_str sentence, const pb_question_words *asked)
{
    bool seen[PB_QUESTION_TERMS] = {false};
    size_t at = 0, count = 0;
    pb_word word;

    while (pb_word_next(sentence, &at, &word))
        for (size_t i = 0; i < asked->count; i++)
            if (asked->words[i].key == word.key && !seen[i]) {
                seen[i] = true;
                count++;
            }
    return count;
}

/* Not in the middle of a word, nor of a character. */
static pb_str shorten(pb_str text, size_t most)
{
    size_t at = most;

    if (text.size <= most)
        return text;
    while (at && text.data[at] != ' ' && text.data[at] != '\n')
        at--;
    if (!at)
        for (at = most; at && ((unsigned char)text.data[at] & 0xC0) == 0x80; at--)
            ;
    return pb_str_trim(pb_str_slice(text, 0, at));
}

pb_str quote_of(pb_str text, pb_str question, size_t most)
{
    pb_question_words asked = {.count = 0};
    pb_str best = {0};
    size_t most_shared = 0, from = 0;

    pb_question_gather(&asked, question);
    for (size_t at = 0; at < text.size; at++) {
        if (!ends(text, at))
            continue;
        pb_str sentence = pb_str_trim(pb_str_slice(text, from, at + 1 - from));
        size_t count = shared(sentence, &asked);
        if (sentence.size > 20 && (!best.size || count > most_shared)) {
            best = sentence;
            most_shared = count;
        }
        from = at + 1;
    }
    return shorten(best.size ? best : pb_str_trim(text), most);
}
