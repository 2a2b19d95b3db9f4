/* desk.h - a tool for the tests: functions that answer, fail, take their time. Include it once. */
#ifndef TEST_GENERATE_DESK_H
#define TEST_GENERATE_DESK_H

#define pb_host_table    pb_host_table_desk
#define PB_PLUGIN_SYMBOL patchbay_plugin_desk

#include <patchbay/tool.h>

#include <check.h>

struct desk {
    pb_str fail; /* list() fails with this sentence */
};

static const pb_field desk_options[] = {
    PB_STR(struct desk, fail, .help = "Offer nothing: fail with this sentence."),
    PB_END,
};

static int desk_calls, desk_running, desk_most; /* made; now; at once at the most */

static pb_status desk_list(void *self, pb_tool_list *out)
{
    static const char *const names[] = {"clock", "echo", "broken", "declines",
                                        "slow",  "mute", "large",  "hang"};
    enum { COUNT = sizeof names / sizeof *names };
    const struct desk *desk = self;
    const pb_tool_function **list = PB_NEW_ARRAY(const pb_tool_function *, COUNT);
    const pb_json *schema = NULL;

    if (desk->fail.size)
        return pb_fail(PB_UNAVAILABLE, "%.*s", PB_ARG(desk->fail));
    pb_status status = pb_json_parse(pb_lit("{\"type\":\"object\"}"), &schema);
    for (size_t i = 0; i < COUNT; i++) {
        pb_tool_function *function = PB_NEW(pb_tool_function);
        function->size = sizeof *function;
        function->name = pb_str_of(names[i]);
        function->description = i == 0 ? pb_lit("Tells the time.") : pb_str_make(NULL, 0);
        function->parameters = schema;
        list[i] = function;
    }
    out->functions = list;
    out->count = COUNT;
    return status;
}

static pb_status desk_answer(pb_str name, const pb_json *arguments, const pb_json **out)
{
    pb_status status = PB_OK;

    if (pb_str_is(name, "clock"))
        return pb_json_parse(pb_lit("{\"time\":\"noon\"}"), out);
    if (pb_str_is(name, "echo"))
        *out = pb_json_string(pb_json_text(pb_json_get(arguments, "text")));
    if (pb_str_is(name, "broken"))
        return pb_fail(PB_UNAVAILABLE, "the hands fell off");
    if (pb_str_is(name, "declines"))
        return PB_DECLINED;
    if (pb_str_is(name, "slow")) {
        status = pb_sleep(10 * PB_SECOND);
        *out = pb_json_string(pb_lit("late"));
    }
    if (pb_str_is(name, "large")) {
        char *text = pb_alloc(1000);
        for (size_t i = 0; i + 1 < 1000; i += 2)
            memcpy(text + i, "\xC3\xA4", 2);
        *out = pb_json_string(pb_str_make(text, 1000));
    }
    while (pb_str_is(name, "hang") && status == PB_OK)
        status = pb_sleep(3600 * PB_SECOND);
    return status;
}

static pb_status desk_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    (void)self;
    desk_calls++;
    if (++desk_running > desk_most)
        desk_most = desk_running;
    pb_status status = desk_answer(name, arguments, out);
    desk_running--;
    return status;
}

PB_PLUGIN("desk", "1.0.0", "Apache-2.0", "Functions for tests.",
          PB_TOOL("desk", struct desk, desk_options, .list = desk_list, .call = desk_call));

#endif
