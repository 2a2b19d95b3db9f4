/* held.c - text of a reply that may go to the client, and what must wait for the next token. */
#include "llamacpp.h"

void held_add(struct held *held, const char *text, size_t size)
{
    memmove(held->text, held->text + held->gone, held->size - held->gone);
    held->size -= held->gone;
    held->gone = 0;
    if (size > sizeof held->text - held->size)
        size = sizeof held->text - held->size;
    memcpy(held->text + held->size, text, size);
    held->size += size;
}

/* How many bytes at the end are the beginning of a character that is not whole. */
static size_t half_character(const char *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char byte = (unsigned char)text[size - back];
        if (byte >= 0xC0) {
            size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
            return back < whole ? back : 0;
        }
        if (byte < 0x80)
            return 0;
    }
    return 0;
}

/* How many bytes at the end may become this word. */
static size_t half_word(const char *text, size_t size, pb_str word)
{
    for (size_t length = word.size - 1 < size ? word.size - 1 : size; length; length--)
        if (memcmp(text + size - length, word.data, length) == 0)
            return length;
    return 0;
}

/* A token of one byte alone may be what no character is. */
static bool is_character(const char *text, size_t size)
{
    unsigned char first = (unsigned char)text[0];
    size_t whole = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;

    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || whole > size)
        return false;
    for (size_t i = 1; i < whole; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return false;
    return true;
}

/* What is no UTF-8 becomes '?': an event's text always is. */
static void mend(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_character(text + i, size - i))
            text[i] = '?';
        else
            while (i + 1 < size && ((unsigned char)text[i + 1] & 0xC0) == 0x80)
                i++;
    }
}

pb_str held_take(struct held *held, bool last)
{
    size_t end = held->size;

    for (size_t i = 0; i < held->wish->stop_count; i++) {
        pb_str word = held->wish->stops[i];
        char *found = memmem(held->text, held->size, word.data, word.size);
        if (found && (size_t)(found - held->text) < end) {
            end = (size_t)(found - held->text);
            held->stopped = word;
        }
    }
    if (!held->stopped.data && !last) {
        size_t wait = half_character(held->text, held->size);
        for (size_t i = 0; i < held->wish->stop_count; i++) {
            size_t more = half_word(held->text, held->size, held->wish->stops[i]);
            wait = more > wait ? more : wait;
        }
        end = held->size - wait;
    }
    held->gone = end;
    mend(held->text, end);
    return pb_str_make(held->text, end);
}
