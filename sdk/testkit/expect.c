/* expect.c - sentences about what did not hold, and who is told. See expect.h. */
#include "expect.h"

#include <patchbay/memory.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENTENCE = 600, PART = 120 };

static void (*hook)(const pb_expect_end *end);

void pb_expect_hook(void (*ended)(const pb_expect_end *end))
{
    hook = ended;
}

static void tell(const pb_expect_end *end)
{
    if (hook)
        hook(end);
    else
        fprintf(stderr, "%s:%d: %s%s\n", end->file, end->line, end->skipped ? "skipped: " : "",
                end->sentence);
}

_Noreturn void pb_expect_failed(const char *file, int line, const char *format, ...)
{
    char sentence[SENTENCE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    tell(&(pb_expect_end){.file = file, .line = line, .sentence = sentence});
    abort();
}

void pb_expect_skipped(const char *file, int line, const char *format, ...)
{
    char sentence[SENTENCE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    tell(&(pb_expect_end){.file = file, .line = line, .skipped = true, .sentence = sentence});
}

/* A formatted sentence, so that the compare functions below differ in one line only. */
#define SAY(into, format)                                                                          \
    char into[SENTENCE / 2];                                                                       \
    va_list args;                                                                                  \
    va_start(args, format);                                                                        \
    (void)vsnprintf(into, sizeof into, format, args);                                              \
    va_end(args)

void pb_expect_int(const char *file, int line, const int64_t values[2], const char *format, ...)
{
    if (values[0] == values[1])
        return;
    SAY(what, format);
    pb_expect_failed(file, line, "%s is %lld and should be %lld", what, (long long)values[0],
                     (long long)values[1]);
}

/* Short enough for a sentence, in quotes. */
static const char *shown(pb_str text, char out[PART])
{
    if (!text.data)
        return "absent";
    (void)snprintf(out, PART, "'%.*s'%s", (int)(text.size < PART - 8 ? text.size : PART - 8),
                   text.data, text.size < PART - 8 ? "" : "...");
    return out;
}

void pb_expect_str(const char *file, int line, const pb_str values[2], const char *format, ...)
{
    char actual[PART], wanted[PART];

    if (pb_str_equal(values[0], values[1]) && !values[0].data == !values[1].data)
        return;
    SAY(what, format);
    pb_expect_failed(file, line, "%s is %s and should be %s", what, shown(values[0], actual),
                     shown(values[1], wanted));
}

void pb_expect_status(const char *file, int line, const pb_status values[2], const char *format,
                      ...)
{
    pb_str why = pb_error_last()->sentence;

    if (values[0] == values[1])
        return;
    SAY(what, format);
    if (values[0] == PB_OK || !why.size)
        pb_expect_failed(file, line, "%s gave '%s' and should give '%s'", what,
                         pb_status_name(values[0]), pb_status_name(values[1]));
    pb_expect_failed(file, line, "%s gave '%s' (%.*s) and should give '%s'", what,
                     pb_status_name(values[0]), (int)(why.size < 200 ? why.size : 200), why.data,
                     pb_status_name(values[1]));
}
