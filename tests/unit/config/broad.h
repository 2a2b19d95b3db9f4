/* broad.h - a table with a field of every kind and facet, for the tests of the configuration and
 * its fuzz target. */
#ifndef TESTS_UNIT_CONFIG_BROAD_H
#define TESTS_UNIT_CONFIG_BROAD_H

#include "config/schema.h"

struct broad_limits {
    int64_t most;
    pb_duration after;
    pb_str name;
};

struct broad_tls {
    pb_str certificate;
    pb_str key;
    int32_t version;
};

struct broad_rule {
    pb_str say;
    double weight;
    pb_list rules;
};

struct broad {
    pb_str text;
    pb_str form;
    pb_secret password;
    int64_t count;
    int64_t below;
    double ratio;
    bool on;
    int64_t room;
    pb_duration wait;
    int32_t mode;
    pb_str file;
    pb_str store;
    pb_instance *llm;
    pb_instance *cache;
    pb_pipeline *stages;
    pb_list words;
    pb_list numbers;
    pb_list models;
    pb_list tries;
    pb_list rules;
    pb_map prices;
    pb_map headers;
    pb_map people;
    struct broad_limits limits;
    struct broad_tls tls;
    const pb_json *extra;
};

enum { BROAD_FAST, BROAD_SLOW };

static const pb_field broad_limits_fields[] = {
    PB_INT(struct broad_limits, most, .def = "7", .min = 1, .max = 10, .help = "How many at once."),
    PB_DURATION(struct broad_limits, after, .def = "1500ms", .max = 60),
    PB_STR(struct broad_limits, name, .required = 1, .help = "What it is called."), PB_END};

static const pb_field broad_tls_fields[] = {
    PB_PATH(struct broad_tls, certificate, .required = 1),
    PB_PATH(struct broad_tls, key, .required = 1),
    PB_ENUM(struct broad_tls, version, .values = PB_VALUES("1.2", "1.3"), .def = "1.3"), PB_END};

static const pb_field broad_rule_fields[4] = {
    PB_STR(struct broad_rule, say, .required = 1, .max_length = 20),
    PB_FLOAT(struct broad_rule, weight, .min = -1, .max = 1, .def = "0.5"),
    PB_LIST_OF(struct broad_rule, rules, struct broad_rule, broad_rule_fields), PB_END};

static const pb_field broad_fields[] = {
    PB_STR(struct broad, text, .max_length = 40, .help = "Any text."),
    PB_STR(struct broad, form, .pattern = "[a-z]+(-[a-z]+)*", .def = "a-b"),
    PB_SECRET(struct broad, password, .name = "pass", .help = "Never shown."),
    PB_INT(struct broad, count, .def = "3", .min = 1, .max = 100, .help = "How often."),
    PB_INT(struct broad, below, .min = -5),
    PB_FLOAT(struct broad, ratio, .def = "0.25", .max = 2),
    PB_BOOL(struct broad, on, .def = "true"),
    PB_SIZE(struct broad, room, .def = "64KiB", .min = 1024, .max = 1048576),
    PB_DURATION(struct broad, wait, .def = "30s", .min = 0.001, .max = 3600, .alias = "timeout"),
    PB_ENUM(struct broad, mode, .values = PB_VALUES("fast", "slow"), .def = "slow"),
    PB_PATH(struct broad, file, .def = "broad.txt"),
    PB_DATA_PATH(struct broad, store, .name = "data"),
    PB_REF(struct broad, llm, "llm", .required = 1, .help = "Which model."),
    PB_REF(struct broad, cache, "cache"),
    PB_PIPELINE(struct broad, stages),
    PB_LIST(struct broad, words, PB_KIND_STR, .def = "[one, two]", .max_length = 3),
    PB_LIST(struct broad, numbers, PB_KIND_INT, .max = 9),
    PB_LIST(struct broad, models, PB_KIND_REF, .ref = "llm"),
    PB_LIST(struct broad, tries, PB_KIND_PIPELINE, .name = "try"),
    PB_LIST_OF(struct broad, rules, struct broad_rule, broad_rule_fields),
    PB_MAP(struct broad, prices, PB_KIND_FLOAT),
    PB_MAP(struct broad, headers, PB_KIND_SECRET),
    PB_MAP_OF(struct broad, people, struct broad_limits, broad_limits_fields),
    PB_STRUCT(struct broad, limits, struct broad_limits, broad_limits_fields),
    PB_STRUCT(struct broad, tls, struct broad_tls, broad_tls_fields, .help = "Serves https."),
    PB_JSON(struct broad, extra),
    PB_END};

/* Stand-ins for what the plugin layer resolves: the instances are called "main" and "other". */
static char broad_main, broad_other, broad_stages;

static inline pb_status broad_resolve(const struct schema_hooks *hooks, const pb_field *field,
                                      pb_str name, struct config_node *node, pb_instance **out)
{
    (void)hooks;
    (void)node;
    if (name.data && !pb_str_is(name, "main") && !pb_str_is(name, "other"))
        return pb_fail(PB_NOT_FOUND, "no %s is called '%.*s'", field->ref, PB_ARG(name));
    *out = (pb_instance *)(void *)(pb_str_is(name, "other") ? &broad_other : &broad_main);
    return PB_OK;
}

static inline pb_status broad_build(const struct schema_hooks *hooks, struct config_node *node,
                                    pb_pipeline **out)
{
    (void)hooks;
    if (node->count > 3)
        return pb_fail(PB_INVALID, "more than 3 stages");
    *out = (pb_pipeline *)(void *)&broad_stages;
    return PB_OK;
}

static const struct schema_hooks broad_hooks = {broad_resolve, broad_build, NULL};

#endif
