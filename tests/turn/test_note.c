/* What the scoreboard tells of a turn: who ran when the process was killed; and what it tells the
 * process: which pipeline is in quarantine. */
#include "probe.h"

#include "cluster/scoreboard.h"
#include "plugin/instances.h"
#include "runtime/task.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define YAML                                                                                       \
    "llms: {main: {use: scripted}}\n"                                                              \
    "pipelines:\n"                                                                                 \
    "  quiet: {stages: [{probe: {act: ask, llm: main}}]}\n"                                        \
    "  p: {stages: [{probe: {act: pass}}, {probe: {act: hang}}]}\n"

enum { CELL = 3 };

static struct scoreboard *board;
static int board_fd = -1, told[2];

static void make_board(void)
{
    ck_assert_int_eq(scoreboard_create(&board_fd, &board), PB_OK);
}

static void drop_board(void)
{
    scoreboard_leave();
    munmap(board, sizeof *board);
    close(board_fd);
}

/* --- who ran -----------------------------------------------------------------------------------
 */

static pb_status pass(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return pb_run_next(next, turn);
}

/* Tells whose turn it is, and is never seen again. */
static pb_status hang(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_str id = pb_turn_info_of(turn)->id;

    (void)probe;
    (void)next;
    if (pb_sleep(PB_MILLISECOND) != PB_OK || write(told[1], id.data, id.size) != (ssize_t)id.size)
        return PB_INTERNAL;
    for (;;)
        pause();
}

static void be_worker(void)
{
    scoreboard_join(board, CELL);
    pb_harness *harness = pb_harness_new(YAML, &patchbay_plugin_probe);
    probe_on("pass", pass);
    probe_on("hang", hang);
    (void)pb_harness_ask(harness, &(pb_ask){.pipeline = "p", .text = "hi"});
}

START_TEST(a_killed_process_leaves_who_ran)
{
    const struct scoreboard_cell *cell;
    char id[37] = "";
    uint8_t bytes[16];
    int status;

    make_board();
    ck_assert_int_eq(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        be_worker();
        _exit(1);
    }
    close(told[1]);
    ck_assert_int_eq(read(told[0], id, 36), 36);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    cell = &board->cells[CELL];
    ck_assert_int_eq(cell->pid, pid);
    ck_assert_uint_eq(cell->running, 1);
    ck_assert_uint_eq(cell->turns, 1);
    ck_assert_uint_eq(cell->pipeline, 2);
    ck_assert_uint_eq(cell->instance, 4); /* llms.main, quiet's stage, p's first, p's second */
    ck_assert(pb_uuid_bytes(pb_str_of(id), bytes));
    ck_assert_mem_eq((const void *)cell->turn, bytes, 16);
    close(told[0]);
    drop_board();
}
END_TEST

START_TEST(an_idle_process_runs_nobody)
{
    make_board();
    scoreboard_join(board, CELL);
    pb_harness *harness = pb_harness_new(YAML, &patchbay_plugin_probe);
    probe_on("pass", pass);
    pb_script(harness, "main", PB_STEP_TEXT("yes"), PB_STEP_STOP);
    ck_assert_int_eq(pb_harness_ask(harness, &(pb_ask){.pipeline = "quiet", .text = "hi"})->status,
                     PB_OK);
    const struct scoreboard_cell *cell = &board->cells[CELL];
    ck_assert_uint_eq(cell->running, 0);
    ck_assert_uint_eq(cell->instance, 0);
    ck_assert_uint_eq(cell->pipeline, 0);
    ck_assert_uint_eq(cell->turns, 0);
    ck_assert_uint_gt(cell->switches, 0);
    pb_harness_free(harness);
    drop_board();
}
END_TEST

/* --- quarantine --------------------------------------------------------------------------------
 */

START_TEST(a_pipeline_in_quarantine_is_refused_and_shown)
{
    make_board();
    scoreboard_join(board, CELL);
    scoreboard_own->generation = 1;
    pb_harness *harness = pb_harness_new(YAML, &patchbay_plugin_probe);
    pb_script(harness, "main", PB_STEP_TEXT("yes"), PB_STEP_STOP);
    ck_assert_ptr_nonnull(
        strstr(pb_harness_call(harness, "GET", "/readyz", NULL, NULL).body.data, "\"ready\""));
    strcpy(board->quarantine[0].pipeline, "p");
    strcpy(board->quarantine[0].sentence, "it killed three workers");
    board->quarantine[0].generation = 1;
    board->quarantine_version++;

    const pb_outcome *outcome = pb_harness_ask(harness, &(pb_ask){.pipeline = "p", .text = "hi"});
    ck_assert_int_eq(outcome->status, PB_UNAVAILABLE);
    pb_content ready = pb_harness_call(harness, "GET", "/readyz", NULL, NULL);
    ck_assert_int_eq(ready.status, 200);
    ck_assert_ptr_nonnull(strstr(ready.body.data, "\"degraded\""));
    ck_assert_ptr_nonnull(
        strstr(ready.body.data, "{\"pipeline\":\"p\",\"detail\":\"it killed three workers\"}"));
    ck_assert_int_eq(pb_harness_ask(harness, &(pb_ask){.pipeline = "quiet", .text = "hi"})->status,
                     PB_OK);

    board->quarantine[0].generation = 2; /* ours is not meant */
    board->quarantine_version++;
    ck_assert_ptr_nonnull(
        strstr(pb_harness_call(harness, "GET", "/readyz", NULL, NULL).body.data, "\"ready\""));
    pb_harness_free(harness);
    drop_board();
}
END_TEST

int main(void)
{
    return probe_main(
        "note", (const TTest *const[]){a_killed_process_leaves_who_ran, an_idle_process_runs_nobody,
                                       a_pipeline_in_quarantine_is_refused_and_shown, NULL});
}
