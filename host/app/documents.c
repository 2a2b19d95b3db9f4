/* documents.c - `patchbay documents`: verbs that need more than an operation's fields (files to
 * send, states to wait for, tables). What is not here is the operation documents.VERB, as for any
 * noun.
 */
#include "app/documents.h"

#include "app/load.h"
#include "app/worker.h"
#include "turn/operations.h"
#include <stdio.h>

struct verb {
    const char *name, *arguments, *summary, *example;
    const char *options[8]; /* name, then what it is: pairs */
    size_t least;           /* words behind the verb */
    pb_status (*run)(struct documents *documents);
};

static const struct verb verbs[] = {
    {"add",
     "FILE|FOLDER|URL…",
     "Put documents in, and wait until they can be found.",
     "patchbay documents add manual.pdf notes/ --collection manuals --tag draft",
     {"--collection NAME", "where to (default: documents)", "--tag TAG",
      "may be given several times", "--wait no", "return as soon as they are sent"},
     1,
     documents_add},
    {"list",
     "",
     "List documents, the newest first.",
     "patchbay documents list --state failed",
     {"--collection NAME", "only those of this one", "--state STATE",
      "queued, processing, ready or failed", "--tag TAG", "only those with this tag", "--limit N",
      "how many at most"},
     0,
     documents_list},
    {"show",
     "ID…",
     "Show all that is known of documents.",
     "patchbay documents show 3f2a9c1d",
     {NULL},
     1,
     documents_show},
    {"remove",
     "ID…",
     "Remove documents: they are not found any more.",
     "patchbay documents remove 3f2a9c1d manual.pdf",
     {NULL},
     1,
     documents_remove},
    {"search",
     "TEXT",
     "Show which passages are found for a question, and how well they match.",
     "patchbay documents search \"how long is the warranty?\" --limit 5",
     {"--collection NAME", "only in this one", "--limit N", "how many at most (default: 10)",
      "--mode MODE", "hybrid, vector or keyword"},
     1,
     documents_search},
    {"reprocess",
     "ID…",
     "Take documents apart again, and wait until they can be found.",
     "patchbay documents reprocess manual.pdf",
     {"--wait no", "return at once"},
     1,
     documents_reprocess},
    {"download",
     "ID [FILE]",
     "Fetch a document as it was put in; - is standard output.",
     "patchbay documents download manual.pdf copy.pdf",
     {"--version N", "an earlier version"},
     1,
     documents_download},
    {0},
};

static const struct verb *find(const char *name)
{
    for (const struct verb *verb = verbs; name && verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

const char *documents_option(const struct documents *documents, const char *name)
{
    const struct invocation *invocation = documents->invocation;

    for (size_t i = 0; i < invocation->field_count; i++)
        if (strcmp(invocation->fields[i].name, name) == 0)
            return invocation->fields[i].value;
    return NULL;
}

bool documents_verb(size_t index, struct documents_verb *out)
{
    if (index >= sizeof verbs / sizeof *verbs - 1)
        return false;
    *out = (struct documents_verb){verbs[index].name, verbs[index].summary, verbs[index].options};
    return true;
}

/* --- help ------------------------------------------------------------------------------------- */

static void help_verb(const struct verb *verb)
{
    printf("usage: patchbay documents %s%s%s [options]\n\n%s\n\n", verb->name,
           *verb->arguments ? " " : "", verb->arguments, verb->summary);
    for (size_t i = 0; i + 1 < 8 && verb->options[i]; i += 2)
        printf("  %-18s %s\n", verb->options[i], verb->options[i + 1]);
    printf("  %-18s %s\n  %-18s %s\n", "--json", "print JSON", "--url URL",
           "ask a running server, with --key KEY, instead of this process");
    printf(
        "  %-18s %s\n\nAn ID is that of a document, its last characters as list shows them, or its "
        "name.\n\nexample: %s\n",
        "-c FILE", "the configuration; also --data-dir DIR, --set PATH=VALUE", verb->example);
}

/* The operations that need nothing of their own here. */
static void help_others(const struct invocation *invocation)
{
    const pb_operation *operation;
    bool any = false;

    if (load_config_quietly(invocation) != PB_OK || operations_setup() != PB_OK)
        return;
    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        const char *verb =
            strncmp(operation->id, "documents.", 10) == 0 ? operation->id + 10 : NULL;
        if (!verb || find(verb))
            continue;
        printf("%s  %-10s %s\n", any ? "" : "\nAnd the operations\n\n", verb, operation->summary);
        any = true;
    }
}

static void help(const struct invocation *invocation)
{
    printf("usage: patchbay documents VERB [options]\n\nPut documents in, see what became of them, "
           "search them.\n\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        printf("  %-10s %s\n", verb->name, verb->summary);
    help_others(invocation);
    printf("\nMore about one: patchbay documents VERB --help\n\nexample: %s\n",
           invocation->command->example);
}

/* --- running ---------------------------------------------------------------------------------- */

struct running {
    struct documents documents;
    const struct verb *verb;
};

static pb_status run(void *arg)
{
    struct running *running = arg;
    pb_status status = running->verb->run(&running->documents);

    progress_clear(&running->documents.progress);
    if (status == PB_CANCELLED) { /* nobody reads it any more, as with `| head`: not worth a word */
        pb_error_clear();
        status = PB_OK;
    }
    return status;
}

int command_documents(const struct invocation *invocation)
{
    const char *name = invocation->word_count ? invocation->words[0] : NULL;
    const struct verb *verb = find(name);
    static struct running running;
    static struct loaded loaded;
    pb_status status = PB_OK;

    if (name && !verb)
        return command_noun(invocation);
    if (invocation->help && verb)
        help_verb(verb);
    else if (!verb)
        help(invocation);
    if (invocation->help || !verb)
        return invocation->help ? 0 : pb_status_exit(PB_INVALID);
    if (invocation->word_count - 1 < verb->least) {
        fprintf(stderr, "patchbay documents %s: %s is missing; see patchbay documents %s --help\n",
                verb->name, verb->arguments, verb->name);
        return pb_status_exit(PB_INVALID);
    }
    running = (struct running){
        .documents = {.invocation = invocation, .terminal = terminal_open(false)}, .verb = verb};
    running.documents.progress =
        (struct progress){.terminal = &running.documents.terminal, .silent = invocation->json};
    struct worker_plan plan = {.main = run, .arg = &running, .no_config = invocation->url != NULL};
    if (!invocation->url)
        status = load_config_aloud(invocation, &loaded);
    if (status == PB_OK)
        status = worker_run(&plan);
    return pb_status_exit(status);
}
