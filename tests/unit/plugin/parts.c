/* parts.c - see parts.h. Kinds: llm echo, stage step, tool kit, auth gate, transports door (listens)
 * and desk (has run), exporter box (a draft kind). */
#define PB_PLUGIN_SYMBOL parts_plugin
#include "parts.h"

#include <patchbay/auth.h>
#include <patchbay/draft/exporter.h>
#include <patchbay/llm.h>
#include <patchbay/tool.h>
#include <patchbay/transport.h>

char parts_log[4096];

void parts_reset(void)
{
    parts_log[0] = 0;
}

static void note(const char *what, pb_str label)
{
    size_t size = strlen(parts_log);
    (void)snprintf(parts_log + size, sizeof parts_log - size, "%s%s %.*s", size ? "; " : "", what,
                   PB_ARG(label));
}

enum { FAIL_NONE, FAIL_CREATE, FAIL_START, FAIL_HEALTH, FAIL_MUTE };

struct limits {
    int64_t max;
};

struct key {
    pb_str hash;
    pb_instance *friend;
    pb_list keys; /* of the same: a table may contain itself */
};

struct part {
    pb_str label;
    int32_t fail;
    struct limits limits;
    pb_list keys;
    pb_secret password;
    pb_instance *peer;
    pb_instance *box;
    pb_list asks; /* of pb_str */
    void *memory;
};

static const pb_field limit_fields[] = {
    PB_INT(struct limits, max, .def = "10", .help = "The most; 13 is refused by check()."), PB_END};

static const pb_field key_fields[4];
static const pb_field key_fields[4] = {
    PB_STR(struct key, hash, .required = 1, .help = "check() wants hexadecimal."),
    PB_REF(struct key, friend, "llm", .help = "Another."),
    PB_LIST_OF(struct key, keys, struct key, key_fields, .help = "More of them."), PB_END};

static const pb_field options[] = {
    PB_STR(struct part, label, .def = "?", .help = "Its name in the log."),
    PB_ENUM(struct part, fail, .def = "none",
            .values = PB_VALUES("none", "create", "start", "health", "mute"), .help = "What fails."),
    PB_STRUCT(struct part, limits, struct limits, limit_fields, .help = "Limits."),
    PB_LIST_OF(struct part, keys, struct key, key_fields, .help = "Keys."),
    PB_SECRET(struct part, password, .help = "Not shown."),
    PB_REF(struct part, peer, "llm", .help = "Started before."),
    PB_REF(struct part, box, "exporter", .help = "A store."),
    PB_LIST(struct part, asks, PB_KIND_STR, .ref = "pipeline", .help = "Names of pipelines."),
    PB_END};

static void part_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct part *part = self;

    if (part->limits.max == 13)
        pb_problem(diagnostics, "limits.max", "13 is unlucky; take 12");
    for (size_t i = 0; i < part->keys.count; i++) {
        char field[32];
        (void)snprintf(field, sizeof field, "keys[%zu].hash", i);
        if (pb_str_is(PB_ITEM(part->keys, struct key, i).hash, "odd"))
            pb_warning(diagnostics, field, "an odd hash");
    }
}

static pb_status part_create(void *self)
{
    struct part *part = self;

    note("create", part->label);
    part->memory = pb_alloc(100);
    if (part->fail == FAIL_MUTE)
        return PB_UNAVAILABLE;
    return part->fail == FAIL_CREATE ? pb_fail(PB_INVALID, "no room for %.*s", PB_ARG(part->label))
                                     : PB_OK;
}

static pb_status part_start(void *self)
{
    struct part *part = self;

    note("start", part->label);
    memset(part->memory, 1, 100);
    return part->fail == FAIL_START ? pb_fail(PB_UNAVAILABLE, "nobody answers") : PB_OK;
}

static void part_stop(void *self)
{
    note("stop", ((struct part *)self)->label);
    (void)pb_fail(PB_TIMEOUT, "what stop says does not count");
}

static void part_destroy(void *self)
{
    note("destroy", ((struct part *)self)->label);
}

static pb_status part_health(void *self)
{
    return ((struct part *)self)->fail == FAIL_HEALTH ? pb_fail(PB_UNAVAILABLE, "feels ill") : PB_OK;
}

static void part_stats(void *self, pb_stats *stats)
{
    (void)self;
    pb_stat(stats, "calls_total", 3);
    pb_stat(stats, "open", 1.5);
    pb_stat(stats, "Not a name", 1);
}

static pb_status generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    (void)self, (void)request, (void)sink;
    return PB_OK;
}

static pb_status list(void *self, pb_tool_list *out)
{
    (void)self, (void)out;
    return PB_OK;
}

static pb_status tool_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    (void)self, (void)name, (void)arguments, (void)out;
    return PB_OK;
}

static pb_status authenticate(void *self, const pb_credentials *credentials, pb_principal *out)
{
    (void)self, (void)credentials, (void)out;
    return PB_DECLINED;
}

static int32_t desk_run(void *self, const pb_cli_call *call)
{
    (void)self, (void)call;
    return 0;
}

static pb_status audit(void *self, const pb_audit_record *const *batch, size_t count)
{
    (void)self, (void)batch, (void)count;
    return PB_OK;
}

/* --- a stage that has pipelines in it --------------------------------------------------------- */

struct step {
    struct part part;
    pb_instance *llm;
    pb_pipeline *inner;
    pb_list tries;
};

static const pb_field step_options[] = {
    PB_STR(struct step, part.label, .name = "label", .def = "?", .help = "Its name in the log."),
    PB_REF(struct step, llm, "llm", .required = 1, .help = "Which model."),
    PB_PIPELINE(struct step, inner, .help = "Stages inside."),
    PB_LIST(struct step, tries, PB_KIND_PIPELINE, .help = "One after the other."),
    PB_END};

static pb_status step_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return PB_OK;
}

#define LIFE                                                                                       \
    .check = part_check, .create = part_create, .start = part_start, .stop = part_stop,            \
    .destroy = part_destroy, .health = part_health

PB_PLUGIN("parts", "1.2.0", "MIT", "Parts for tests.",
          PB_LLM("echo", struct part, options, LIFE, .stats = part_stats, .generate = generate),
          PB_TOOL("kit", struct part, options, LIFE, .list = list, .call = tool_call),
          PB_AUTH("gate", struct part, options, LIFE, .authenticate = authenticate),
          PB_TRANSPORT("door", struct part, options, LIFE),
          PB_TRANSPORT("desk", struct part, options, LIFE, .run = desk_run),
          PB_STAGE("step", struct step, step_options, .create = part_create, .start = part_start,
                   .stop = part_stop, .destroy = part_destroy, .run = step_run),
          PB_EXPORTER("box", struct part, options, LIFE, .audit = audit));
