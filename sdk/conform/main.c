/* main.c - patchbay-conform: reads its command line and the plugin's manifest, and runs the cases.
 *
 * `patchbay conform` starts it. Exit code 0: nothing failed; 1: something did; 2: bad usage.
 */
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(FILE *to)
{
    fprintf(to, "usage: patchbay conform FILE.so [-c CONFIG] [--only PATTERN] [--quick] [--list] "
                "[--json]\n\n"
                "Tries a plugin case by case, each in a process of its own.\n\n"
                "  -c FILE            test the instances that this configuration has\n"
                "  --only PATTERN     only cases whose line contains this; * stands for anything\n"
                "  --quick            a part of the cases, in about a second\n"
                "  --list             print the cases and run none\n"
                "  --json             print JSON\n");
    return to == stdout ? RUN_OK : RUN_USAGE;
}

static int complain(const char *format, const char *what)
{
    fputs("patchbay conform: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return RUN_USAGE;
}

/* An option that takes a value: that, or NULL with a complaint. */
static const char *value_of(char **argv, int argc, int *at)
{
    if (*at + 1 < argc)
        return argv[++*at];
    fprintf(stderr, "patchbay conform: %s needs a value\n", argv[*at]);
    return NULL;
}

static int read_arguments(int argc, char **argv, struct target *target)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        const char **value = NULL;
        if (strcmp(word, "--quick") == 0)
            target->quick = true;
        else if (strcmp(word, "--list") == 0)
            target->list = true;
        else if (strcmp(word, "--json") == 0)
            target->json = true;
        else if (strcmp(word, "-c") == 0)
            value = &target->config;
        else if (strcmp(word, "--only") == 0)
            value = &target->only;
        else if (word[0] == '-' && word[1])
            return complain("there is no option '%s'; see patchbay conform --help", word);
        else if (target->file)
            return complain("'%s' is not expected here: one plugin at a time", word);
        else
            target->file = word;
        if (value && !(*value = value_of(argv, argc, &i)))
            return RUN_USAGE;
    }
    return target->file ? RUN_OK
                        : complain("%s", "FILE.so is missing; see patchbay conform --help");
}

static int find_files(struct target *target)
{
    const char *file = target->file;
    int fd;

    if (!(target->file = realpath(file, NULL)))
        return complain("there is no file '%s'", file);
    if (target->config && !(target->config = realpath(file = target->config, NULL)))
        return complain("there is no configuration '%s'", file);
    if ((fd = open(target->file, O_RDONLY | O_CLOEXEC)) < 0)
        return complain("'%s' cannot be read", target->file);
    pb_status status = manifest_read(fd, &target->manifest);
    close(fd);
    if (status == PB_OK)
        return RUN_OK;
    fprintf(stderr, "patchbay conform: %s: %.*s\n", target->file,
            PB_ARG(pb_error_last()->sentence));
    return RUN_USAGE;
}

int main(int argc, char **argv)
{
    static struct target target;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout);
    int code = read_arguments(argc, argv, &target);
    if (code == RUN_OK)
        code = find_files(&target);
    return code == RUN_OK ? runner_run(&target) : code;
}
