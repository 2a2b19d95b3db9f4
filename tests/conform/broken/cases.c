/* cases.c - plugins that break no numbered rule and still must not pass: each MODE one of them
 * (cases.py). MODE 0 is fine. */
#include <patchbay/stage.h>
#include <stdlib.h>
#include <unistd.h>

enum { FINE, UNCHECKED, LEAK, GROWS, HANG, DEEP, OPTION, START, FIRST_ONLY, UNCHECKED_MALLOC };

struct broken {
    int64_t count;
    pb_str word;
    char *held;
};

static const pb_field broken_options[] = {
    PB_INT(struct broken, count, .def = "1", .min = 0, .max = 9, .help = "A number."),
    PB_STR(struct broken, word, .def = "word", .help = "A text."), PB_END};

#ifdef CONSTRUCTS
__attribute__((constructor)) static void early(void)
{
    if (getenv("NOBODY_SETS_THIS"))
        abort();
}
#endif

static volatile char *volatile nowhere = (volatile char *)8;

static pb_status broken_create(void *self)
{
    struct broken *broken = self;

    if (MODE == LEAK)
        broken->held = malloc(64);
    if (MODE == OPTION && broken->count == 9)
        *nowhere = 1;
    if (MODE == START && broken->word.size > 1000)
        return PB_INVALID;
    return PB_OK;
}

/* By a pointer: a compiler folds what calls itself. */
static int64_t deep(int64_t depth);
static int64_t (*volatile deeper)(int64_t) = deep;

static int64_t deep(int64_t depth)
{
    volatile char room[16 * 1024];

    for (size_t i = 0; i < sizeof room; i += 64)
        room[i] = (char)depth;
    return depth ? deeper(depth - 1) + room[0] : room[64];
}

static pb_status broken_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct broken *broken = self;

    if (MODE == UNCHECKED)
        *(char *)pb_alloc(10) = 1;
    if (MODE == UNCHECKED_MALLOC) {
        volatile char *memory = malloc(10);
        *memory = 1;
        free((void *)(uintptr_t)memory);
    }
    if (MODE == GROWS)
        broken->held = realloc(NULL, 4096);
    if (MODE == HANG)
        for (;;)
            if (pb_step() == PB_NOT_FOUND)
                break;
    if (MODE == DEEP && deeper(13) == 1)
        return pb_run_next(next, turn);
    if (MODE == FIRST_ONLY && broken->count-- < 1)
        return pb_fail(PB_CONFLICT, "it works once");
    return pb_run_next(next, turn);
}

PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Broken on purpose.",
          PB_STAGE("broken", struct broken, broken_options, .create = broken_create,
                   .run = broken_run));

#ifdef EXPORTS
PB_EXPORT int broken_helper(void);

int broken_helper(void)
{
    return MODE;
}
#endif
