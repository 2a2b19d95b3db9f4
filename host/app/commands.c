/* commands.c - the table of commands, reading their options, and help. */
#include "app/command.h"

#include "config/nearest.h"
#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>

const struct command commands[] = {
    {"serve", "", "Run the server.", "patchbay serve -c config/quickstart.yaml --port 8080",
     TAKES_CONFIG | TAKES_PORT, 0, 0, command_serve},
    {"reload", "", "Let the running server read its configuration and its plugins again.",
     "patchbay reload --data-dir /var/lib/patchbay", TAKES_CONFIG, 0, 0, command_reload},
    {"stop", "", "Stop the running server: it lets turns end; returns when it is gone.",
     "patchbay stop --data-dir /var/lib/patchbay", TAKES_CONFIG, 0, 0, command_stop},
    {"upgrade", "", "Let the running server become the program that was installed over it.",
     "patchbay upgrade --data-dir /var/lib/patchbay", TAKES_CONFIG, 0, 0, command_upgrade},
    {"diff", "[FILE]", "Show what a reload would change, or what FILE would.",
     "patchbay diff patchbay.new.yaml", TAKES_CONFIG | TAKES_JSON, 0, 1, command_diff},
    {"ask", "[TEXT]", "Ask a pipeline and print the reply; without TEXT the question is stdin.",
     "patchbay ask \"How do I write a plugin?\"",
     TAKES_CONFIG | TAKES_URL | TAKES_JSON | TAKES_PIPELINE, 0, ARGUMENTS_MOST - 1, command_ask},
    {"chat", "", "Talk with a pipeline in the terminal; piped, each line is a question.",
     "patchbay chat --url http://127.0.0.1:8080",
     TAKES_CONFIG | TAKES_URL | TAKES_PIPELINE | TAKES_CHAT, 0, 0, command_chat},
    {"documents", "VERB …", "Put documents in, see what became of them, search them.",
     "patchbay documents add manual.pdf --collection manuals",
     TAKES_CONFIG | TAKES_URL | TAKES_JSON | TAKES_FIELDS | TAKES_HELP, 0, ARGUMENTS_MOST - 1,
     command_documents},
    {"check", "", "Check a configuration: exit 0, or every problem with its place.",
     "patchbay check -c patchbay.yaml", TAKES_CONFIG | TAKES_JSON, 0, 0, command_check},
    {"show", "", "Print the effective configuration, secrets masked.",
     "patchbay show -c patchbay.yaml", TAKES_CONFIG | TAKES_JSON, 0, 0, command_show},
    {"schema", "", "Print the JSON Schema of a configuration, for editors.",
     "patchbay schema > patchbay.schema.json", TAKES_CONFIG, 0, 0, command_schema},
    {"graph", "", "Print the pipelines as text, or for Graphviz.",
     "patchbay graph --dot | dot -Tsvg > pipelines.svg", TAKES_CONFIG | TAKES_DOT, 0, 0,
     command_graph},
    {"inspect", "[PLUGIN|FILE.so]", "List the plugins that were found, and why one is not loaded.",
     "patchbay inspect openai --yaml", TAKES_CONFIG | TAKES_JSON | TAKES_YAML | TAKES_LIVE, 0, 1,
     command_inspect},
    {"conform", "FILE.so", "Try a plugin case by case: does it keep the contract?",
     "patchbay conform build/my-stage.so", TAKES_JSON | TAKES_CONFORM, 1, 1, command_conform},
    {"docs", "", "Write the reference: options of all plugins, operations, headers of the SDK.",
     "patchbay docs --out reference", TAKES_CONFIG | TAKES_DOCS, 0, 0, command_docs},
    {"plugin", "install FILE", "Put a plugin file in its folder, safely under a running server.",
     "patchbay plugin install ./my-stage.so --to plugins", TAKES_CONFIG | TAKES_TO, 2, 2,
     command_plugin},
    {"new", "KIND NAME", "Write a plugin of your own: source, test, CMakeLists.txt, README.",
     "patchbay new stage my-stage", TAKES_DIR | TAKES_HELP, 2, 2, command_new},
    {"migrate", "", "Bring all tables up to date while no server runs.",
     "patchbay migrate -c patchbay.yaml", TAKES_CONFIG, 0, 0, command_migrate},
    {"call", "OPERATION [--FIELD VALUE …]", "Call an operation, in this process or with --url.",
     "patchbay call pipelines.list", TAKES_CONFIG | TAKES_URL | TAKES_FIELDS | TAKES_HELP, 0, 1,
     command_call},
    {"completion", "bash|zsh|fish", "Print a script that lets a shell complete command lines.",
     "patchbay completion bash > ~/.local/share/bash-completion/completions/patchbay", 0, 1,
     ARGUMENTS_MOST - 1, command_completion},
    {"explain", "[TURN]", "Show where a turn's time and money went; without TURN the last ones.",
     "patchbay explain 0193f5c2-7b1e-7000-8000-3f2a9c1d4e5f",
     TAKES_CONFIG | TAKES_URL | TAKES_JSON, 0, 1, command_explain},
    {0},
};

