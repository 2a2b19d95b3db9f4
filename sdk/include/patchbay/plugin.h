/* plugin.h - declaring a plugin and its components.
 *
 *     PB_PLUGIN("shout", "1.0.0", "MIT", "Makes every reply louder.",
 *               PB_STAGE("shout", struct shout, shout_options, .run = shout_run));
 *
 * The macro places the manifest in section ".patchbay" and defines the one exported symbol. The
 * declaring macros are C11; a C++ or Rust plugin keeps them in one small C file.
 */
#ifndef PATCHBAY_PLUGIN_H
#define PATCHBAY_PLUGIN_H

#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <patchbay/schema.h>
#include <patchbay/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What every interface struct begins with. `self` is the instance: a zeroed struct of the size that
 * the component declares, filled from its options, at the same address until destroy.
 *
 *     call     when                                      may park   on failure
 *     check    after the options were read; no create    no         diagnose with pb_problem
 *     create   once, before any other but check          no         nothing else is called
 *     start    once, after all that it refers to         yes        stop is not called, destroy is
 *     stop     once, before what it refers to            yes        is logged
 *     destroy  exactly once after a successful create    no         cannot fail
 *     health   whenever /readyz is asked                 yes        its sentence is shown
 *     stats    whenever /metrics is asked                no         cannot fail
 *
 * A component with `.single = 1` (a poller, a watcher, a clock) is created in every worker and
 * started in one: when that one ends or dies, another starts it. Its other functions are called in
 * every worker and must do without what start made; start may come again after stop, and health is
 * asked only where it runs.
 *
 * All are optional. create and start allocate (pb_alloc) in the instance's own scope, which lives
 * until after destroy. */
#define PB_LIFECYCLE                                                                               \
    uint32_t size;     /* of the interface struct, set by the macro */                             \
    uint32_t revision; /* of the interface, set by the macro */                                    \
    void (*check)(const void *self, pb_diagnostics *diagnostics);                                  \
    pb_status (*create)(void *self);                                                               \
    pb_status (*start)(void *self);                                                                \
    void (*stop)(void *self);                                                                      \
    void (*destroy)(void *self);                                                                   \
    pb_status (*health)(void *self);                                                               \
    void (*stats)(void *self, pb_stats *stats);                                                    \
    uintptr_t single; /* 1: start to stop in one worker at a time */                               \
    void (*reserved[2])(void);

/* The common beginning of every interface struct. */
typedef struct pb_interface {
    PB_LIFECYCLE
} pb_interface;

/* One component of a plugin. Static, constant. */
struct pb_component {
    uint32_t size;
    uint32_t instance_size; /* of the instance struct */
    const char *kind;       /* "stage", "llm", … */
    const char *name;       /* what `use:` (or a stage's key) names */
    const pb_field *options;
    const pb_interface *interface; /* pb_stage, pb_llm, … */
};

/* For check(): reports a problem with an option. `field` names it as written in YAML ("limits.max",
 * "keys[2].hash"; "" for the whole), so that the line can be shown. */
