/* new.c - `patchbay new KIND NAME`: writes a plugin that builds and passes its tests.
 *
 * Templates are files in share/patchbay/template of the installation: one folder for each kind, and
 * `common` for what all have.
 */
#include "app/new.h"

#include "app/command.h"
#include "config/nearest.h"
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct new_kind new_kinds[] = {
    {"stage", "a step of a pipeline: explains a team's own words to the model"},
    {"llm", "a model: answers from rules, word by word"},
    {"tool", "functions that a model may call: reckons with dates"},
    {"auth", "who is it? lets in who brings a signed ticket"},
    {"classifier", "labels and spans: finds numbers of payment cards"},
    {"embedder", "texts to vectors: from their words, without a model"},
    {"extractor", "a file to text: reads subtitles"},
    {"retriever", "a question to passages: finds answers in a list"},
    {"transport", "brings questions in: plain text over HTTP"},
    {"source", "where documents come from: a file with a JSON object a line"},
    {"service", "operations over HTTP and as commands: counts votes"},
    {"cache", "values for a while: in the memory of one process"},
    {"database", "rows: SQLite in the memory of one process"},
    {"vector_store", "passages by meaning and by words: in the memory of one process"},
    {"blob_store", "large bytes by key: in the memory of one process"},
    {"exporter", "gets what happened: appends spans and audit records to a file"},
    {0},
};

/* The folder above bin/, where this program is installed; "" when it cannot be read. */
static const char *own_prefix(void)
{
    static char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);

    path[size < 0 ? 0 : size] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = 0;
    }
    return path;
}

/* A name that the installation has already would hide one of the two. */
static bool is_installed(const char *name)
{
    pb_str path = pb_printf("%s/lib/patchbay/plugins/%s.so", own_prefix(), name);

    return path.data && access(path.data, F_OK) == 0;
}

static const char *templates(void)
{
    return pb_printf("%s/share/patchbay/template", own_prefix()).data;
}

static void print_kinds(FILE *to)
{
    for (const struct new_kind *kind = new_kinds; kind->name; kind++)
        fprintf(to, "  %-18s %s\n", kind->name, kind->summary);
}

static int print_help(const struct invocation *invocation)
{
    help_print(&(struct command){.name = invocation->command->name,
                                 .arguments = invocation->command->arguments,
                                 .summary = invocation->command->summary,
                                 .example = invocation->command->example,
                                 .takes = invocation->command->takes});
    printf("\nKINDs, and what the plugin that is written does:\n");
    print_kinds(stdout);
    new_language_help(templates());
    return 0;
}

static const struct new_kind *find_kind(const char *name)
{
    pb_str names[32];
    size_t count = 0;

    for (const struct new_kind *kind = new_kinds; kind->name; kind++) {
        if (strcmp(kind->name, name) == 0)
            return kind;
        names[count++] = pb_str_of(kind->name);
    }
    if (strcmp(name, "notifier") == 0) {
        fprintf(stderr,
                "patchbay new: the host does not load the kind 'notifier' yet: its header, "
                "patchbay/draft/notifier.h, is a sketch\n");
        return NULL;
    }
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay new: there is no template for the kind '%s'%.*s\n", name,
            PB_ARG(hint));
    return NULL;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Writes all or nothing: what is there already is never touched. */
static int write_plugin(const char *const *parts, const char *skip, const char *name,
                        const char *folder)
{
    pb_status status = PB_OK;

    if (mkdir(folder, 0755) != 0) {
        if (errno == EEXIST)
            fprintf(
                stderr,
                "patchbay new: %s is there already and stays as it is; give another folder with "
                "--dir\n",
                folder);
        else
            fprintf(stderr, "patchbay new: the folder %s cannot be made: %s\n", folder,
                    strerror(errno));
        return pb_status_exit(errno == EEXIST ? PB_CONFLICT : PB_INVALID);
    }
    for (; *parts && status == PB_OK; parts++)
        status = new_copy(pb_printf("%s/%s", templates(), *parts).data, folder, name, skip);
    if (status == PB_OK)
        return 0;
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    fprintf(stderr, "patchbay new: %.*s\n", PB_ARG(pb_error_last()->sentence));
    return pb_status_exit(status);
}

/* CMake looks in these by itself. */
static bool is_usual(const char *prefix)
{
    return strcmp(prefix, "/usr") == 0 || strcmp(prefix, "/usr/local") == 0;
}

static void print_next(const char *kind, const char *name, const char *suffix, const char *folder)
{
    const char *prefix = own_prefix();
    bool usual = is_usual(prefix);

    printf("%s is a plugin with the %s '%s': %s%s, its test, CMakeLists.txt, README.md.\n"
           "Build and test it:\n\n"
           "  cd %s\n"
           "  cmake -B build%s%s\n"
           "  cmake --build build && ctest --test-dir build --output-on-failure\n",
           folder, kind, name, name, suffix, folder,
           usual ? "" : " -DCMAKE_PREFIX_PATH=", usual ? "" : prefix);
}

int command_new(const struct invocation *invocation)
{
    const char *const *words = invocation->words;

    if (invocation->help)
        return print_help(invocation);
    const struct new_kind *kind = find_kind(words[0]);
    if (!kind)
        return pb_status_exit(PB_INVALID);
    const char *problem = new_name_problem(words[1]);
    if (problem || is_installed(words[1])) {
        fprintf(stderr, "patchbay new: no plugin can be called '%s': %s\n", words[1],
                problem ? problem : "one of this name is installed already");
        return pb_status_exit(PB_INVALID);
    }
    const struct new_language *language =
        new_language_find(templates(), invocation->language, kind->name);
    if (!language)
        return pb_status_exit(PB_INVALID);
    const char *parts[NEW_PARTS];
    new_parts(language, kind->name, parts);
    pb_str folder = pb_printf("%s/%s", templates(), parts[0]);
    if (access(folder.data, R_OK | X_OK) != 0) {
        fprintf(stderr,
                "patchbay new: the templates are not there (%s): run the program that `cmake "
                "--install` put into bin\n",
                folder.data);
        return pb_status_exit(PB_NOT_FOUND);
    }
    const char *to = invocation->dir ? invocation->dir : words[1];
    bool other = language != new_languages; /* then the code is not that of the kind in C */
    int code = write_plugin(parts, other ? "NAME.c" : NULL, words[1], to);
    if (code == 0)
        print_next(kind->name, words[1], language->suffix, to);
    return code;
}