/* --- options ---------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct invocation, member)

const struct command_option command_options[] = {
    {"-c", "FILE", "the configuration (default: $PATCHBAY_CONFIG, then patchbay.yaml here)",
     TAKES_CONFIG, AT(config), false},
    {"--config", "FILE", NULL, TAKES_CONFIG, AT(config), false},
    {"-c", "FILE", "test the instances that this configuration has (default: conform makes some)",
     TAKES_CONFORM, AT(tested), false},
    {"--only", "PATTERN", "only cases whose line contains this; * stands for anything", TAKES_CONFORM,
     AT(only), false},
    {"--quick", NULL, "a part of the cases, in about a second", TAKES_CONFORM, AT(quick), true},
    {"--list", NULL, "print the cases and run none", TAKES_CONFORM, AT(list), true},
    {"--data-dir", "DIR", "where data is kept (default: data)", TAKES_CONFIG, AT(data_dir), false},
    {"--set", "PATH=VALUE", "set one value of the configuration; may be repeated", TAKES_CONFIG, 0,
     false},
    {"--contract", NULL, "check at every call that plugins keep the contract (host.contract)",
     TAKES_CONFIG, AT(contract), true},
    {"--port", "N", "listen on this port with the first HTTP listener", TAKES_PORT, AT(port),
     false},
    {"--pipeline", "NAME", "the pipeline to ask (default: the terminal's, or the first)",
     TAKES_PIPELINE, AT(pipeline), false},
    {"--conversation", "ID", "the conversation to go on with, or new (default: new)", TAKES_CHAT,
     AT(conversation), false},
    {"--no-color", NULL, "no colours (also: $NO_COLOR, TERM=dumb)", TAKES_CHAT, AT(no_color), true},
    {"--url", "URL", "ask a running server instead of starting the pipeline here", TAKES_URL,
     AT(url), false},
    {"--key", "KEY", "the API key for it (default: $PATCHBAY_KEY)", TAKES_URL, AT(key), false},
    {"--json", NULL, "print JSON", TAKES_JSON, AT(json), true},
    {"--yaml", NULL, "print options as YAML, ready to paste", TAKES_YAML, AT(yaml), true},
    {"--schema", NULL, "print the JSON Schema of the options", TAKES_YAML, AT(schema), true},
    {"--live", NULL, "show the running server: its workers, what they run, the health of instances",
     TAKES_LIVE, AT(live), true},
    {"--exists", NULL, "say nothing: exit 0 when the plugin is there and loads", TAKES_LIVE,
     AT(exists), true},
    {"--atleast-version", "VERSION", "the same, and it has this version or a later one", TAKES_LIVE,
     AT(atleast), false},
    {"--to", "DIR", "the folder to put it in (default: the first of plugins.path)", TAKES_TO,
     AT(to), false},
    {"--dir", "DIR", "the folder to write, which must not be there (default: NAME here)", TAKES_DIR,
     AT(dir), false},
    {"--language", "LANG", "what its code is written in: c, c++ or rust (default: c)", TAKES_DIR,
     AT(language), false},
    {"--out", "DIR", "the folder to write Markdown pages to (default: reference)", TAKES_DOCS, AT(out),
     false},
    {"--sdk", "DIR", "the folder of the headers (default: those of the installation)", TAKES_DOCS,
     AT(sdk), false},
    {"--full-yaml", NULL, "print a configuration with every option as a comment instead", TAKES_DOCS,
     AT(full_yaml), true},
    {"--dot", NULL, "print a Graphviz graph", TAKES_DOT, AT(dot), true},
    {"--help", NULL, "print this", 0, AT(help), true},
    {"-h", NULL, NULL, 0, AT(help), true},
    {0},
};

enum { OPTIONS = sizeof command_options / sizeof *command_options - 1 };

bool command_takes(const struct command *command, const struct command_option *option)
{
    return !option->taken || (command->takes & option->taken);
}

void help_print(const struct command *command)
{
    if (!command) {
        printf("Patchbay " PATCHBAY_VERSION " - a chat platform of plugins\n\n"
               "usage: patchbay COMMAND [options]\n\n");
        for (command = commands; command->name; command++)
            printf("  %-10s %s\n", command->name, command->summary);
        printf(
            "\nOperations of services are commands too: patchbay keys list (all of them: patchbay "
            "call)\n"
            "More about one: patchbay COMMAND --help\n");
        return;
    }
    printf("usage: patchbay %s%s%s [options]\n\n%s\n\n", command->name,
           *command->arguments ? " " : "", command->arguments, command->summary);
    for (size_t i = 0; i < OPTIONS; i++) {
        char left[40];
        if (!command_options[i].help || !command_takes(command, &command_options[i]))
            continue;
        snprintf(left, sizeof left, "%s%s%s", command_options[i].name,
                 command_options[i].value ? " " : "",
                 command_options[i].value ? command_options[i].value : "");
        printf("  %-18s %s\n", left, command_options[i].help);
    }
    printf("\nexample: %s\n", command->example);
}

static const struct command *find_command(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

pb_status command_unknown(const char *name)
{
    pb_str names[32];
    size_t count = 0;

    for (const struct command *command = commands; command->name; command++)
        names[count++] = pb_str_of(command->name);
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay: there is no command '%s'%.*s\nAll commands: patchbay --help\n", name,
            PB_ARG(hint));
    return PB_INVALID;
}

static pb_status unknown_option(const struct command *command, const char *name)
{
    pb_str names[OPTIONS];
    size_t count = 0;

    for (size_t i = 0; i < OPTIONS; i++)
        if (command_takes(command, &command_options[i]))
            names[count++] = pb_str_of(command_options[i].name);
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay %s: there is no option '%s'%.*s\nAll options: patchbay %s --help\n",
            command->name, name, PB_ARG(hint), command->name);
    return PB_INVALID;
}

/* What is no command may be a noun: `patchbay keys list` is operation keys.list. */
static const struct command *noun(const char *word)
{
    static struct command row = {.arguments = "VERB [--FIELD VALUE …]",
                                 .takes = TAKES_CONFIG | TAKES_URL | TAKES_JSON | TAKES_FIELDS |
                                          TAKES_HELP,
                                 .words_most = ARGUMENTS_MOST - 1,
                                 .run = command_noun};

    if (word[strspn(word, "abcdefghijklmnopqrstuvwxyz_")])
        return NULL;
    row.name = word;
    return &row;
}

