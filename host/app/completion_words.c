/* completion_words.c - see completion.h. A configuration that cannot be read completes less, and
 * says nothing.
 */
#include "app/completion.h"

#include "app/documents.h"
#include "app/load.h"
#include "app/new.h"
#include "plugin/instances.h"
#include "plugin/registry.h"
#include "turn/operations.h"
#include <patchbay/schema.h>
#include <patchbay/service.h>
#include <stdio.h>

/* A command line as far as it is typed. */
struct typed {
    const struct command *command; /* NULL: a noun, or nothing yet */
    const char *noun, *verb;       /* of an operation */
    const char *before;            /* the word before the current, or "" */
    const char *current;
    size_t words; /* behind the command that are no options */
    const char *const *argv;
    size_t count;
};

static void offer(const struct typed *typed, const char *word, const char *help)
{
    if (strncmp(word, typed->current, strlen(typed->current)) == 0)
        printf("%s\t%s\n", word, help ? help : "");
}

static void offer_str(const struct typed *typed, pb_str word, pb_str help)
{
    offer(typed, pb_copy(word).data, help.size ? pb_copy(help).data : NULL);
}

/* --- what was typed --------------------------------------------------------------------------- */

static const struct command *find_command(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static unsigned taken_by(const struct typed *typed)
{
    return typed->command ? typed->command->takes
                          : TAKES_CONFIG | TAKES_URL | TAKES_JSON | TAKES_FIELDS;
}

static const struct command_option *find_option(const struct typed *typed, const char *name)
{
    for (const struct command_option *at = command_options; at->name; at++)
        if (strcmp(at->name, name) == 0 && (!at->taken || taken_by(typed) & at->taken))
            return at;
    return NULL;
}

static bool takes_value(const struct typed *typed, const char *name)
{
    const struct command_option *option = find_option(typed, name);

    if (option)
        return !option->flag;
    return strncmp(name, "--", 2) == 0 && name[2] && !strchr(name, '=') &&
           (taken_by(typed) & TAKES_FIELDS);
}

static void read_typed(struct typed *typed)
{
    typed->current = typed->count ? typed->argv[typed->count - 1] : "";
    typed->before = typed->count > 1 ? typed->argv[typed->count - 2] : "";
    if (typed->count < 2)
        return;
    typed->command = find_command(typed->argv[0]);
    bool documents = typed->command && typed->command->run == command_documents;
    if (!typed->command || documents)
        typed->noun = typed->argv[0];
    for (size_t i = 1; i + 1 < typed->count; i++) {
        const char *word = typed->argv[i];
        if (word[0] == '-' && word[1]) {
            i += takes_value(typed, word);
        } else {
            if (!typed->words && typed->noun)
                typed->verb = word;
            typed->words++;
        }
    }
}

/* With what the command line says of it. */
static void load(const struct invocation *given, const struct typed *typed)
{
    static struct invocation invocation;
    static struct loaded loaded;

    invocation = *given;
    for (size_t i = 1; i + 2 < typed->count; i++) {
        if (strcmp(typed->argv[i], "-c") == 0 || strcmp(typed->argv[i], "--config") == 0)
            invocation.config = typed->argv[i + 1];
        if (strcmp(typed->argv[i], "--data-dir") == 0)
            invocation.data_dir = typed->argv[i + 1];
    }
    pb_status status = load_config(&invocation, &loaded);
    pb_error_clear();
    if (status == PB_OK || !loaded.root) /* without a configuration there are the host's own */
        (void)operations_setup();
}

/* --- operations ------------------------------------------------------------------------------- */

/* The verb of an operation of this noun, or NULL. */
static const char *verb_of(const pb_operation *operation, const char *noun)
{
    size_t size = strlen(noun);

    return strncmp(operation->id, noun, size) == 0 && operation->id[size] == '.'
               ? operation->id + size + 1
               : NULL;
}

static const pb_operation *find_operation(const struct typed *typed)
{
    const char *noun = typed->noun, *verb = typed->verb;
    bool call = typed->command && typed->command->run == command_call;
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        const char *its = noun ? verb_of(operation, noun) : NULL;
        if (its && verb && strcmp(its, verb) == 0)
            return operation;
        for (size_t k = 1; call && k + 1 < typed->count; k++)
            if (strcmp(typed->argv[k], operation->id) == 0)
                return operation;
    }
    return NULL;
}

