/* runner.c - one process per case, and the report.
 *
 * A case is a fork of this process, which itself never opens the plugin. What the case says comes
 * through a pipe; what it prints to standard error is kept: the testkit's last words and breaches
 * that the host logged are part of the report.
 */
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 300, MOST_OUTPUT = 256 * 1024 };

struct runner {
    const struct target *target;
    const struct manifest_component *component; /* of the cases that are walked now */
    char title[200];                            /* "stage 'shout'" */
    char unloadable[400];                       /* why no component can be tried */
    unsigned passed, failed, skipped;
    pb_json_writer *writer; /* --json */
};

/* Seconds for one case; a slow machine, or Valgrind, needs more. */
static unsigned limit(void)
{
    const char *given = getenv("PATCHBAY_CONFORM_LIMIT");
    long seconds = given ? strtol(given, NULL, 10) : 0;

    return seconds > 0 && seconds < 100000 ? (unsigned)seconds : LIMIT;
}

/* What came of one case. */
struct verdict {
    char how; /* 'O', 'F', 'S' */
    char sentence[2048];
};

/* A growing text. */
struct output {
    char *data;
    size_t size;
};

static void read_into(struct output *output, int fd, bool *open_still)
{
    char piece[4096];
    ssize_t got = read(fd, piece, sizeof piece);

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        *open_still = false;
        return;
    }
    if (output->size + (size_t)got > MOST_OUTPUT)
        return;
    char *more = realloc(output->data, output->size + (size_t)got + 1);
    if (!more)
        return;
    memcpy(more + output->size, piece, (size_t)got);
    output->data = more;
    output->size += (size_t)got;
    more[output->size] = 0;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

/* Reads both pipes to their ends; a process that ignores its own limit is killed. */
static void follow(pid_t child, int report, int errors, struct output out[2])
{
    bool open_still[2] = {true, true};
    int patience = (int)(limit() + 10) * 1000;

    while (open_still[0] || open_still[1]) {
        struct pollfd wait[2] = {{open_still[0] ? report : -1, POLLIN, 0},
                                 {open_still[1] ? errors : -1, POLLIN, 0}};
        int ready = poll(wait, 2, patience);
        if (ready < 0 && errno == EINTR && !interrupted)
            continue;
        if (ready <= 0) {
            kill(child, SIGKILL);
            return;
        }
        if (wait[0].revents)
            read_into(&out[0], report, &open_still[0]);
        if (wait[1].revents)
            read_into(&out[1], errors, &open_still[1]);
    }
}

/* Cuts off what a line of the log carries behind its sentence: " turn=… instance=subject". */
static void cut_context(char *sentence)
{
    static const char *const names[] = {" turn=", " request=", " stage=", " instance=", " trace="};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *at = strstr(sentence, names[i]);
        if (at)
            *at = 0;
    }
}

/* From `start` in the output to the end of its line. */
static bool quote(struct verdict *verdict, const char *output, const char *start)
{
    const char *at = output ? strstr(output, start) : NULL;

    if (!at)
        return false;
    (void)snprintf(verdict->sentence, sizeof verdict->sentence, "%.*s", (int)strcspn(at, "\n"), at);
    verdict->how = 'F';
    return true;
}

/* A breach that the host logged: "contract 9: llm 'main' …". */
static bool quote_breach(struct verdict *verdict, const char *output)
{
    char start[32];

    for (int rule = 1; rule < 20; rule++) {
        (void)snprintf(start, sizeof start, "contract %d: ", rule);
        if (!quote(verdict, output, start))
            continue;
        cut_context(verdict->sentence);
        return true;
    }
    return false;
}

static void judge(struct verdict *verdict, int how, const struct output out[2])
{
    const char *report = out[0].data, *errors = out[1].data;

    *verdict = (struct verdict){.how = 'O'};
    if (report && (report[0] == 'F' || report[0] == 'S')) {
        verdict->how = report[0];
        (void)snprintf(verdict->sentence, sizeof verdict->sentence, "%s", report + 1);
    }
    if (verdict->how == 'F' && strncmp(verdict->sentence, "contract ", 9) == 0)
        return;
    if (quote_breach(verdict, errors) || quote(verdict, errors, "SUMMARY: ") ||
        quote(verdict, errors, "runtime error: "))
        return;
    bool well = WIFEXITED(how) && WEXITSTATUS(how) == 0;
    if (!well && quote(verdict, errors, "testkit: "))
        return;
    if (well || verdict->how == 'F')
        return;
    verdict->how = 'F';
    if (WIFSIGNALED(how))
        (void)snprintf(verdict->sentence, sizeof verdict->sentence, "ended by SIG%s",
                       sigabbrev_np(WTERMSIG(how)));
    else
        (void)snprintf(verdict->sentence, sizeof verdict->sentence,
                       "its process exited with code %d in the middle of the case",
                       WEXITSTATUS(how));
}

_Noreturn static void be_child(const struct runner *runner, const struct conform_case *test,
                               int report, int errors)
{
    struct subject subject = {
        .target = runner->target, .component = runner->component, .test = test};
    int nothing = open("/dev/null", O_RDWR);

    (void)dup2(nothing, 0);
    (void)dup2(nothing, 1);
    (void)dup2(errors, 2);
    child_begin(report, runner->target->file, limit());
    test->run(&subject);
    _exit(0);
}

