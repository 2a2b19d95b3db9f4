/* mcp - a server of the Model Context Protocol: operations and pipelines as tools, documents as
 * resources, prompts of the configuration.
 *
 * Here: options, what they must not say, start.
 */
#include "mcp.h"

static const pb_field argument_fields[] = {
    PB_STR(struct argument, name, .required = 1, .max_length = 64, .pattern = "[A-Za-z0-9_.-]+",
           .help = "Its name, as {{name}} in the template."),
    PB_STR(struct argument, description, .max_length = 1000, .help = "What to fill in."),
    PB_BOOL(struct argument, required, .help = "The prompt makes no sense without it."),
    PB_LIST(struct argument, values, PB_KIND_STR, .max_length = 1000,
            .help = "Values to offer while a person types; others are taken too."),
    PB_END};

static const pb_field prompt_fields[] = {
    PB_STR(struct prompt, title, .max_length = 200, .help = "For people."),
    PB_STR(struct prompt, description, .max_length = 1000, .help = "What it is for."),
    PB_LIST_OF(struct prompt, arguments, struct argument, argument_fields, .max_length = 32,
               .help = "What its template takes."),
    PB_STR(struct prompt, text, .name = "template", .required = 1, .max_length = 1 << 18,
           .help = "The user's message, with {{name}} where an argument goes."),
    PB_END};

static const pb_field choice_fields[] = {
    PB_LIST(struct choice, allow, PB_KIND_STR, .max_length = 1000,
            .help = "Ids of operations, as \"documents.get\" or \"conversations.*\". None: all."),
    PB_LIST(struct choice, deny, PB_KIND_STR, .max_length = 1000, .help = "All but these."),
    PB_END};

static const pb_field mcp_options[] = {
    PB_REF(struct mcp, cache, "cache", .required = 1,
           .help = "Where sessions are kept; shared by all workers."),
    PB_LIST(struct mcp, pipelines, PB_KIND_STR, .ref = "pipeline", .max_length = 1000,
            .help = "Pipelines that are offered as tools: ask_<pipeline>."),
    PB_STRUCT(struct mcp, tools, struct choice, choice_fields,
              .help = "Which operations are offered, of those that the caller's scopes allow."),
    PB_BOOL(struct mcp, documents, .def = "true",
            .help = "Offer documents as resources, where a service keeps any."),
    PB_MAP_OF(struct mcp, prompts, struct prompt, prompt_fields, .max_length = 1000,
              .help = "Prompts by name."),
    PB_LIST(struct mcp, origins, PB_KIND_STR, .max_length = 64,
            .help =
                "Origins of web pages that may call, as https://app.example.com; the transport's "
                "`cors` must name them too."),
    PB_STR(struct mcp, instructions, .max_length = 1 << 16,
           .help = "What a client's model is told about this server."),
    PB_INT(struct mcp, page, .def = "100", .min = 1, .max = 200,
           .help = "Tools, prompts or documents in one page of a list."),
    PB_SIZE(struct mcp, max_content, .def = "4MiB", .min = 1024, .max = 67108864,
            .help = "The longest answer of an operation and the largest document that is handed "
                    "out."),
    PB_DURATION(struct mcp, session, .def = "24h", .min = 1, .max = 31536000,
                .help = "How long a session lasts; clients begin a new one by themselves."),
    PB_END};

static void check_list(const pb_list *list, const char *name, pb_diagnostics *diagnostics)
{
    for (size_t i = 0; i < list->count; i++) {
        pb_str pattern = PB_ITEM(*list, pb_str, i);
        char field[64];

        (void)snprintf(field, sizeof field, "tools.%s[%zu]", name, i);
        if (!pattern.size || pb_str_find(pattern, '*') + 1 < pattern.size)
            pb_problem(diagnostics, field,
                       "must be the id of an operation, with '*' at its end alone");
    }
}

static void check_prompt(const struct prompt *prompt, pb_str name, pb_diagnostics *diagnostics)
{
    pb_str problem;
    char field[128];

    (void)snprintf(field, sizeof field, "prompts.%.*s.template", PB_ARG(name));
    if (prompts_check(prompt, &problem) != PB_OK)
        pb_problem(diagnostics, field, "%.*s", PB_ARG(problem));
    for (size_t i = 1; i < prompt->arguments.count; i++)
        for (size_t j = 0; j < i; j++)
            if (pb_str_equal(PB_ITEM(prompt->arguments, struct argument, i).name,
                             PB_ITEM(prompt->arguments, struct argument, j).name)) {
                (void)snprintf(field, sizeof field, "prompts.%.*s.arguments[%zu].name",
                               PB_ARG(name), i);
                pb_problem(diagnostics, field, "is there twice");
            }
}

static void mcp_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct mcp *mcp = self;
    char field[64];

    check_list(&mcp->tools.allow, "allow", diagnostics);
    check_list(&mcp->tools.deny, "deny", diagnostics);
    for (size_t i = 0; i < mcp->prompts.count; i++)
        check_prompt(&((const struct prompt *)mcp->prompts.items)[i], mcp->prompts.keys[i],
                     diagnostics);
    for (size_t i = 0; i < mcp->origins.count; i++) {
        pb_str origin = PB_ITEM(mcp->origins, pb_str, i);
        (void)snprintf(field, sizeof field, "origins[%zu]", i);
        if (!pb_str_starts(origin, pb_lit("http://")) && !pb_str_starts(origin, pb_lit("https://")))
            pb_problem(diagnostics, field, "must be an origin, as https://app.example.com");
    }
    for (size_t i = 0; i < mcp->pipelines.count; i++) {
        pb_str name = PB_ITEM(mcp->pipelines, pb_str, i);
        (void)snprintf(field, sizeof field, "pipelines[%zu]", i);
        if (name.size > 120)
            pb_problem(diagnostics, field, "is too long for a tool's name");
    }
}

static pb_status mcp_start(void *self)
{
    struct mcp *mcp = self;

    mcp->found = PB_NEW_ARRAY(pb_pipeline *, mcp->pipelines.count + 1);
    if (!mcp->found)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < mcp->pipelines.count; i++) {
        pb_str name = PB_ITEM(mcp->pipelines, pb_str, i);
        mcp->found[i] = pb_pipeline_find(name);
        if (!mcp->found[i])
            return pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'", PB_ARG(name));
    }
    return PB_OK;
}

PB_PLUGIN("mcp", "0.1.0", "Apache-2.0",
          "Serves the Model Context Protocol: tools, resources and prompts.",
          PB_SERVICE("mcp", struct mcp, mcp_options, .check = mcp_check, .start = mcp_start,
                     .operations = mcp_operations));
