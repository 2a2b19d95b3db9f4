/* Components that run in one worker at a time: who starts them, and who takes over. */
#define PB_PLUGIN_SYMBOL lone_plugin
#include "cluster/hub_role.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include <patchbay/tool.h>

/* --- the component -------------------------------------------------------------------------------
 */

static bool start_fails;

static pb_status lone_start(void *self)
{
    (void)self;
    if (start_fails)
        return pb_fail(PB_UNAVAILABLE, "nobody answers");
    tell("start");
    return PB_OK;
}

static void lone_stop(void *self)
{
    (void)self;
    tell("stop");
}

static void lone_destroy(void *self)
{
    (void)self;
    tell("destroy");
}

static pb_status lone_health(void *self)
{
    (void)self;
    return pb_fail(PB_UNAVAILABLE, "ill");
}

static void lone_stats(void *self, pb_stats *stats)
{
    (void)self;
    pb_stat(stats, "calls_total", 1);
}

static pb_status lone_list(void *self, pb_tool_list *out)
{
    (void)self;
    out->count = 0;
    return PB_OK;
}

static pb_status lone_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    (void)self;
    (void)name;
    (void)arguments;
    (void)out;
    return pb_fail(PB_NOT_FOUND, "there is nothing to call");
}

struct lone {
    bool unused;
};

static const pb_field options[] = {PB_BOOL(struct lone, unused, .def = "false", .help = "Nothing."),
                                   PB_END};

PB_PLUGIN("lone", "1.0.0", "MIT", "Runs in one worker.",
          PB_TOOL("lone", struct lone, options, .single = 1, .start = lone_start, .stop = lone_stop,
                  .destroy = lone_destroy, .health = lone_health, .stats = lone_stats,
                  .list = lone_list, .call = lone_call));

/* --- what a worker obeys -------------------------------------------------------------------------
 */

static struct config_diagnostics diagnostics;
static struct arena tree; /* the configuration lives as long as the instances */

static void make_instances(void)
{
    struct config_node *root = NULL;
    struct arena *before = scope_arena_swap(&tree);

    if (registry_add_static(&lone_plugin) == PB_OK &&
        config_tree_parse("c.yaml", pb_lit("tools: {lone: {use: lone}}\n"), &diagnostics, &root) ==
            PB_OK &&
        instances_build(&(struct instances_source){root, "/data", &diagnostics}) == PB_OK)
        tell_status(instances_start(), "begun");
    else
        tell("not built: %.*s", PB_ARG(host_error()->sentence));
    scope_arena_swap(before);
}

static bool obey_single(const char *words)
{
    if (strcmp(words, "begin") == 0) {
        make_instances();
    } else if (strcmp(words, "fail") == 0) {
        start_fails = true;
        make_instances();
    } else if (strcmp(words, "retire") == 0) {
        instances_retire();
    } else if (strcmp(words, "health") == 0) {
        tell(instances_health(NULL, NULL) ? "well" : "ill");
    } else if (strcmp(words, "stats") == 0) {
        pb_buf text = {0};
        instances_stats_write(&text);
        tell(text.size ? "figures" : "no figures");
    } else if (strcmp(words, "finish") == 0) {
        instances_stop();
        instances_reset();
        registry_reset();
        arena_fini(&tree);
        tell("finished");
    } else {
        return false;
    }
    return true;
}

/* --- the tests -----------------------------------------------------------------------------------
 */

static struct child hub, one, two;

static void begin(void)
{
    fresh_run_dir();
    hub = start_hub();
    one = start_worker(&hub, 1);
    two = start_worker(&hub, 2);
    say(&one, "begin");
    hear_exactly(&one, "start");
    hear_exactly(&one, "begun");
    ask(&two, "begin", "begun");
}

static void finish(struct child *worker, bool runs)
{
    say(worker, "finish");
    if (runs)
        hear_exactly(worker, "stop");
    hear_exactly(worker, "destroy");
    hear_exactly(worker, "finished");
    end(worker);
    hear_word(&hub, "ended ");
}

static void finish_hub(void)
{
    end(&hub);
    remove_run_dir();
}

START_TEST(it_runs_where_it_was_begun_first)
{
    begin();
    ask(&one, "health", "ill");
    ask(&two, "health", "well"); /* it is not asked where it does not run */
    ask(&one, "stats", "figures");
    ask(&two, "stats", "figures"); /* but may be called everywhere */
    finish(&two, false);
    finish(&one, true);
    finish_hub();
}
END_TEST

START_TEST(another_takes_over_when_its_worker_dies)
{
    begin();
    kill_child(&one);
    hear_exactly(&hub, "ended 1");
    hear_exactly(&two, "start");
    finish(&two, true);
    finish_hub();
}
END_TEST

START_TEST(a_retiring_worker_lets_go)
{
    begin();
    say(&one, "retire");
    hear_exactly(&one, "stop");
    hear_exactly(&two, "start");
    finish(&one, false);
    finish(&two, true);
    finish_hub();
}
END_TEST

START_TEST(who_hangs_loses_it_and_stops_it_when_it_wakes)
{
    begin();
    kill(one.pid, SIGSTOP);
    ask(&hub, "advance 60000", "advanced");
    hear_exactly(&two, "start");
    kill(one.pid, SIGCONT);
    hear_exactly(&one, "stop");
    finish(&one, false);
    finish(&two, true);
    finish_hub();
}
END_TEST

START_TEST(a_guest_never_starts_it)
{
    struct child guest;

    fresh_run_dir();
    hub = start_hub();
    guest = start("node");
    hear_exactly(&guest, "joined guest");
    ask(&guest, "begin", "begun");
    say(&guest, "finish");
    hear_exactly(&guest, "destroy");
    hear_exactly(&guest, "finished");
    end(&guest);
    hear_word(&hub, "gone peer");
    finish_hub();
}
END_TEST

START_TEST(a_start_that_fails_is_a_failed_start_and_leaves_it_to_others)
{
    fresh_run_dir();
    hub = start_hub();
    one = start_worker(&hub, 1);
    two = start_worker(&hub, 2);
    say(&one, "fail");
    hear_exactly(&one, "destroy");
    hear_exactly(&one,
                 "unavailable: tools.lone: tool 'lone' (lone 1.0.0) did not start: nobody answers");
    say(&two, "begin");
    hear_exactly(&two, "start");
    hear_exactly(&two, "begun");
    end(&one);
    hear_exactly(&hub, "ended 1");
    finish(&two, true);
    finish_hub();
}
END_TEST

static int run_tests(void)
{
    return suite_run("single",
                     (const TTest *const[]){
                         it_runs_where_it_was_begun_first, another_takes_over_when_its_worker_dies,
                         a_retiring_worker_lets_go, who_hangs_loses_it_and_stops_it_when_it_wakes,
                         a_guest_never_starts_it,
                         a_start_that_fails_is_a_failed_start_and_leaves_it_to_others, NULL});
}

int main(int argc, char **argv)
{
    obey_more = obey_single;
    return role_main(argc, argv, run_tests);
}
