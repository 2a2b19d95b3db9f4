/* @NAME@ - functions with which a model reckons with dates, which models do badly.
 *
 * list() tells the model what there is, call() runs one: arguments and results are JSON.
 */
#include "@NAME@.h"

#include "guard.hpp"

#include <cstdio>
#include <set>
#include <string>

namespace {

/* What the person or the model wrote cannot be used; it says what would be right. */
struct refused {
    std::string sentence;
};

/* --- days ------------------------------------------------------------------------------------- */

/* Of the Gregorian calendar: days since 0000-03-01, a Wednesday. */
int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    year -= month < 3;
    month = (month + 9) % 12; /* from March on: the leap day is the last of the year */
    return 365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1;
}

int64_t weekday(int64_t day)
{
    return (day + 2) % 7; /* 0: Monday */
}

/* Reads YYYY-MM-DD; throws `refused` for what is no day. */
int64_t read_day(pb_str text)
{
    int year, month, day, end = 0;
    const std::string copy(view(text));

    if (copy.size() != 10 || std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 ||
        end != 10 || year < 1 || month < 1 || month > 12 || day < 1)
        throw refused{"'" + copy + "' is no date: YYYY-MM-DD is"};
    const int64_t number = day_number(year, month, day);
    if (number >= (month < 12 ? day_number(year, month + 1, 1) : day_number(year + 1, 1, 1)))
        throw refused{"there is no " + copy + ": the month is shorter"};
    return number;
}

std::set<int64_t> holidays_of(const struct @ID@ &own)
{
    std::set<int64_t> days;

    for (size_t i = 0; i < own.holidays.count; i++)
        days.insert(read_day(PB_ITEM(own.holidays, pb_str, i))); /* check() has read them all */
    return days;
}

/* --- the functions ---------------------------------------------------------------------------- */

int64_t day_argument(const pb_json *arguments, const char *name)
{
    return read_day(pb_json_text(pb_json_get(arguments, name)));
}

const pb_json *call_weekday(const pb_json *arguments)
{
    static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

    return pb_json_string(pb_str_of(names[weekday(day_argument(arguments, "date"))]));
}

const pb_json *call_days_between(const struct @ID@ &own, const pb_json *arguments)
{
    const int64_t from = day_argument(arguments, "from"), to = day_argument(arguments, "to");
    const std::set<int64_t> holidays = holidays_of(own);
    int64_t working = 0;

    if (to < from || to - from > 3700)
        throw refused{"'to' is a day after 'from', at most ten years later"};
    for (int64_t day = from; day < to; day++)
        working += weekday(day) < 5 && !holidays.count(day);
    pb_json *result = pb_json_new(PB_JSON_OBJECT, pb_str_make(nullptr, 0));
    pb_json_add(result, pb_lit("days"), pb_json_number(static_cast<double>(to - from)));
    pb_json_add(result, pb_lit("working_days"), pb_json_number(static_cast<double>(working)));
    return result;
}

struct description {
    const char *name, *text, *parameters;
};

const description functions[] = {
    {"weekday", "The day of the week of a date.",
     R"({"type": "object", "required": ["date"],
         "properties": {"date": {"type": "string", "format": "date"}}})"},
    {"days_between", "How many days and working days lie between two dates, the first included.",
     R"({"type": "object", "required": ["from", "to"],
         "properties": {"from": {"type": "string", "format": "date"},
                        "to": {"type": "string", "format": "date"}}})"}};

} // namespace

pb_status @ID@_list(void *, pb_tool_list *out) noexcept
{
    const pb_tool_function **list = PB_NEW_ARRAY(const pb_tool_function *, 2);

    if (!list)
        return PB_NO_MEMORY;
    for (const description &one : functions) {
        pb_tool_function *function = PB_NEW(pb_tool_function);
        if (!function)
            return PB_NO_MEMORY;
        function->size = sizeof *function;
        function->name = pb_str_of(one.name);
        function->description = pb_str_of(one.text);
        pb_status status = pb_json_parse(pb_str_of(one.parameters), &function->parameters);
        if (status != PB_OK)
            return status;
        list[out->count++] = function;
    }
    out->functions = list;
    return PB_OK;
}

/* `refused` is caught inside guarded(), so pb_fail is called after the exception is gone. */
pb_status @ID@_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out) noexcept
{
    const struct @ID@ &own = *static_cast<const struct @ID@ *>(self);

    return guarded([&]() -> pb_status {
        std::string sentence;
        try {
            if (view(name) == "weekday")
                *out = call_weekday(arguments);
            else if (view(name) == "days_between")
                *out = call_days_between(own, arguments);
            else
                return pb_fail(PB_NOT_FOUND, "there is no function '%.*s'", PB_ARG(name));
            return *out ? PB_OK : PB_NO_MEMORY;
        } catch (refused &problem) {
            sentence = std::move(problem.sentence);
        }
        return pb_fail(PB_INVALID, "%s", sentence.c_str());
    });
}

void @ID@_check(const void *self, pb_diagnostics *diagnostics) noexcept
{
    const struct @ID@ &own = *static_cast<const struct @ID@ *>(self);

    (void)guarded([&]() -> pb_status {
        for (size_t i = 0; i < own.holidays.count; i++)
            try {
                (void)read_day(PB_ITEM(own.holidays, pb_str, i));
            } catch (const refused &problem) {
                pb_problem(diagnostics, ("holidays[" + std::to_string(i) + "]").c_str(), "%s",
                           problem.sentence.c_str());
            }
        return PB_OK;
    });
}
