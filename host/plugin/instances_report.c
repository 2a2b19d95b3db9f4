/* instances_report.c - what instances say about themselves while they run: health and figures. */
#include "plugin/instances_internal.h"

#include "plugin/contract.h"

#include <stdlib.h>

/* Leaves the sentence in the task's error. Parks. */
static pb_status ask_health(pb_instance *instance)
{
    void *before = instance_enter(instance);

    pb_error_clear();
    pb_status status = instance->interface->health(instance->self);
    instance_leave(before);
    return contract_status(instance, status);
}

static bool has_health(const pb_instance *instance)
{
    return instance->state == INSTANCE_STARTED && instance->interface->health;
}

bool instances_health(void (*each)(void *arg, const struct instance_report *report), void *arg)
{
    bool well = true;

    for (pb_instance *instance = instances.first; instance; instance = instance->next) {
        if (!has_health(instance))
            continue;
        struct instance_report report = {.instance = instance, .status = ask_health(instance)};
        if (report.status != PB_OK) {
            well = false;
            report.sentence = pb_error_last()->sentence;
        }
        if (each)
            each(arg, &report);
        pb_error_clear();
    }
    return well;
}

/* --- figures ---------------------------------------------------------------------------------- */

struct figure {
    pb_str metric; /* patchbay_<kind>_<name> */
    pb_str kind;
    pb_str instance;
    pb_str name; /* as the instance calls it */
    double value;
};

/* Behind the opaque type of the SDK: gathers, because Prometheus wants all of one name together. */
struct pb_stats {
    const pb_instance *instance;
    struct figure *figures;
    size_t count, capacity;
};

static bool is_metric_name(pb_str name)
{
    for (size_t i = 0; i < name.size; i++)
        if (!(name.data[i] >= 'a' && name.data[i] <= 'z') && name.data[i] != '_')
            return false;
    return name.size > 0;
}

void host_stat(pb_stats *stats, pb_str name, double value)
{
    if (!is_metric_name(name))
        return;
    if (stats->count == stats->capacity) {
        size_t more = stats->capacity ? stats->capacity * 2 : 16, unit = sizeof *stats->figures;
        struct figure *figures = pb_grow(stats->figures, stats->capacity * unit, more * unit);
        if (!figures)
            return;
        stats->figures = figures;
        stats->capacity = more;
    }
    const pb_instance *instance = stats->instance;
    bool named = !pb_str_is(instance->kind, "stage");
    pb_str metric = pb_printf("patchbay_%.*s_%.*s", PB_ARG(instance->kind), PB_ARG(name));
    if (!metric.data)
        return;
    stats->figures[stats->count++] = (struct figure){
        .metric = metric,
        .name = pb_copy(name),
        .kind = instance->kind,
        .instance = named ? instance->name : instance->path,
        .value = value};
}

static int by_metric(const void *a, const void *b)
{
    const struct figure *x = a, *y = b;
    size_t size = x->metric.size < y->metric.size ? x->metric.size : y->metric.size;
    int order = memcmp(x->metric.data, y->metric.data, size);

    if (order == 0)
        order = (x->metric.size > y->metric.size) - (x->metric.size < y->metric.size);
    if (order)
        return order;
    size = x->instance.size < y->instance.size ? x->instance.size : y->instance.size;
    order = memcmp(x->instance.data, y->instance.data, size);
    return order ? order
                 : (x->instance.size > y->instance.size) - (x->instance.size < y->instance.size);
}

/* Backslash, quote and newline, as the text format wants them escaped. */
static void write_label(pb_buf *out, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n') {
            pb_buf_add(out, pb_lit("\\n"));
            continue;
        }
        if (text.data[i] == '\\' || text.data[i] == '"')
            pb_buf_byte(out, '\\');
        pb_buf_byte(out, text.data[i]);
    }
}

/* What runs in one worker may be called, and count, in every worker. */
static bool counts(const pb_instance *instance)
{
    bool there = instance->interface->single
                     ? instance->state > INSTANCE_READ && instance->state < INSTANCE_DESTROYED
                     : instance->state == INSTANCE_STARTED;
    return there && instance->interface->stats;
}

static void ask_stats(pb_instance *instance, struct pb_stats *stats)
{
    if (!counts(instance))
        return;
    stats->instance = instance;
    void *before = instance_enter(instance);
    instance->interface->stats(instance->self, stats);
    instance_leave(before);
}

void instances_stats_write(pb_buf *out)
{
    struct pb_stats stats = {0};
    pb_str last = {0};

    for (pb_instance *instance = instances.first; instance; instance = instance->next)
        ask_stats(instance, &stats);
    if (stats.count)
        qsort(stats.figures, stats.count, sizeof *stats.figures, by_metric);
    for (size_t i = 0; i < stats.count; i++) {
        const struct figure *figure = &stats.figures[i];
        if (!pb_str_equal(figure->metric, last))
            pb_buf_printf(out,
                          "# HELP %.*s Reported by each %.*s.\n# TYPE %.*s %s\n",
                          PB_ARG(figure->metric), PB_ARG(figure->kind), PB_ARG(figure->metric),
                          pb_str_ends(figure->metric, pb_lit("_total")) ? "counter" : "gauge");
        last = figure->metric;
        pb_buf_printf(out, "%.*s{instance=\"", PB_ARG(figure->metric));
        write_label(out, figure->instance);
        pb_buf_printf(out, "\"} %.15g\n", figure->value);
    }
}

/* --- one after the other ------------------------------------------------------------------------ */

static void write_pair(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

static void write_instance(pb_json_writer *writer, pb_instance *instance)
{
    struct pb_stats stats = {0};
    pb_status status = has_health(instance) ? ask_health(instance) : (pb_status)PB_OK;

    pb_jw_open(writer, '{');
    write_pair(writer, "path", instance->path);
    write_pair(writer, "kind", instance->kind);
    write_pair(writer, "name", instance->name);
    write_pair(writer, "use", pb_str_of(instance->component->name));
    write_pair(writer, "plugin", pb_str_of(instance->plugin->name));
    write_pair(writer, "version", pb_str_of(instance->plugin->version));
    write_pair(writer, "health", pb_str_of(pb_status_name(status)));
    if (status != PB_OK)
        write_pair(writer, "detail", pb_error_last()->sentence);
    pb_error_clear();
    ask_stats(instance, &stats);
    pb_jw_key(writer, "stats");
    pb_jw_open(writer, '{');
    for (size_t i = 0; i < stats.count; i++) {
        pb_jw_key_str(writer, stats.figures[i].name);
        pb_jw_double(writer, stats.figures[i].value);
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

void instances_report_write(pb_json_writer *writer)
{
    pb_jw_open(writer, '[');
    for (pb_instance *instance = instances.first; instance; instance = instance->next)
        if (!instance->broken)
            write_instance(writer, instance);
    pb_jw_close(writer, ']');
}