static bool own_verb(const char *noun, const char *verb)
{
    struct documents_verb own;

    for (size_t i = 0; strcmp(noun, "documents") == 0 && documents_verb(i, &own); i++)
        if (strcmp(own.name, verb) == 0)
            return true;
    return false;
}

static void offer_nouns(const struct typed *typed)
{
    const pb_operation *operation, *before;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        size_t size = strcspn(operation->id, "."), k = 0;
        pb_str noun = pb_copy(pb_str_make(operation->id, size));
        while (k < i && (before = pb_operation_at(k)) && !verb_of(before, noun.data))
            k++;
        if (k == i && !find_command(noun.data))
            offer(typed, noun.data, "operations of a service");
    }
}

static void offer_verbs(const struct typed *typed)
{
    const pb_operation *operation;
    struct documents_verb own;

    for (size_t i = 0; strcmp(typed->noun, "documents") == 0 && documents_verb(i, &own); i++)
        offer(typed, own.name, own.summary);
    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        const char *verb = verb_of(operation, typed->noun);
        if (verb && !own_verb(typed->noun, verb))
            offer(typed, verb, operation->summary);
    }
}

static void offer_operations(const struct typed *typed)
{
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++)
        offer(typed, operation->id, operation->summary);
}

/* Of a body whose schema is written out. */
static void offer_written(const struct typed *typed, const char *text)
{
    const pb_json *schema, *properties;

    if (pb_json_parse(pb_str_of(text), &schema) != PB_OK)
        return;
    properties = pb_json_get(schema, "properties");
    for (const pb_json *at = properties ? properties->child : NULL; at; at = at->next)
        offer(typed, pb_printf("--%.*s", PB_ARG(at->key)).data,
              pb_copy(pb_json_text(pb_json_get(at, "description"))).data);
}

static void offer_fields(const struct typed *typed)
{
    const pb_operation *operation = find_operation(typed);
    const pb_field *field = operation ? operation->input : NULL;

    for (; field && field->kind != PB_KIND_END; field = pb_field_next(field))
        offer(typed, pb_printf("--%s", pb_field_name(field)).data, field->help);
    if (operation && operation->input_schema)
        offer_written(typed, operation->input_schema);
}

static void offer_field_values(const struct typed *typed)
{
    const pb_operation *operation = find_operation(typed);
    const pb_field *field = operation ? operation->input : NULL;

    for (; field && field->kind != PB_KIND_END; field = pb_field_next(field)) {
        bool values = field->kind == PB_KIND_ENUM ||
                      (field->kind == PB_KIND_LIST && field->item == PB_KIND_ENUM);
        if (!values || strcmp(typed->before + 2, pb_field_name(field)) != 0)
            continue;
        for (size_t i = 0; field->values && field->values[i]; i++)
            offer(typed, field->values[i], NULL);
    }
}

/* --- options and arguments -------------------------------------------------------------------- */

static void offer_own_options(const struct typed *typed)
{
    struct documents_verb own;

    for (size_t i = 0; documents_verb(i, &own); i++) {
        if (!typed->verb || strcmp(own.name, typed->verb) != 0)
            continue;
        for (size_t k = 0; k < 8 && own.options[k]; k += 2) {
            size_t size = strcspn(own.options[k], " ");
            offer_str(typed, pb_str_make(own.options[k], size), pb_str_of(own.options[k + 1]));
        }
    }
}

static void offer_options(const struct typed *typed)
{
    for (const struct command_option *at = command_options; at->name; at++)
        if (at->help && (!at->taken || taken_by(typed) & at->taken))
            offer(typed, at->name, at->help);
    if (typed->noun && strcmp(typed->noun, "documents") == 0)
        offer_own_options(typed);
    offer_fields(typed);
}