static void run_case(struct runner *runner, const struct conform_case *test,
                     struct verdict *verdict)
{
    int report[2], errors[2], how = 0;
    struct output out[2] = {{0}};

    if (pipe2(report, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
        perror("patchbay conform: pipe");
        exit(RUN_FAILED);
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        close(errors[0]);
        be_child(runner, test, report[1], errors[1]);
    }
    close(report[1]);
    close(errors[1]);
    if (child > 0) {
        follow(child, report[0], errors[0], out);
        while (waitpid(child, &how, 0) < 0 && errno == EINTR)
            continue;
    }
    close(report[0]);
    close(errors[0]);
    judge(verdict, how, out);
    free(out[0].data);
    free(out[1].data);
}

/* --- the report ---------------------------------------------------------------------------------
 */

static void print(struct runner *runner, const struct conform_case *test,
                  const struct verdict *verdict)
{
    const char *word = verdict->how == 'O' ? "ok" : verdict->how == 'F' ? "not ok" : "skipped";

    *(verdict->how == 'O'   ? &runner->passed
      : verdict->how == 'F' ? &runner->failed
                            : &runner->skipped) += 1;
    if (runner->writer) {
        pb_jw_open(runner->writer, '{');
        pb_jw_key(runner->writer, "of");
        pb_jw_str(runner->writer, pb_str_of(runner->title));
        pb_jw_key(runner->writer, "case");
        pb_jw_str(runner->writer, pb_str_of(test->name));
        pb_jw_key(runner->writer, "result");
        pb_jw_str(runner->writer, pb_str_of(word));
        pb_jw_key(runner->writer, "sentence");
        pb_jw_str(runner->writer, pb_str_of(verdict->sentence));
        pb_jw_close(runner->writer, '}');
        return;
    }
    printf("%-6s %s: %s", word, runner->title, test->name);
    if (verdict->how == 'S')
        printf(": %s", verdict->sentence);
    printf("\n");
    if (verdict->how == 'F')
        printf("       %s\n", verdict->sentence);
    (void)fflush(stdout);
}

static bool wanted(const struct runner *runner, const struct conform_case *test)
{
    const struct target *target = runner->target;
    char line[400], pattern[400];

    if (target->quick && !test->quick)
        return false;
    if (!target->only)
        return true;
    (void)snprintf(line, sizeof line, "%s: %s", runner->title, test->name);
    (void)snprintf(pattern, sizeof pattern, "*%s*", target->only);
    return fnmatch(pattern, line, 0) == 0;
}

static void do_case(void *arg, const struct conform_case *test)
{
    struct runner *runner = arg;
    struct verdict verdict = {.how = 'S'};

    if (interrupted || !wanted(runner, test))
        return;
    if (runner->target->list) {
        printf("%s: %s\n", runner->title, test->name);
        return;
    }
    if (runner->unloadable[0])
        (void)snprintf(verdict.sentence, sizeof verdict.sentence, "%s", runner->unloadable);
    else
        run_case(runner, test, &verdict);
    if (!interrupted)
        print(runner, test, &verdict);
}

static void load(struct subject *subject)
{
    (void)subject_load(subject);
}

/* A file that cannot be opened is one failure, not one for each case. */
static void see_whether_it_loads(struct runner *runner)
{
    static const struct conform_case loads = {.name = "it is loaded", .quick = true, .run = load};
    struct verdict verdict;

    if (runner->target->list || interrupted)
        return;
    run_case(runner, &loads, &verdict);
    if (verdict.how == 'O')
        return;
    print(runner, &loads, &verdict);
    (void)snprintf(runner->unloadable, sizeof runner->unloadable, "the file is not loaded");
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

/* Where the cases keep their data: in memory, where the machine has a place for that. */
static const char *room(void)
{
    const char *where = getenv("TMPDIR");

    if (where && strlen(where) < 40)
        return where;
    return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

int runner_run(const struct target *target)
{
    struct runner runner = {.target = target, .title = "file"};
    char folder[200];
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)snprintf(folder, sizeof folder, "%s/conform-XXXXXX", room());
    if (!mkdtemp(folder) || setenv("TMPDIR", folder, 1) != 0) {
        perror(folder);
        return RUN_FAILED;
    }
    (void)sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupt}, NULL);
    (void)sigaction(SIGTERM, &(struct sigaction){.sa_handler = interrupt}, NULL);
    if (target->json && !target->list) {
        runner.writer = &writer;
        pb_jw_open(&writer, '[');
    }
    plan_walk(target, NULL, do_case, &runner);
    see_whether_it_loads(&runner);
    for (size_t i = 0; i < target->manifest.count; i++) {
        runner.component = &target->manifest.components[i];
        (void)snprintf(runner.title, sizeof runner.title, "%.*s '%.*s'",
                       PB_ARG(runner.component->kind), PB_ARG(runner.component->name));
        plan_walk(target, runner.component, do_case, &runner);
    }
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (interrupted) {
        (void)signal(interrupted, SIG_DFL);
        (void)raise(interrupted);
    }
    if (runner.writer) {
        pb_jw_close(&writer, ']');
        printf("%.*s\n", PB_ARG(pb_buf_str(&buf)));
    } else if (!target->list) {
        printf("%u passed, %u failed, %u skipped\n", runner.passed, runner.failed, runner.skipped);
    }
    return runner.failed ? RUN_FAILED : RUN_OK;
}
