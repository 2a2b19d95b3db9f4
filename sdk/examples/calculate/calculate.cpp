/* calculate - a tool with which a model calculates, which it does badly by itself.
 *
 * Inside, C++ as usual: containers, exceptions. At the border to the host, guarded() ends them.
 */
#include "calculate.h"

#include "expression.hpp"
#include "guard.hpp"

#include <memory>

struct names {
    std::map<std::string, double, std::less<>> values;
};

namespace {

const char parameters[] = R"({"type": "object", "required": ["expression"], "properties": {
    "expression": {"type": "string", "maxLength": 500,
                   "description": "+ - * / ^ ( ), sqrt, abs, round and the known names"}}})";

bool is_name(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == text.npos;
}

} // namespace

void calculate_check(const void *self, pb_diagnostics *diagnostics) noexcept
{
    const pb_map &constants = static_cast<const struct calculate *>(self)->constants;

    for (size_t i = 0; i < constants.count; i++)
        if (!is_name(view(constants.keys[i])))
            pb_problem(diagnostics, "constants", "the name '%.*s' is not made of letters and '_'",
                       PB_ARG(constants.keys[i]));
}

pb_status calculate_create(void *self) noexcept
{
    struct calculate *own = static_cast<struct calculate *>(self);

    return guarded([&]() -> pb_status {
        auto made = std::make_unique<struct names>();
        made->values = {{"pi", 3.14159265358979323846}, {"e", 2.71828182845904523536}};
        for (size_t i = 0; i < own->constants.count; i++)
            made->values[std::string(view(own->constants.keys[i]))] =
                PB_ITEM(own->constants, double, i);
        own->names = made.release();
        return PB_OK;
    });
}

void calculate_destroy(void *self) noexcept
{
    delete static_cast<struct calculate *>(self)->names;
}

pb_status calculate_list(void *, pb_tool_list *out) noexcept
{
    const pb_tool_function **list = PB_NEW_ARRAY(const pb_tool_function *, 1);
    pb_tool_function *function = PB_NEW(pb_tool_function);

    if (!list || !function)
        return PB_NO_MEMORY;
    function->size = sizeof *function;
    function->name = pb_lit("calculate");
    function->description = pb_lit("The value of an arithmetic expression.");
    list[0] = function;
    out->functions = list;
    out->count = 1;
    return pb_json_parse(pb_str_of(parameters), &function->parameters);
}

/* not_a_number ends in here: when pb_fail is called no exception is in flight. */
pb_status calculate_call(void *self, pb_str name, const pb_json *arguments,
                         const pb_json **out) noexcept
{
    const struct names *names = static_cast<struct calculate *>(self)->names;

    return guarded([&]() -> pb_status {
        const pb_str text = pb_json_text(pb_json_get(arguments, "expression"));
        std::string problem;

        if (view(name) != "calculate")
            return pb_fail(PB_NOT_FOUND, "there is no function '%.*s'", PB_ARG(name));
        if (text.size > 500)
            return pb_fail(PB_INVALID, "'expression' has at most 500 characters");
        try {
            *out = pb_json_number(value_of(view(text), names->values));
            return *out ? PB_OK : PB_NO_MEMORY;
        } catch (not_a_number &thrown) {
            problem = std::move(thrown.sentence);
        }
        return pb_fail(PB_INVALID, "it cannot be calculated: %s", problem.c_str());
    });
}
