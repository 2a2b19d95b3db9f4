/* trace_context.c - see trace_context.h. */
#include "base/trace_context.h"

enum { ID_AT = 3, SPAN_AT = 36, FLAGS_AT = 53 };

/* Small letters alone, as the standard has it. */
static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex digits, and, where it is an id, not only zeros. */
static bool hex(const char *text, size_t size, bool id)
{
    bool zero = true;

    for (size_t i = 0; i < size; i++) {
        if (digit(text[i]) < 0)
            return false;
        zero = zero && text[i] == '0';
    }
    return !(id && zero);
}

bool trace_context_valid(pb_str text)
{
    const char *at = text.data;

    if (text.size < TRACE_CONTEXT_SIZE || !hex(at, 2, false) || (at[0] == 'f' && at[1] == 'f'))
        return false;
    bool first = at[0] == '0' && at[1] == '0';
    if (text.size > TRACE_CONTEXT_SIZE && (first || at[TRACE_CONTEXT_SIZE] != '-'))
        return false;
    return at[2] == '-' && hex(at + ID_AT, TRACE_ID_SIZE, true) && at[SPAN_AT - 1] == '-' &&
           hex(at + SPAN_AT, TRACE_SPAN_SIZE, true) && at[FLAGS_AT - 1] == '-' &&
           hex(at + FLAGS_AT, 2, false);
}

void trace_context_write(pb_str from, const char *id, const char *span,
                         char out[TRACE_CONTEXT_SIZE])
{
    bool sampled = from.size && digit(from.data[FLAGS_AT + 1]) & 1;

    memcpy(out, "00-", 3);
    memcpy(out + ID_AT, from.size ? from.data + ID_AT : id, TRACE_ID_SIZE);
    out[SPAN_AT - 1] = '-';
    memcpy(out + SPAN_AT, span, TRACE_SPAN_SIZE);
    memcpy(out + FLAGS_AT - 1, sampled ? "-01" : "-00", 3);
}