/* An option of an operation: --name value, --name=value, or --name alone. */
static pb_status read_field(struct invocation *out, char *name, const char *next, int *at)
{
    struct command_field *field = &out->fields[out->field_count++];
    char *equals = strchr(name, '=');

    field->name = name + 2;
    field->value = NULL;
    if (equals) {
        *equals = 0;
        field->value = equals + 1;
    } else if (next && strncmp(next, "--", 2) != 0) {
        field->value = next;
        ++*at;
    }
    return PB_OK;
}

static pb_status read_option(struct invocation *out, char **argv, int argc, int *at)
{
    char *name = argv[*at];
    const char *equals = strncmp(name, "--", 2) == 0 ? strchr(name, '=') : NULL;
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;

    for (size_t i = 0; i < OPTIONS; i++) {
        const struct command_option *option = &command_options[i];
        if (strlen(option->name) != size || strncmp(option->name, name, size) != 0 ||
            !command_takes(out->command, option))
            continue;
        char *member = (char *)out + option->offset;
        if (option->flag) {
            *(bool *)member = true;
            return PB_OK;
        }
        const char *value = equals ? equals + 1 : next;
        if (!value) {
            fprintf(stderr, "patchbay %s: %s needs a value: %s %s\n", out->command->name,
                    option->name, option->name, option->value);
            return PB_INVALID;
        }
        *at += equals ? 0 : 1;
        if (strcmp(option->name, "--set") == 0)
            out->sets[out->set_count++] = value;
        else
            memcpy(member, &value, sizeof value);
        return PB_OK;
    }
    if ((out->command->takes & TAKES_FIELDS) && size > 2)
        return read_field(out, name, next, at);
    return unknown_option(out->command, name);
}

static pb_status count_words(const struct invocation *invocation)
{
    const struct command *command = invocation->command;

    if (invocation->word_count > command->words_most) {
        fprintf(stderr, "patchbay %s: '%s' is not expected here; see patchbay %s --help\n",
                command->name, invocation->words[command->words_most], command->name);
        return PB_INVALID;
    }
    if (invocation->word_count < command->words_least) {
        fprintf(stderr, "patchbay %s: %s is missing; see patchbay %s --help\n", command->name,
                command->arguments, command->name);
        return PB_INVALID;
    }
    return PB_OK;
}

pb_status invocation_read(int argc, char **argv, struct invocation *out)
{
    memset(out, 0, sizeof *out);
    out->argv = argv;
    if (argc >= ARGUMENTS_MOST) {
        fprintf(stderr, "patchbay: more than %d arguments\n", ARGUMENTS_MOST - 1);
        return PB_INVALID;
    }
    const char *first = argc > 1 ? argv[1] : "--help";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        out->help = true;
        if (argc > 2)
            out->command = find_command(argv[2]);
        return PB_OK;
    }
    out->command = find_command(first);
    if (!out->command && !(out->command = noun(first)))
        return command_unknown(first);
    const char *config = getenv("PATCHBAY_CONFIG");
    out->config = config && *config ? config : "patchbay.yaml";
    out->data_dir = "data";
    out->key = getenv("PATCHBAY_KEY");
    bool only_words = false;
    for (int i = 2; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (only_words || argv[i][0] != '-' || !argv[i][1])
            out->words[out->word_count++] = argv[i];
        else if (read_option(out, argv, argc, &i) != PB_OK)
            return PB_INVALID;
    }
    return out->help ? (pb_status)PB_OK : count_words(out);
}
