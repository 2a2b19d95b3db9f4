/* supervisor_cause.c - the sentence for the end of a worker: how it ended, and who ran in it.
 *
 * How comes from the kernel, or from us when we killed it; who from its cell of the scoreboard,
 * which outlives it. A process that was killed from outside is nobody's fault.
 */
#include "app/supervisor.h"

#include "base/ids.h"
#include "plugin/contract.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

const struct scoreboard_cell *process_cell(const struct process *process)
{
    struct scoreboard *board = hub_scoreboard();

    if (!board || !process->node || process->node->cell >= SCOREBOARD_CELLS)
        return NULL;
    const struct scoreboard_cell *cell = &board->cells[process->node->cell];
    return atomic_load(&cell->pid) == process->pid ? cell : NULL;
}

static size_t add(char *out, size_t size, size_t used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static size_t add(char *out, size_t size, size_t used, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int more = used < size ? vsnprintf(out + used, size - used, format, args) : 0;
    va_end(args);
    used += more > 0 ? (size_t)more : 0;
    return used < size ? used : size - 1;
}

/* " in stage 'x' (x 1.0.0) of pipeline 'y', turn 0193…": what the cell says runs now. */
static void who_runs(const struct process *process, char *out, size_t size)
{
    const struct scoreboard_cell *cell = process_cell(process);
    char turn[UUID_TEXT_SIZE];
    size_t used = 0;

    out[0] = 0;
    if (!cell)
        return;
    uint32_t instance = atomic_load(&cell->instance), pipeline = atomic_load(&cell->pipeline);
    uint64_t id[2] = {atomic_load(&cell->turn[0]), atomic_load(&cell->turn[1])};
    if (instance) {
        pb_str name = hub_instance_name(process->node, instance);
        used = name.size ? add(out, size, used, " in %.*s", PB_ARG(name))
                         : add(out, size, used, " in instance %u", instance);
    }
    if (pipeline) {
        pb_str name = hub_pipeline_name(process->node, pipeline);
        used = add(out, size, used, " of pipeline '%.*s'", PB_ARG(name));
    }
    if (id[0] || id[1]) {
        uuid_text((const uint8_t *)id, turn);
        add(out, size, used, ", turn %s", turn);
    }
}

static const char *meaning(int signal)
{
    switch (signal) {
    case SIGSEGV:
    case SIGBUS:
        return "it used memory that is not its own";
    case SIGABRT:
        return "it gave up: a check in it failed";
    case SIGFPE:
        return "a division by zero";
    case SIGILL:
        return "an instruction that does not exist";
    case SIGKILL:
        return "by somebody else, or for want of memory in the machine";
    default:
        return NULL;
    }
}

/* Faults are the plugin's; SIGKILL, SIGTERM and the like come from elsewhere. */
static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE ||
           signal == SIGILL || signal == SIGTRAP || signal == SIGSYS || signal == SIGXCPU;
}

/* How it ended, without who. True: whoever ran in it is to blame. */
static bool how(const struct process *process, const struct scoreboard_cell *cell, int status,
                char text[320])
{
    uint32_t told = cell ? atomic_load(&cell->cause) : CAUSE_NONE;
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (process->killed[0] && told == CAUSE_MEMORY && cell->text[0])
        snprintf(text, 320, "was killed: %s; most grew in %.*s", process->killed, SCOREBOARD_NAME,
                 cell->text);
    else if (process->killed[0])
        snprintf(text, 320, "was killed: %s%s%.*s", process->killed,
                 process->hung && told == CAUSE_HELD && cell->text[0] ? " (contract 4), in " : "",
                 process->hung && told == CAUSE_HELD ? SCOREBOARD_NAME : 0, cell ? cell->text : "");
    else if (told == CAUSE_LENT || told == CAUSE_SCOPE_OVER)
        snprintf(text, 320, "was ended by its plugin (contract %d: it used memory %s)",
                 told == CAUSE_LENT ? 1 : 2,
                 told == CAUSE_LENT ? CONTRACT_LENT : CONTRACT_SCOPE_OVER);
    else if (told == CAUSE_STACK_OVERFLOW)
        snprintf(text, 320, "ended by a stack overflow%s%.*s", cell->text[0] ? ": " : "",
                 SCOREBOARD_NAME, cell->text);
    else if (signal && meaning(signal))
        snprintf(text, 320, "was ended by SIG%s (%s)", sigabbrev_np(signal), meaning(signal));
    else if (signal)
        snprintf(text, 320, "was ended by SIG%s", sigabbrev_np(signal));
    else
        snprintf(text, 320, "ended by itself with exit code %d", WEXITSTATUS(status));
    if (process->killed[0])
        return process->hung;
    return told == CAUSE_STACK_OVERFLOW || is_fault(signal) ||
           (!signal && (!cell || atomic_load(&cell->state) != CELL_DRAINING));
}

static void keep(char *out, size_t size, pb_str name)
{
    snprintf(out, size, "%.*s", PB_ARG(name));
}

void cause_find(const struct process *process, int status, bool known, struct cause *out)
{
    const struct scoreboard_cell *cell = process_cell(process);
    char text[320], who[300];

    *out = (struct cause){.blamed = false};
    if (known)
        out->blamed = how(process, cell, status, text);
    else if (process->killed[0])
        snprintf(text, sizeof text, "was killed: %s", process->killed), out->blamed = process->hung;
    else
        snprintf(text, sizeof text,
                 "ended; how is not known, it was the worker of a supervisor that is gone");
    who_runs(process, who, sizeof who);
    snprintf(out->text, sizeof out->text, "%s%s", text, who);
    if (cell && atomic_load(&cell->instance))
        keep(out->instance, sizeof out->instance,
             hub_instance_name(process->node, atomic_load(&cell->instance)));
    if (cell && atomic_load(&cell->pipeline))
        keep(out->pipeline, sizeof out->pipeline,
             hub_pipeline_name(process->node, atomic_load(&cell->pipeline)));
}
