/* metrics.c - see metrics.h. A metric is a list of samples, one a label value; the one used last is
 * found without a look-up. */
#include "base/metrics.h"

#include "base/map.h"
#include "base/scope.h"
#include "base/str.h"
#include <math.h>
#include <stdlib.h>

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                1,      2.5,   5,      10,    25,   60,    120,  300, 600};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

struct sample {
    struct sample *next;
    char *value; /* of the label */
    pb_str key;  /* the same */
    double sum;
    uint64_t count;            /* of a histogram */
    uint64_t buckets[]; /* of a histogram: not cumulative */
};

struct pb_metric {
    pb_metric *next; /* by name */
    int32_t kind;
    char *name, *help, *label; /* label: NULL when there is none */
    struct sample *first, *last, *recent;
    size_t values; /* label values that have a sample */
    struct map by_value;
};

static pb_metric *metrics;

/* --- making ----------------------------------------------------------------------------------- */

static bool is_name(pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return name.size > 0 && name.size <= 128;
}

/* A suffix that Prometheus gives to series of other kinds of metric would make two of one name. */
static bool is_taken_suffix(int32_t kind, pb_str name)
{
    return pb_str_ends(name, pb_lit("_bucket")) || pb_str_ends(name, pb_lit("_count")) ||
           pb_str_ends(name, pb_lit("_sum")) ||
           (kind != PB_COUNTER && pb_str_ends(name, pb_lit("_total")));
}

static char *text_copy(pb_str text)
{
    return strndup(text.data ? text.data : "", text.size);
}

static void metric_free(pb_metric *metric)
{
    metric_clear(metric);
    free(metric->name);
    free(metric->help);
    free(metric->label);
    free(metric);
}

static pb_metric *make(int32_t kind, pb_str name, pb_str help, pb_str label)
{
    pb_metric *metric = calloc(1, sizeof *metric);

    if (!metric)
        return NULL;
    metric->kind = kind;
    metric->name = text_copy(name);
    metric->help = text_copy(help.size ? help : name);
    metric->label = label.size ? text_copy(label) : NULL;
    if (!metric->name || !metric->help || (label.size && !metric->label)) {
        metric_free(metric);
        return NULL;
    }
    return metric;
}

pb_metric *host_metric_new(int32_t kind, pb_str name, pb_str help, pb_str label)
{
    bool valid = scope_current() && is_name(name) && (!label.size || is_name(label)) &&
                 !pb_str_is(label, "le") && kind >= PB_COUNTER && kind <= PB_HISTOGRAM;

    if (valid && kind == PB_COUNTER && pb_str_ends(name, pb_lit("_total")))
        name.size -= 6; /* written with it in any case */
    if (!valid || is_taken_suffix(kind, name)) {
        pb_log(PB_WARN, "metric '%.*s' is not made: a bad name, label or kind", PB_ARG(name));
        return NULL;
    }
    pb_metric **at = &metrics;
    for (; *at; at = &(*at)->next) {
        int order = str_compare(pb_str_of((*at)->name), name);
        if (order > 0)
            break;
        if (order < 0)
            continue;
        bool same = (*at)->kind == kind && pb_str_is(label, (*at)->label ? (*at)->label : "");
        if (!same)
            pb_log(PB_WARN, "metric '%.*s' exists already as another kind", PB_ARG(name));
        return same ? *at : NULL;
    }
    pb_metric *metric = make(kind, name, help, label);
    if (metric) {
        metric->next = *at;
        *at = metric;
    }
    return metric;
}

/* --- counting --------------------------------------------------------------------------------- */

static struct sample *sample_new(pb_metric *metric, pb_str value)
{
    size_t buckets = metric->kind == PB_HISTOGRAM ? BOUNDS + 1 : 0;
    struct sample *sample = calloc(1, sizeof *sample + buckets * sizeof *sample->buckets);

    if (sample)
        sample->value = text_copy(value);
    if (!sample || !sample->value) {
        free(sample);
        return NULL;
    }
    sample->key = pb_str_make(sample->value, value.size);
    if (metric->label && !map_put(&metric->by_value, sample->key, sample)) {
        free(sample->value);
        free(sample);
        return NULL;
    }
    if (metric->last)
        metric->last->next = sample;
    else
        metric->first = sample;
    metric->last = sample;
    metric->values++;
    return sample;
}

/* NULL when memory is short: the figure is lost then, nothing else. */
static struct sample *sample_of(pb_metric *metric, pb_str value)
{
    struct sample *sample = metric->recent;

    if (!metric->label)
        value = pb_str_make("", 0);
    if (sample && pb_str_equal(sample->key, value))
        return sample;
    if (!metric->label) {
        sample = metric->first ? metric->first : sample_new(metric, value);
    } else {
        sample = map_get(&metric->by_value, value);
        if (!sample && metric->values >= METRIC_VALUES) {
            value = pb_lit("other");
            sample = map_get(&metric->by_value, value);
        }
        if (!sample)
            sample = sample_new(metric, value);
    }
    metric->recent = sample;
    return sample;
}

