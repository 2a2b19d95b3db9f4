/* status.c - what `patchbay inspect --live` shows, as one JSON object. */
#include "app/supervisor.h"

#include "base/ids.h"
#include "cluster/hub_report.h"
#include <patchbay/json.h>
#include <patchbay/task.h>
#include <stdio.h>
#include <unistd.h>

static void key_str(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

static void key_int(pb_json_writer *writer, const char *key, int64_t value)
{
    pb_jw_key(writer, key);
    pb_jw_int(writer, value);
}

static int64_t resident(int32_t pid)
{
    char path[48];
    long long total = 0, pages = 0;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%lld %lld", &total, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static const char *state_name(const struct process *process)
{
    static const char *const names[] = {"starting", "serving", "retiring", "draining"};

    return names[process->state];
}

static void write_running(const struct process *process, const struct scoreboard_cell *cell,
                          pb_json_writer *writer)
{
    uint32_t instance = atomic_load(&cell->instance), pipeline = atomic_load(&cell->pipeline);
    uint64_t id[2] = {atomic_load(&cell->turn[0]), atomic_load(&cell->turn[1])};
    char turn[UUID_TEXT_SIZE];

    key_int(writer, "connections", atomic_load(&cell->connections));
    key_int(writer, "turns", atomic_load(&cell->turns));
    pb_jw_key(writer, "busy");
    pb_jw_bool(writer, atomic_load(&cell->running) == 1);
    if (instance && process->node)
        key_str(writer, "instance", hub_instance_name(process->node, instance));
    if (pipeline && process->node)
        key_str(writer, "pipeline", hub_pipeline_name(process->node, pipeline));
    if (id[0] || id[1]) {
        uuid_text((const uint8_t *)id, turn);
        key_str(writer, "turn", pb_str_of(turn));
    }
}

static void write_worker(const struct process *process, pb_json_writer *writer)
{
    const struct scoreboard_cell *cell = process_cell(process);

    pb_jw_open(writer, '{');
    key_int(writer, "worker", process->slot);
    key_int(writer, "generation", process->generation->number);
    key_int(writer, "pid", process->pid);
    key_str(writer, "state", pb_str_of(state_name(process)));
    if (process->began) {
        pb_jw_key(writer, "age_seconds");
        pb_jw_double(writer, (double)((loop_now() - process->began) / PB_MILLISECOND) / 1000);
    }
    key_int(writer, "memory_bytes", resident(process->pid));
    if (cell)
        write_running(process, cell, writer);
    pb_jw_close(writer, '}');
}

static void write_quarantine(pb_json_writer *writer)
{
    const struct scoreboard *board = hub_scoreboard();

    pb_jw_key(writer, "quarantine");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < SCOREBOARD_QUARANTINED; i++) {
        const struct scoreboard_quarantine *row = &board->quarantine[i];
        if (!atomic_load(&row->generation))
            continue;
        pb_jw_open(writer, '{');
        key_str(writer, "pipeline", pb_str_of(row->pipeline));
        key_int(writer, "generation", atomic_load(&row->generation));
        key_str(writer, "sentence", pb_str_of(row->sentence));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_listener(void *arg, pb_str key, pb_str address, int port)
{
    pb_json_writer *writer = arg;

    pb_jw_open(writer, '{');
    key_str(writer, "name", key);
    key_str(writer, "address", address);
    key_int(writer, "port", port);
    pb_jw_close(writer, '}');
}

static void write_lease(void *arg, pb_str name, int64_t token, const struct hub_node *holder)
{
    pb_json_writer *writer = arg;

    pb_jw_open(writer, '{');
    key_str(writer, "name", name);
    key_int(writer, "token", token);
    key_int(writer, "pid", holder->pid);
    if (holder->kind == HUB_WORKER)
        key_int(writer, "worker", holder->slot);
    pb_jw_close(writer, '}');
}

void status_answer(struct hub_node *command)
{
    pb_buf text = {0};
    pb_json_writer writer = pb_json_writer_make(&text);

    pb_jw_open(&writer, '{');
    key_str(&writer, "version", pb_lit(PATCHBAY_VERSION));
    key_int(&writer, "pid", getpid());
    key_int(&writer, "generation", supervisor.current ? supervisor.current->number : 0);
    key_str(&writer, "state",
            pb_str_of(supervisor.stops     ? "stopping"
                      : supervisor.coming  ? "reloading"
                      : supervisor.current ? "serving"
                                           : "starting"));
    pb_jw_key(&writer, "workers");
    pb_jw_open(&writer, '[');
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next)
        write_worker(list_entry(at, struct process, link), &writer);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "listeners");
    pb_jw_open(&writer, '[');
    hub_listeners_each(write_listener, &writer);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "leases");
    pb_jw_open(&writer, '[');
    hub_leases_each(write_lease, &writer);
    pb_jw_close(&writer, ']');
    write_quarantine(&writer);
    pb_jw_close(&writer, '}');
    pb_buf_byte(&text, '\n');
    hub_answer(command, pb_buf_str(&text), -1);
    hub_answer_end(command, 0);
}
