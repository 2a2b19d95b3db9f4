/* tool.h - functions that a model may call. Arguments and results are JSON. */
#ifndef PATCHBAY_TOOL_H
#define PATCHBAY_TOOL_H

#include <patchbay/json.h>
#include <patchbay/plugin.h>

#define PB_TOOL_REVISION 1

/* One function. */
typedef struct pb_tool_function {
    uint32_t size;
    uint32_t reserved;
    pb_str name;               /* [a-zA-Z0-9_-]{1,64} */
    pb_str description;        /* for the model */
    const pb_json *parameters; /* JSON Schema of the arguments (an object) */
} pb_tool_function;

/* What list() fills: `functions` are `count` pointers in the running scope. */
struct pb_tool_list {
    uint32_t size;
    uint32_t reserved;
    const pb_tool_function *const *functions;
    size_t count;
};

/* The interface; both are required and may park.
 * list   the functions offered now.
 * call   runs one. *out is the result, in the running scope. What the model should know about a
 *        failure (no such file) is a result; PB_NOT_FOUND when there is no function `name`,
 *        PB_INVALID when the arguments do not fit, any other status when the tool itself is broken. */
typedef struct pb_tool {
    PB_LIFECYCLE
    pb_status (*list)(void *self, pb_tool_list *out);
    pb_status (*call)(void *self, pb_str name, const pb_json *arguments, const pb_json **out);
} pb_tool;

/* PB_TOOL("builtin", struct builtin, builtin_options, .list = …, .call = …) */
#define PB_TOOL(name, owner, options, ...)                                                         \
    PB_COMPONENT(pb_tool, "tool", 1, name, owner, options, __VA_ARGS__)

/* The same through the host, as a span, under host.limits.tool. Park. */
static inline pb_status pb_tool_list_functions(pb_instance *tool, pb_tool_list *out)
{
    return PB_CALL(tool_list)(tool, out);
}

static inline pb_status pb_tool_call_function(pb_instance *tool, pb_str name,
                                              const pb_json *arguments, const pb_json **out)
{
    return PB_CALL(tool_call)(tool, name, arguments, out);
}

#endif