void host_metric_add(pb_metric *metric, pb_str label_value, double amount)
{
    if (!metric || !scope_current() || (metric->kind == PB_COUNTER && !(amount >= 0)))
        return;
    struct sample *sample = sample_of(metric, label_value);
    if (!sample)
        return;
    sample->sum += amount;
    if (metric->kind != PB_HISTOGRAM)
        return;
    int bucket = 0;
    while (bucket < BOUNDS && amount > bounds[bucket])
        bucket++;
    sample->buckets[bucket]++;
    sample->count++;
}

void metric_set(pb_metric *metric, pb_str label_value, double value)
{
    struct sample *sample =
        metric && metric->kind == PB_GAUGE ? sample_of(metric, label_value) : NULL;
    if (sample)
        sample->sum = value;
}

double metric_value(const pb_metric *metric, pb_str label_value)
{
    const struct sample *sample = metric ? metric->first : NULL;

    if (metric && metric->label)
        sample = map_get(&metric->by_value, label_value);
    if (!sample)
        return 0;
    return metric->kind == PB_HISTOGRAM ? (double)sample->count : sample->sum;
}

void metric_clear(pb_metric *metric)
{
    for (struct sample *sample = metric->first, *next; sample; sample = next) {
        next = sample->next;
        free(sample->value);
        free(sample);
    }
    map_fini(&metric->by_value);
    metric->first = metric->last = metric->recent = NULL;
    metric->values = 0;
}

void metrics_fini(void)
{
    for (pb_metric *next; metrics; metrics = next) {
        next = metrics->next;
        metric_free(metrics);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_escaped(pb_buf *out, pb_str text, bool quotes)
{
    for (size_t i = 0, size; i < text.size; i += size ? size : 1) {
        char c = text.data[i];
        size = utf8_sequence(text.data + i, text.size - i);
        if (c == '\n')
            pb_buf_add(out, pb_lit("\\n"));
        else if (c == '\\' || (quotes && c == '"'))
            pb_buf_byte(out, '\\'), pb_buf_byte(out, c);
        else
            pb_buf_add(out, size ? pb_str_make(text.data + i, size) : pb_lit("\xEF\xBF\xBD"));
    }
}

void metrics_number_write(pb_buf *out, double value)
{
    if (isnan(value))
        pb_buf_add(out, pb_lit("NaN"));
    else if (isinf(value))
        pb_buf_add(out, value < 0 ? pb_lit("-Inf") : pb_lit("+Inf"));
    else
        pb_buf_printf(out, "%.15g", value);
}

struct series {
    const pb_metric *metric;
    const struct sample *sample;
    const char *suffix;
    const double *bound; /* of a histogram's bucket, or NULL */
};

/* One line but for its number: patchbay_<name><suffix>{label="value",le="bound"} */
static void write_series(pb_buf *out, const struct series *series)
{
    const char *label = series->metric->label;

    pb_buf_printf(out, "patchbay_%s%s", series->metric->name, series->suffix);
    if (label || series->bound)
        pb_buf_byte(out, '{');
    if (label) {
        pb_buf_printf(out, "%s=\"", label);
        write_escaped(out, series->sample->key, true);
        pb_buf_byte(out, '"');
    }
    if (series->bound) {
        pb_buf_add(out, label ? pb_lit(",le=\"") : pb_lit("le=\""));
        metrics_number_write(out, *series->bound);
        pb_buf_byte(out, '"');
    }
    pb_buf_add(out, label || series->bound ? pb_lit("} ") : pb_lit(" "));
}

static void write_histogram(pb_buf *out, const pb_metric *metric, const struct sample *sample)
{
    uint64_t below = 0;

    for (int i = 0; i <= BOUNDS; i++) {
        double bound = i < BOUNDS ? bounds[i] : (double)INFINITY;
        below += sample->buckets[i];
        write_series(out, &(struct series){metric, sample, "_bucket", &bound});
        pb_buf_printf(out, "%llu\n", (unsigned long long)below);
    }
    write_series(out, &(struct series){metric, sample, "_sum", NULL});
    metrics_number_write(out, sample->sum);
    pb_buf_byte(out, '\n');
    write_series(out, &(struct series){metric, sample, "_count", NULL});
    pb_buf_printf(out, "%llu\n", (unsigned long long)sample->count);
}

void metrics_write(pb_buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    static const struct sample zero = {.value = NULL};

    for (const pb_metric *metric = metrics; metric; metric = metric->next) {
        const char *suffix = metric->kind == PB_COUNTER ? "_total" : "";
        bool unset = !metric->first && !metric->label && metric->kind != PB_HISTOGRAM;
        if (!metric->first && !unset)
            continue; /* nothing to say yet */
        pb_buf_printf(out, "# HELP patchbay_%s%s ", metric->name, suffix);
        write_escaped(out, pb_str_of(metric->help), false);
        pb_buf_printf(out, "\n# TYPE patchbay_%s%s %s\n", metric->name, suffix,
                      kinds[metric->kind]);
        for (const struct sample *sample = unset ? &zero : metric->first; sample;
             sample = sample->next) {
            if (metric->kind == PB_HISTOGRAM) {
                write_histogram(out, metric, sample);
                continue;
            }
            write_series(out, &(struct series){metric, sample, suffix, NULL});
            metrics_number_write(out, sample->sum);
            pb_buf_byte(out, '\n');
        }
    }
}