static void offer_pipelines(const struct typed *typed)
{
    for (pb_pipeline *at = pipelines_all(); at; at = at->next)
        offer_str(typed, at->info.name, at->info.description);
}

static void offer_plugins(const struct typed *typed)
{
    for (const struct plugin *at = registry_first(); at; at = at->next)
        if (!at->hidden)
            offer_str(typed, plugin_name(at), pb_lit(""));
}

static void offer_languages(const struct typed *typed)
{
    for (const struct new_language *at = new_languages; at->name; at++)
        offer(typed, at->name, at->summary);
}

static void offer_value(const struct typed *typed, const struct command_option *option)
{
    if (strcmp(option->value, "FILE") == 0)
        puts(":files");
    else if (strcmp(option->value, "DIR") == 0)
        puts(":folders");
    else if (strcmp(option->name, "--pipeline") == 0)
        offer_pipelines(typed);
    else if (strcmp(option->name, "--conversation") == 0)
        offer(typed, "new", "begin one");
    else if (strcmp(option->name, "--language") == 0)
        offer_languages(typed);
}

/* What the help calls this argument: "[FILE]", "install", "bash|zsh|fish". */
static void offer_argument(const struct typed *typed, pb_str argument)
{
    while (argument.size && strchr("[", argument.data[0]))
        argument = pb_str_slice(argument, 1, argument.size);
    while (argument.size && strchr("]", argument.data[argument.size - 1]))
        argument.size--;
    if (pb_str_starts(argument, pb_lit("FILE"))) {
        puts(":files");
    } else if (pb_str_is(argument, "OPERATION")) {
        offer_operations(typed);
    } else if (pb_str_is(argument, "KIND")) {
        for (const struct new_kind *kind = new_kinds; kind->name; kind++)
            offer(typed, kind->name, kind->summary);
    } else if (pb_str_starts(argument, pb_lit("PLUGIN"))) {
        offer_plugins(typed);
    } else if (argument.size && argument.data[0] >= 'a' && argument.data[0] <= 'z') {
        while (argument.size) {
            size_t end = pb_str_find(argument, '|');
            offer_str(typed, pb_str_slice(argument, 0, end), pb_lit(""));
            argument = pb_str_slice(argument, end + 1, argument.size);
        }
    }
}

static void offer_arguments(const struct typed *typed)
{
    pb_str rest = pb_str_of(typed->command->arguments);

    for (size_t at = 0; rest.size; at++) {
        size_t end = pb_str_find(rest, ' ');
        if (at == typed->words)
            offer_argument(typed, pb_str_slice(rest, 0, end));
        rest = pb_str_slice(rest, end + 1, rest.size);
    }
}

static void offer_next(const struct typed *typed)
{
    const struct command_option *option = find_option(typed, typed->before);

    if (option && !option->flag)
        offer_value(typed, option);
    else if (takes_value(typed, typed->before))
        offer_field_values(typed);
    else if (typed->current[0] == '-')
        offer_options(typed);
    else if (typed->noun && !typed->verb)
        offer_verbs(typed);
    else if (typed->noun && strcmp(typed->noun, "documents") == 0 &&
             strcmp(typed->verb, "add") == 0)
        puts(":files");
    else if (typed->command && !typed->noun)
        offer_arguments(typed);
}

void completion_print(const struct invocation *invocation, size_t first)
{
    struct typed typed = {.argv = invocation->words + first,
                          .count = invocation->word_count - first};

    read_typed(&typed);
    load(invocation, &typed);
    if (typed.count > 1) {
        offer_next(&typed);
        return;
    }
    for (const struct command *command = commands; command->name; command++)
        offer(&typed, command->name, command->summary);
    offer_nouns(&typed);
    if (typed.current[0] == '-') {
        offer(&typed, "--help", "list the commands");
        offer(&typed, "--version", "print the version");
    }
}
