/* engine.c - see engine.h. */
#include "net/engine.h"

#include <dlfcn.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Tried in order, from the executable's folder. */
static const char *const places[] = {"engines", "../engines", "../lib/patchbay/engines"};

/* The executable's folder, with the slash at its end; 0 when it cannot be read. */
static size_t own_folder(char *path, size_t size)
{
    ssize_t got = readlink("/proc/self/exe", path, size - 1);
    size_t end = got > 0 ? (size_t)got : 0;

    while (end && path[end - 1] != '/')
        end--;
    path[end] = 0;
    return end;
}

static void *open_file(const char *name)
{
    char path[PATH_MAX];
    size_t folder = own_folder(path, sizeof path);
    char reason[256] = "it is not installed";

    for (size_t i = 0; folder && i < sizeof places / sizeof *places; i++) {
        size_t room = sizeof path - folder;
        int size = snprintf(path + folder, room, "%s/patchbay-%s.so", places[i], name);
        if (size < 0 || (size_t)size >= room || access(path, R_OK) != 0)
            continue;
        void *engine = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (engine)
            return engine;
        snprintf(reason, sizeof reason, "%s", dlerror());
    }
    pb_fail(PB_UNAVAILABLE, "the engine patchbay-%s.so cannot be used: %s", name, reason);
    return NULL;
}

void *engine_open(const char *name, const char *symbol)
{
    void *engine = open_file(name);
    void *found = engine ? dlsym(engine, symbol) : NULL;

    if (engine && !found)
        pb_fail(PB_UNAVAILABLE, "the engine patchbay-%s.so is not of this version", name);
    return found;
}
