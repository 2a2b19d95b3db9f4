/* reload.c - a new configuration while the service runs: checked in a child, started beside the old
 * generation, which stays when either fails.
 *
 * Who asks while one is running gets the result of the next one, which reads the files again.
 */
#include "app/supervisor.h"

#include "app/notify.h"
#include "base/buf.h"
#include <patchbay/log.h>
#include <stdio.h>
#include <unistd.h>

enum { WAITING_MOST = 32 };

struct waiting {
    struct hub_node *commands[WAITING_MOST];
    size_t count;
};

static struct {
    struct check check;
    bool running, again;
    struct waiting now, next;
    struct buf said; /* by the check: warnings */
} reload;

bool reload_running(void)
{
    return reload.running;
}

/* --- who waits -------------------------------------------------------------------------------- */

static void add(struct waiting *waiting, struct hub_node *command)
{
    if (!command)
        return;
    if (waiting->count < WAITING_MOST) {
        waiting->commands[waiting->count++] = command;
        return;
    }
    hub_answer(command, pb_lit("too many wait for a reload already\n"), -1);
    hub_answer_end(command, pb_status_exit(PB_UNAVAILABLE));
}

static void forget(struct waiting *waiting, const struct hub_node *command)
{
    size_t kept = 0;

    for (size_t i = 0; i < waiting->count; i++)
        if (waiting->commands[i] != command)
            waiting->commands[kept++] = waiting->commands[i];
    waiting->count = kept;
}

void reload_command_gone(const struct hub_node *command)
{
    forget(&reload.now, command);
    forget(&reload.next, command);
}

void reload_wait(struct hub_node *command)
{
    add(&reload.now, command);
}

static void begin(void);

/* Tells all who wait, and goes on with the next reload if one was asked for. */
static void finish(pb_str text, int exit_code)
{
    struct waiting told = reload.now;

    reload.running = false;
    if (exit_code != 0 && !supervisor.stops)
        notify_systemd("READY=1\nSTATUS=The last reload failed; generation %u goes on",
                       supervisor.current ? supervisor.current->number : 0);
    reload.now = (struct waiting){.count = 0};
    for (size_t i = 0; i < told.count; i++) {
        if (reload.said.size)
            hub_answer(told.commands[i], buf_str(&reload.said), -1);
        hub_answer(told.commands[i], text, -1);
        hub_answer_end(told.commands[i], exit_code);
    }
    buf_fini(&reload.said);
    if (reload.again && !supervisor.stops) {
        reload.now = reload.next;
        reload.next = (struct waiting){.count = 0};
        reload.again = false;
        begin();
    }
}

/* --- its steps -------------------------------------------------------------------------------- */

static void log_lines(pb_str text)
{
    while (text.size) {
        size_t end = pb_str_find(text, '\n');
        if (end)
            pb_log(PB_ERROR, "reload: %.*s", (int)end, text.data);
        text = pb_str_slice(text, end + 1, text.size);
    }
}

void reload_started(void)
{
    const struct generation *current = supervisor.current;
    pb_str text = pb_printf("generation %u serves (%lld workers)\n", current->number,
                            (long long)current->settings.workers);

    supervisor_log(&current->settings);
    if (reload.running)
        finish(text, 0);
}

void reload_failed(const char *sentence, int exit_code)
{
    pb_log(PB_ERROR, "the new generation could not be started, generation %u goes on: %s",
           supervisor.current ? supervisor.current->number : 0, sentence);
    if (reload.running)
        finish(pb_printf("%s\nThe running generation goes on.\n", sentence), exit_code);
}

void reload_with(int snapshot, pb_str said)
{
    struct settings settings;
    uint32_t number = supervisor.last_number + 1;

    reload.running = true;
    if (said.data != reload.said.data)
        (void)buf_add(&reload.said, said);
    pb_status status = settings_of(snapshot, &settings);
    if (status == PB_OK)
        supervisor.coming = generation_new(number, snapshot, &settings);
    if (!supervisor.coming) {
        close(snapshot);
        reload_failed(status == PB_OK ? "out of memory" : pb_error_last()->sentence.data,
                      pb_status_exit(PB_NO_MEMORY));
        return;
    }
    if (supervisor.current && strcmp(settings.run_dir, supervisor.current->settings.run_dir) != 0)
        pb_log(PB_WARN, "host.run_dir has changed; that takes a restart");
    pb_log(PB_INFO, "generation %u starts with %lld workers", number, (long long)settings.workers);
    generation_start(supervisor.coming);
}

static void checked(struct check *check, int exit_code)
{
    int snapshot = check->snapshot;

    buf_fini(&reload.said);
    (void)buf_add(&reload.said, buf_str(check->text));
    check->snapshot = -1;
    check_free(check);
    if (supervisor.stops) {
        close(snapshot);
        finish(pb_lit("the server is stopping\n"), pb_status_exit(PB_UNAVAILABLE));
        return;
    }
    if (exit_code == 0) {
        reload_with(snapshot, buf_str(&reload.said));
        return;
    }
    close(snapshot);
    log_lines(buf_str(&reload.said));
    pb_log(PB_ERROR, "the new configuration has problems, generation %u goes on",
           supervisor.current ? supervisor.current->number : 0);
    finish(pb_lit("The running generation goes on.\n"), exit_code);
}

static void begin(void)
{
    const struct spawn as_started = {.output = -1};

    reload.running = true;
    notify_reloading();
    reload.check.done = checked;
    if (check_start(&reload.check, &as_started, true) != PB_OK)
        reload_failed(pb_error_last()->sentence.data, pb_status_exit(PB_UNAVAILABLE));
}

void reload_request(struct hub_node *command)
{
    if (supervisor.stops) {
        if (command) {
            hub_answer(command, pb_lit("the server is stopping\n"), -1);
            hub_answer_end(command, pb_status_exit(PB_UNAVAILABLE));
        }
    } else if (reload.running || !supervisor.current || supervisor.coming || supervisor.adopting) {
        add(&reload.next, command);
        reload.again = true;
        if (!reload.running) /* the first generation starts: what was read then may be old */
            reload.running = true;
    } else {
        pb_log(PB_INFO, "reload: checking %s", supervisor.invocation->config);
        add(&reload.now, command);
        begin();
    }
}
