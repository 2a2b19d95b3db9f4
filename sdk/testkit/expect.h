/* expect.h - what a test or a suite expects, said as a sentence: it names what was done, and the
 * macro adds what came of it and what would be right.
 *
 *     EXPECT_OK(pb_cache_set(cache, key, value, NULL), "set of a value of %zu bytes", value.size);
 *     EXPECT_INT(sum, 5, "the sum after an increment by 5");
 *
 * The first that does not hold ends the test: in Check with suite.h as any assertion does, in
 * `patchbay conform` the case; without either of them it is printed and the process aborts.
 */
#ifndef PATCHBAY_EXPECT_H
#define PATCHBAY_EXPECT_H

#include <patchbay/types.h>

#pragma GCC visibility push(default)

/* How a test ends early. */
typedef struct pb_expect_end {
    const char *file;
    int line;
    bool skipped; /* there is nothing to look at here; the sentence says why */
    const char *sentence;
} pb_expect_end;

/* Who is told; it must not return unless `skipped`. Without one: standard error, then abort() of
 * what failed. */
void pb_expect_hook(void (*ended)(const pb_expect_end *end));

_Noreturn void pb_expect_failed(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void pb_expect_skipped(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Each compares and ends the test with "<sentence> is 3 and should be 5". */
void pb_expect_int(const char *file, int line, const int64_t values[2], const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void pb_expect_str(const char *file, int line, const pb_str values[2], const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "<sentence> gave 'internal' (its error) and should give 'ok'". */
void pb_expect_status(const char *file, int line, const pb_status values[2], const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

#pragma GCC visibility pop

/* EXPECT(condition, sentence, …): the sentence says what is wrong when it does not hold. */
#define EXPECT(condition, ...)                                                                     \
    ((condition) ? (void)0 : pb_expect_failed(__FILE__, __LINE__, __VA_ARGS__))
#define EXPECT_INT(actual, wanted, ...)                                                            \
    pb_expect_int(__FILE__, __LINE__, (const int64_t[2]){(int64_t)(actual), (int64_t)(wanted)},    \
                  __VA_ARGS__)
/* Two pb_str, or one and a literal: EXPECT_STR(text, pb_lit("red"), "the colour"). */
#define EXPECT_STR(actual, wanted, ...)                                                            \
    pb_expect_str(__FILE__, __LINE__, (const pb_str[2]){(actual), (wanted)}, __VA_ARGS__)
#define EXPECT_STATUS(actual, wanted, ...)                                                         \
    pb_expect_status(__FILE__, __LINE__, (const pb_status[2]){(actual), (wanted)}, __VA_ARGS__)
#define EXPECT_OK(status, ...) EXPECT_STATUS(status, PB_OK, __VA_ARGS__)
/* Ends a case without a failure: returns from the function that it stands in. */
#define EXPECT_SKIP(...)                                                                           \
    do {                                                                                           \
        pb_expect_skipped(__FILE__, __LINE__, __VA_ARGS__);                                        \
        return;                                                                                    \
    } while (0)

#endif
