/* @NAME@ - functions with which a model reckons with dates, which models do badly.
 *
 * list() tells the model what there is, call() runs one: arguments and results are JSON.
 */
#include <patchbay/tool.h>

#include <stdio.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_list holidays; /* of pb_str: YYYY-MM-DD */
};

static const pb_field @ID@_options[] = {
    PB_LIST(struct @ID@, holidays, PB_KIND_STR,
            .help = "Days (YYYY-MM-DD) on which nobody works, beside Saturdays and Sundays."),
    PB_END,
};

/* --- days ------------------------------------------------------------------------------------- */

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/* Of the Gregorian calendar: days since 0000-03-01, a Wednesday. */
static int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    year -= month < 3;
    month = (month + 9) % 12; /* from March on: the leap day is the last of the year */
    return 365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1;
}

static int64_t weekday(int64_t day)
{
    return (day + 2) % 7; /* 0: Monday */
}

/* Reads YYYY-MM-DD; PB_INVALID with a sentence for what is no day. */
static pb_status read_day(pb_str text, int64_t *out)
{
    int year, month, day, end = 0;
    char copy[11] = "";

    if (text.size == 10)
        memcpy(copy, text.data, 10);
    if (sscanf(copy, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10 || year < 1 ||
        month < 1 || month > 12 || day < 1)
        return pb_fail(PB_INVALID, "'%.*s' is no date: YYYY-MM-DD is", PB_ARG(text));
    *out = day_number(year, month, day);
    int64_t next = month < 12 ? day_number(year, month + 1, 1) : day_number(year + 1, 1, 1);
    if (*out >= next)
        return pb_fail(PB_INVALID, "there is no %.*s: the month is shorter", PB_ARG(text));
    return PB_OK;
}

static bool is_holiday(const struct @ID@ *own, int64_t day)
{
    int64_t holiday;

    for (size_t i = 0; i < own->holidays.count; i++)
        if (read_day(PB_ITEM(own->holidays, pb_str, i), &holiday) == PB_OK && holiday == day)
            return true;
    return false;
}

/* --- the functions ---------------------------------------------------------------------------- */

static pb_status call_weekday(const pb_json *arguments, const pb_json **out)
{
    int64_t day;
    pb_status status = read_day(pb_json_text(pb_json_get(arguments, "date")), &day);

    if (status == PB_OK)
        *out = pb_json_string(pb_str_of(weekdays[weekday(day)]));
    return status;
}

static pb_status call_days_between(const struct @ID@ *own, const pb_json *arguments,
                                   const pb_json **out)
{
    int64_t from, to, working = 0;
    pb_status status = read_day(pb_json_text(pb_json_get(arguments, "from")), &from);

    if (status == PB_OK)
        status = read_day(pb_json_text(pb_json_get(arguments, "to")), &to);
    if (status != PB_OK)
        return status;
    if (to < from || to - from > 3700)
        return pb_fail(PB_INVALID, "'to' is a day after 'from', at most ten years later");
    for (int64_t day = from; day < to; day++)
        working += weekday(day) < 5 && !is_holiday(own, day);
    pb_json *result = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json_add(result, pb_lit("days"), pb_json_number((double)(to - from)));
    pb_json_add(result, pb_lit("working_days"), pb_json_number((double)working));
    *out = result;
    return PB_OK;
}

static pb_status @ID@_list(void *self, pb_tool_list *out)
{
    static const pb_str texts[][3] = {
        {PB_LIT("weekday"), PB_LIT("The day of the week of a date."),
         PB_LIT("{\"type\": \"object\", \"required\": [\"date\"], \"properties\": {"
                "\"date\": {\"type\": \"string\", \"format\": \"date\"}}}")},
        {PB_LIT("days_between"),
         PB_LIT("How many days and working days lie between two dates, the first included."),
         PB_LIT("{\"type\": \"object\", \"required\": [\"from\", \"to\"], \"properties\": {"
                "\"from\": {\"type\": \"string\", \"format\": \"date\"}, "
                "\"to\": {\"type\": \"string\", \"format\": \"date\"}}}")}};
    const pb_tool_function **list = PB_NEW_ARRAY(const pb_tool_function *, 2);
    pb_status status = list ? PB_OK : PB_NO_MEMORY;

    (void)self;
    for (size_t i = 0; i < 2 && status == PB_OK; i++) {
        pb_tool_function *function = PB_NEW(pb_tool_function);
        if (!function)
            return PB_NO_MEMORY;
        *function = (pb_tool_function){
            .size = sizeof *function, .name = texts[i][0], .description = texts[i][1]};
        status = pb_json_parse(texts[i][2], &function->parameters);
        list[i] = function;
    }
    out->functions = list;
    out->count = 2;
    return status;
}

static pb_status @ID@_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    if (pb_str_is(name, "weekday"))
        return call_weekday(arguments, out);
    if (pb_str_is(name, "days_between"))
        return call_days_between(self, arguments, out);
    return pb_fail(PB_NOT_FOUND, "there is no function '%.*s'", PB_ARG(name));
}

static void @ID@_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct @ID@ *own = self;
    int64_t day;

    for (size_t i = 0; i < own->holidays.count; i++)
        if (read_day(PB_ITEM(own->holidays, pb_str, i), &day) != PB_OK)
            pb_problem(diagnostics, pb_printf("holidays[%zu]", i).data, "%.*s",
                       PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Reckons with dates.",
          PB_TOOL("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check, .list = @ID@_list,
                  .call = @ID@_call));
