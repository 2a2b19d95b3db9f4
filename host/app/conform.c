/* conform.c - `patchbay conform`: becomes the program that tries a plugin case by case.
 *
 * That program brings the testkit along, which a server has no use for; it lies beside this one in
 * a build folder, in lib/patchbay of an installation.
 */
#include "app/command.h"

#include <limits.h>
#include <patchbay/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {"patchbay-conform", "../lib/patchbay/patchbay-conform"};

/* The executable's folder, with the slash at its end; "" when it cannot be read. */
static void own_folder(char *path, size_t size)
{
    ssize_t got = readlink("/proc/self/exe", path, size - 1);
    size_t end = got > 0 ? (size_t)got : 0;

    while (end && path[end - 1] != '/')
        end--;
    path[end] = 0;
}

int command_conform(const struct invocation *invocation)
{
    const char *arguments[12] = {"patchbay-conform"};
    char folder[PATH_MAX - 64];
    static char program[PATH_MAX];
    size_t count = 1;

    arguments[count++] = invocation->words[0];
    if (invocation->tested) {
        arguments[count++] = "-c";
        arguments[count++] = invocation->tested;
    }
    if (invocation->only) {
        arguments[count++] = "--only";
        arguments[count++] = invocation->only;
    }
    if (invocation->quick)
        arguments[count++] = "--quick";
    if (invocation->list)
        arguments[count++] = "--list";
    if (invocation->json)
        arguments[count++] = "--json";
    own_folder(folder, sizeof folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)snprintf(program, sizeof program, "%s%s", folder, places[i]);
        if (access(program, X_OK) != 0)
            continue;
        execv(program, (char **)(uintptr_t)arguments);
        perror(program);
        return 2;
    }
    fprintf(stderr,
            "patchbay conform: the program patchbay-conform is not installed: it belongs into "
            "../lib/patchbay, seen from the folder of patchbay\n");
    return 2;
}
