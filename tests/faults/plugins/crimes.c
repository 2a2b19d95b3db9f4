/* crimes.c - a stage that does what a plugin must not, when the question ends with "now!"; else it
 * is as good as not there. The worker may end by it; nobody else may notice. */
#include <patchbay/pipeline.h>
#include <patchbay/stage.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { MEBIBYTE = 1 << 20, LEAKED = 1 };

struct crime {
    int32_t what; /* index into crimes */
};

static bool tempted(pb_turn *turn)
{
    static const pb_str word = PB_LIT("now!");
    const pb_message *question = pb_turn_question(turn);
    pb_str text = question ? question->text : (pb_str)PB_LIT("");
    return text.size >= word.size &&
           pb_str_equal(pb_str_make(text.data + text.size - word.size, word.size), word);
}

/* --- ends of the process --------------------------------------------------------------------- */

static int *volatile nowhere;

static pb_status crash(pb_turn *turn, const pb_next *next)
{
    *nowhere = 1;
    return pb_run_next(next, turn);
}

static pb_status give_up(pb_turn *turn, const pb_next *next)
{
    abort();
    return pb_run_next(next, turn);
}

static pb_status divide(pb_turn *turn, const pb_next *next)
{
    raise(SIGFPE);
    return pb_run_next(next, turn);
}

static pb_status leave(pb_turn *turn, const pb_next *next)
{
    exit(0);
    return pb_run_next(next, turn);
}

static pb_status leave_in_anger(pb_turn *turn, const pb_next *next)
{
    _exit(3);
    return pb_run_next(next, turn);
}

static volatile unsigned depth;

static unsigned fall(unsigned from) /* NOLINT(misc-no-recursion) */
{
    volatile unsigned char room[1024];
    room[from % sizeof room] = (unsigned char)from;
    depth = from;
    return from ? fall(from + 1) + room[0] : 0;
}

static pb_status overflow(pb_turn *turn, const pb_next *next)
{
    depth = fall(1);
    return pb_run_next(next, turn);
}

/* --- holding what belongs to all ------------------------------------------------------------- */

static pb_status loop(pb_turn *turn, const pb_next *next)
{
    for (volatile unsigned rounds = 0;; rounds = rounds + 1) {
    }
    return pb_run_next(next, turn);
}

static pb_status stop(pb_turn *turn, const pb_next *next)
{
    raise(SIGSTOP);
    return pb_run_next(next, turn);
}

static pb_status block(pb_turn *turn, const pb_next *next)
{
    usleep(300000);
    return pb_run_next(next, turn);
}

static void *volatile leaked;

static pb_status leak(pb_turn *turn, const pb_next *next)
{
    char *memory = malloc((size_t)LEAKED * MEBIBYTE);
    for (size_t at = 0; memory && at < (size_t)LEAKED * MEBIBYTE; at += 4096)
        memory[at] = 1;
    leaked = memory;
    return pb_run_next(next, turn);
}

static pb_status close_all(pb_turn *turn, const pb_next *next)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    (void)pb_sleep(PB_MILLISECOND);
    return pb_run_next(next, turn);
}

static pb_status open_all(pb_turn *turn, const pb_next *next)
{
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    return pb_run_next(next, turn);
}

/* --- breaking the turn's contract ------------------------------------------------------------ */

/* The end of the turn is said twice by somebody who has no business to say it. */
static pb_status finish_twice(pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_run_next(next, turn);
    pb_event finish = pb_event_make(PB_EVENT_FINISH), done = pb_event_make(PB_EVENT_DONE);
    finish.finish = done.finish = PB_FINISH_STOP;
    for (int i = 0; i < 2; i++) {
        (void)pb_emit(turn, &finish);
        (void)pb_emit(turn, &done);
    }
    pb_error_clear();
    return status;
}

static pb_status swallow(pb_sink *sink, const pb_event *event)
{
    (void)sink, (void)event;
    return PB_OK;
}

/* What comes is thrown away, and the sink with it. */
static pb_status throw_away(pb_turn *turn, const pb_next *next)
{
    pb_sink *sink = malloc(sizeof *sink);
    if (!sink)
        return PB_NO_MEMORY;
    *sink = (pb_sink){.size = (uint32_t)sizeof *sink, .emit = swallow};
    pb_status status = pb_run_next_with(next, turn, sink);
    memset(sink, 0xdb, sizeof *sink);
    free(sink);
    return status;
}

static pb_sink *volatile kept;

static pb_status speak_late(void *arg)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);
    (void)arg;
    event.text = pb_lit("too late");
    (void)pb_sleep(100 * PB_MILLISECOND); /* told to end or not */
    return pb_sink_emit(kept, &event);
}

/* A task that nobody joins speaks into the sink of a turn that is over. */
static pb_status keep(pb_turn *turn, const pb_next *next)
{
    pb_task *task;
    kept = pb_turn_sink(turn);
    (void)pb_spawn(speak_late, NULL, &task);
    return pb_run_next(next, turn);
}

/* --- the stage ------------------------------------------------------------------------------- */

static pb_status (*const crimes[])(pb_turn *, const pb_next *) = {
    crash, give_up, divide,    leave,    leave_in_anger, overflow,   loop, stop,
    block, leak,    close_all, open_all, finish_twice,   throw_away, keep,
};

static const pb_field options[] = {
    PB_ENUM(struct crime, what, .required = 1,
            .values =
                PB_VALUES("crash", "abort", "divide", "exit", "exit-3", "overflow", "loop", "stop",
                          "block", "leak", "close", "open", "finish-twice", "throw-away", "keep"),
            .help = "What it does."),
    PB_END,
};

static pb_status crime_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct crime *crime = self;
    return tempted(turn) ? crimes[crime->what](turn, next) : pb_run_next(next, turn);
}

PB_PLUGIN("crimes", "1.0.0", "Apache-2.0", "Does what a plugin must not do.",
          PB_STAGE("crime", struct crime, options, .run = crime_run));
