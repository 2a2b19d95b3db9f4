/* noun.c - `patchbay NOUN VERB`: the operation NOUN.VERB, with its fields as options.
 *
 * What there is depends on the configuration, so help reads it too. Words behind the verb fill the
 * variables of the operation's path: `patchbay keys revoke 2fQx81mKd0Zs`.
 */
#include "app/call.h"
#include "app/load.h"
#include "app/worker.h"

#include "config/nearest.h"
#include "turn/operations.h"
#include <stdio.h>
#include <unistd.h>

/* The verb of an operation of this noun, or NULL. */
static const char *verb_of(const pb_operation *operation, const char *noun)
{
    size_t size = strlen(noun);

    return strncmp(operation->id, noun, size) == 0 && operation->id[size] == '.'
               ? operation->id + size + 1
               : NULL;
}

static const pb_operation *find(const char *noun, const char *verb)
{
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        const char *its = verb_of(operation, noun);
        if (its && (!verb || strcmp(its, verb) == 0))
            return operation;
    }
    return NULL;
}

/* --- help ------------------------------------------------------------------------------------- */

static void list_verbs(FILE *out, const char *noun)
{
    const pb_operation *operation;
    const char *verb;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++)
        if ((verb = verb_of(operation, noun)))
            fprintf(out, "  %-10s %s\n", verb, operation->summary);
    fprintf(out, "\nMore about one: patchbay %s VERB --help\n", noun);
}

static void print_example(const pb_operation *operation, const char *noun)
{
    putchar('\n');
    operation_example_print(pb_printf("%s %s", noun, verb_of(operation, noun)).data, operation, true);
}

static void help_noun(const char *noun)
{
    printf("usage: patchbay %s VERB [--FIELD VALUE …]\n\n", noun);
    list_verbs(stdout, noun);
    print_example(find(noun, NULL), noun);
}

static void help_operation(const pb_operation *operation, const char *noun)
{
    printf("usage: patchbay %s %s", noun, verb_of(operation, noun));
    for (const char *at = operation->path; (at = strchr(at, '{')); at++)
        printf(" [%.*s]", (int)strcspn(at + 1, "}"), at + 1);
    printf(" [--FIELD VALUE …]\n\n");
    operation_help_print(operation);
    print_example(operation, noun);
}

static pb_status unknown_verb(const char *noun, const char *verb)
{
    const pb_operation *operation;
    pb_str names[64];
    size_t count = 0;

    for (size_t i = 0; (operation = pb_operation_at(i)) && count < 64; i++)
        if (verb_of(operation, noun))
            names[count++] = pb_str_of(verb_of(operation, noun));
    if (verb)
        fprintf(stderr, "patchbay %s: there is no verb '%s'%.*s\n", noun, verb,
                PB_ARG(nearest_hint(pb_str_of(verb), names, count)));
    else
        fprintf(stderr, "patchbay %s: which one?\n", noun);
    list_verbs(stderr, noun);
    return PB_INVALID;
}

/* --- calling ---------------------------------------------------------------------------------- */

/* The words behind the verb, as fields of the path's variables in their order. */
static pb_status take_words(struct invocation *invocation, const pb_operation *operation)
{
    const char *at = operation->path;

    for (size_t i = 1; i < invocation->word_count; i++) {
        at = at ? strchr(at, '{') : NULL;
        if (!at)
            return pb_fail(PB_INVALID, "'%s' is not expected here; see patchbay %s %s --help",
                           invocation->words[i], invocation->command->name, invocation->words[0]);
        pb_str name = {at + 1, strcspn(at + 1, "}")};
        at++;
        if (invocation->field_count == ARGUMENTS_MOST)
            return pb_fail(PB_INVALID, "there are too many fields");
        invocation->fields[invocation->field_count++] =
            (struct command_field){.name = pb_copy(name).data, .value = invocation->words[i]};
    }
    return PB_OK;
}

static pb_status call(void *arg)
{
    struct invocation *invocation = arg;
    pb_str body = {0};
    /* with --url nothing is started here, and so nobody has set them up */
    pb_status status = invocation->url ? operations_setup() : (pb_status)PB_OK;

    if (status != PB_OK)
        return status;
    const pb_operation *operation = find(invocation->command->name, invocation->words[0]);
    status = take_words(invocation, operation);
    if (status == PB_OK)
        status = call_operation(invocation, operation, &body);
    if (status != PB_OK || !body.size)
        return status;
    if (isatty(STDOUT_FILENO) && !invocation->json)
        print_answer(body);
    else
        printf("%.*s%s", PB_ARG(body), body.data[body.size - 1] == '\n' ? "" : "\n");
    return PB_OK;
}

int command_noun(const struct invocation *given)
{
    static struct invocation invocation;
    static struct loaded loaded;
    pb_buf problems = {0};

    invocation = *given;
    const char *noun = given->command->name, *verb = given->word_count ? given->words[0] : NULL;
    pb_status status = load_config(given, &loaded);
    if (status != PB_OK && loaded.root) {
        config_diagnostics_print(&loaded.diagnostics, &problems);
        fwrite(problems.data, 1, problems.size, stderr);
        return pb_status_exit(status);
    }
    /* without a configuration there are the host's own */
    if (operations_setup() != PB_OK || !find(noun, NULL))
        return pb_status_exit(command_unknown(noun));
    const pb_operation *operation = verb ? find(noun, verb) : NULL;
    if (given->help && operation)
        help_operation(operation, noun);
    else if (given->help)
        help_noun(noun);
    else if (!operation)
        return pb_status_exit(unknown_verb(noun, verb));
    if (given->help)
        return 0;
    if (status != PB_OK && !given->url) /* says what is missing */
        return pb_status_exit(load_config_aloud(given, &loaded));
    struct worker_plan plan = {.main = call, .arg = &invocation, .no_config = given->url != NULL};
    return pb_status_exit(worker_run(&plan));
}