PB_PRINTF(3, 4)
static inline void pb_problem(pb_diagnostics *diagnostics, const char *field, const char *format,
                              ...)
{
    char sentence[PB_SENTENCE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    PB_CALL(diagnose)(diagnostics, 0, pb_str_of(field), pb_str_of(sentence));
}

/* The same for what works but is probably not meant. */
PB_PRINTF(3, 4)
static inline void pb_warning(pb_diagnostics *diagnostics, const char *field, const char *format,
                              ...)
{
    char sentence[PB_SENTENCE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    PB_CALL(diagnose)(diagnostics, 1, pb_str_of(field), pb_str_of(sentence));
}

/* Memory that all instances of this plugin have in common in this process, for a library that has one
 * state for all (then with a pb_lock in it). Zeroed when it is first asked for, there for ever; each call
 * asks for the same size. NULL with the task's error set. Not on a helper thread: hand it over. Does not
 * park. */
static inline void *pb_common(size_t size)
{
    return PB_CALL(common)(size);
}

/* For the end of a sentence about a word that is not known: "; did you mean 'en-us'?" where one of
 * `words` is near, else "; known are 'a', 'b' and 5 more", or "" without words. In the running scope.
 * Does not park. */
static inline pb_str pb_hint(pb_str word, const pb_str *words, size_t count)
{
    return PB_CALL(hint)(word, words, count);
}

/* For stats(): one figure, shown as patchbay_<kind>_<name>{instance="…"}. `name` is [a-z_]+.
 * Figures of all workers are added up; of one that they share, "shared_…", the largest is shown. */
static inline void pb_stat(pb_stats *stats, const char *name, double value)
{
    PB_CALL(stat)(stats, pb_str_of(name), value);
}

/* An instance's name in the configuration ("main"); of NULL that of the one that is running, which a
 * plugin calls itself by. Lives as long as the process. */
static inline pb_str pb_instance_name(pb_instance *instance)
{
    return PB_CALL(instance_name)(instance);
}

/* The name of its component ("openai"). */
static inline pb_str pb_instance_component(pb_instance *instance)
{
    return PB_CALL(instance_component)(instance);
}

#ifndef __cplusplus
/* An interface macro (PB_STAGE, PB_LLM, …) expands to a tuple, which PB_PLUGIN takes apart twice:
 * into the manifest's text and into the component's struct. */
#define PB_COMPONENT(ctype, kind, revision, name, owner, table, ...)                               \
    (ctype, kind, revision, name, owner, table, __VA_ARGS__)

#define PB_MANIFEST_OF_(ctype, kind, revision, name, ...)                                          \
    "PATCHBAY/component " kind "/" PB_TEXT(revision) ":" name "\0"
#define PB_MANIFEST_OF(tuple) PB_MANIFEST_OF_ tuple

#define PB_STRUCT_OF_(ctype, kindname, rev, compname, owner, table, ...)                           \
    &(const pb_component){                                                                         \
        .size = (uint32_t)sizeof(pb_component),                                                    \
        .instance_size = (uint32_t)sizeof(owner),                                                  \
        .kind = kindname,                                                                          \
        .name = compname,                                                                          \
        .options = table,                                                                          \
        .interface = (const pb_interface *)&(const ctype){                                         \
            .size = (uint32_t)sizeof(ctype), .revision = (rev), __VA_ARGS__}},
#define PB_STRUCT_OF(tuple) PB_STRUCT_OF_ tuple

#define PB_EACH_1(m, a) m(a)
#define PB_EACH_2(m, a, ...) m(a) PB_EACH_1(m, __VA_ARGS__)
#define PB_EACH_3(m, a, ...) m(a) PB_EACH_2(m, __VA_ARGS__)
#define PB_EACH_4(m, a, ...) m(a) PB_EACH_3(m, __VA_ARGS__)
#define PB_EACH_5(m, a, ...) m(a) PB_EACH_4(m, __VA_ARGS__)
#define PB_EACH_6(m, a, ...) m(a) PB_EACH_5(m, __VA_ARGS__)
#define PB_EACH_7(m, a, ...) m(a) PB_EACH_6(m, __VA_ARGS__)
#define PB_EACH_8(m, a, ...) m(a) PB_EACH_7(m, __VA_ARGS__)
#define PB_EACH_PICK(a, b, c, d, e, f, g, h, name, ...) name
#define PB_EACH(m, ...)                                                                            \
    PB_EACH_PICK(__VA_ARGS__, PB_EACH_8, PB_EACH_7, PB_EACH_6, PB_EACH_5, PB_EACH_4, PB_EACH_3,    \
                 PB_EACH_2, PB_EACH_1, 0)                                                          \
    (m, __VA_ARGS__)

/* PB_PLUGIN(name, version, licence (SPDX), one sentence, one to eight components). */
#define PB_PLUGIN(plugin_name, plugin_version, plugin_license, plugin_help, ...)                   \
    PB_HIDDEN const pb_host *pb_host_table;                                                        \
    PB_SECTION static const char pb_plugin_manifest[] =                                            \
        "PATCHBAY/1 abi=" PB_TEXT(PB_ABI_MAJOR) " level=" PB_TEXT(PB_API) " name=" plugin_name     \
        " version=" plugin_version " license=" plugin_license "\0"                                 \
        PB_EACH(PB_MANIFEST_OF, __VA_ARGS__);                                                      \
    extern PB_EXPORT const pb_plugin PB_PLUGIN_SYMBOL;                                             \
    PB_EXPORT const pb_plugin PB_PLUGIN_SYMBOL = {                                                 \
        .magic = PB_MAGIC,                                                                         \
        .abi_major = PB_ABI_MAJOR,                                                                 \
        .size = (uint32_t)sizeof(pb_plugin),                                                       \
        .api_level = PB_API,                                                                       \
        .name = plugin_name,                                                                       \
        .version = plugin_version,                                                                 \
        .license = plugin_license,                                                                 \
        .help = plugin_help,                                                                       \
        .components =                                                                              \
            (const pb_component *const[]){PB_EACH(PB_STRUCT_OF, __VA_ARGS__) NULL},                \
        .host = &pb_host_table,                                                                    \
    }
#endif

#ifdef __cplusplus
}
#endif

#endif
