/* settings.c - see settings.h. */
#include "app/settings.h"

#include "config/snapshot.h"
#include "plugin/instances.h"
#include <patchbay/log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- how many workers ------------------------------------------------------------------------- */

static bool read_numbers(const char *path, const char *format, long long out[2])
{
    FILE *file = fopen(path, "re");

    out[1] = 0;
    if (!file)
        return false;
    int got = fscanf(file, format, &out[0], &out[1]);
    fclose(file);
    return got >= 1;
}

/* Where this process stands in a hierarchy of control groups; "" for the root or where it is not
 * said. `name`: "" for version 2, else the controller of version 1. */
static void group_of(const char *name, char *out, size_t size)
{
    char line[PATH_MAX], *at;
    FILE *file = fopen("/proc/self/cgroup", "re");

    out[0] = 0;
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        bool found = *name ? (at = strstr(controllers + 1, name)) != NULL : !controllers[1];
        if (found && strcmp(path, "/") != 0)
            (void)snprintf(out, size, "%s", path);
    }
    if (file)
        fclose(file);
}

enum { GROUP_PATH = 1024 }; /* of the kernel's group folders, which nest a few levels */

/* Processors, rounded up, that one group may use; 0: as many as there are. */
static int64_t quota_of_group(const char *folder)
{
    char path[GROUP_PATH];
    long long v2[2], quota[2], period[2];

    (void)snprintf(path, sizeof path, "%.*s/cpu.max", GROUP_PATH - 32, folder);
    if (read_numbers(path, "%lld %lld", v2) && v2[0] > 0 && v2[1] > 0)
        return (v2[0] + v2[1] - 1) / v2[1];
    (void)snprintf(path, sizeof path, "%.*s/cpu.cfs_quota_us", GROUP_PATH - 32, folder);
    if (!read_numbers(path, "%lld", quota) || quota[0] <= 0)
        return 0;
    (void)snprintf(path, sizeof path, "%.*s/cpu.cfs_period_us", GROUP_PATH - 32, folder);
    if (!read_numbers(path, "%lld", period) || period[0] <= 0)
        return 0;
    return (quota[0] + period[0] - 1) / period[0];
}

/* The smallest quota from our group up to the root of the hierarchy at `mount`. */
static int64_t quota(const char *mount, const char *controller)
{
    char group[GROUP_PATH / 2], folder[GROUP_PATH];
    int64_t least = 0;

    group_of(controller, group, sizeof group);
    for (;;) {
        (void)snprintf(folder, sizeof folder, "%s%s", mount, group);
        int64_t here = quota_of_group(folder);
        if (here && (!least || here < least))
            least = here;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = 0;
    }
}

int64_t settings_workers_auto(void)
{
    cpu_set_t set;
    int64_t count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                                : sysconf(_SC_NPROCESSORS_ONLN);
    int64_t quotas[] = {quota("/sys/fs/cgroup", ""), quota("/sys/fs/cgroup/cpu", "cpu"),
                        quota("/sys/fs/cgroup/cpu,cpuacct", "cpu")};

    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++)
        if (quotas[i] && quotas[i] < count)
            count = quotas[i];
    return count < 2 ? 2 : count > WORKERS_MOST ? WORKERS_MOST : count;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void note_number(const char *key, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    snapshot_note(key, pb_str_of(text));
}

/* The file as it is now: whoever maps it sees a change of the same inode. */
static void note_plugins(void)
{
    for (const struct plugin *at = registry_first(); at; at = at->next) {
        struct stat about;
        static char text[PATH_MAX + 128]; /* the command's one thread */
        if (!at->descriptor || stat(at->path, &about) != 0)
            continue;
        (void)snprintf(text, sizeof text, "%llu %llu %lld.%09ld %s",
                       (unsigned long long)about.st_dev, (unsigned long long)about.st_ino,
                       (long long)about.st_ctim.tv_sec, about.st_ctim.tv_nsec, at->path);
        snapshot_note("plugin", pb_str_of(text));
    }
}

void settings_note(const struct invocation *invocation)
{
    const struct host_options *options = instances_host_options();
    char folder[PATH_MAX];

    note_number("workers", pb_str_is(options->workers, "auto") ? settings_workers_auto()
                                                               : atoll(options->workers.data));
    note_number("worker_memory", options->limits.worker_memory);
    note_number("hang", options->limits.hang);
    note_number("start", options->limits.start);
    note_number("drain", options->drain_timeout);
    note_number("log_level", options->log.level);
    note_number("log_format", options->log.format);
    snapshot_note("run_dir", options->run_dir);
    snapshot_note("log_file", options->log.file);
    snapshot_note("config", pb_str_of(invocation->config));
    snapshot_note("data_dir", pb_str_of(invocation->data_dir));
    if (getcwd(folder, sizeof folder))
        snapshot_note("folder", pb_str_of(folder));
    for (size_t i = 0; i < invocation->set_count; i++)
        snapshot_note("set", pb_str_of(invocation->sets[i]));
    if (invocation->port)
        snapshot_note("port", pb_str_of(invocation->port));
    note_plugins();
}

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t read_number(const char *key, int64_t otherwise)
{
    pb_str text = snapshot_noted(key, 0);
    char copy[32];

    if (!text.size || text.size >= sizeof copy)
        return otherwise;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return strtoll(copy, NULL, 10);
}

static void read_text(const char *key, char out[SETTINGS_PATH])
{
    pb_str text = snapshot_noted(key, 0);

    (void)snprintf(out, SETTINGS_PATH, "%.*s", PB_ARG(text));
}

static void read_settings(struct settings *out)
{
    *out = (struct settings){.workers = read_number("workers", 2),
                             .worker_memory = read_number("worker_memory", 0),
                             .hang = read_number("hang", 10 * PB_SECOND),
                             .start = read_number("start", 60 * PB_SECOND),
                             .drain = read_number("drain", 25 * PB_SECOND),
                             .log_level = read_number("log_level", PB_INFO),
                             .log_format = read_number("log_format", HOST_FORMAT_AUTO)};
    if (out->workers < 1 || out->workers > WORKERS_MOST)
        out->workers = 2;
    read_text("run_dir", out->run_dir);
    read_text("log_file", out->log_file);
}

void settings_default(struct settings *out, int64_t workers)
{
    memset(out, 0, sizeof *out);
    out->workers = workers;
    out->start = 60 * PB_SECOND;
    out->drain = 25 * PB_SECOND;
    out->log_level = PB_INFO;
}

pb_status settings_of(int snapshot, struct settings *out)
{
    pb_status status = snapshot_replay(snapshot);

    if (status == PB_OK)
        read_settings(out);
    snapshot_end();
    return status;
}

static const char *noted(const char *key, size_t index)
{
    pb_str text = snapshot_noted(key, index);

    return text.data ? pb_copy(text).data : NULL;
}

void settings_invocation(struct invocation *out)
{
    memset(out, 0, sizeof *out);
    out->config = noted("config", 0);
    out->data_dir = noted("data_dir", 0);
    out->port = noted("port", 0);
    while (out->set_count < ARGUMENTS_MOST - 1 &&
           (out->sets[out->set_count] = noted("set", out->set_count)))
        out->set_count++;
}

/* --- plugins ---------------------------------------------------------------------------------- */

void settings_plugins_changed(void (*each)(void *arg, const char *path, bool there, bool in_place),
                              void *arg)
{
    const char *line;

    for (size_t i = 0; (line = noted("plugin", i)); i++) {
        unsigned long long device, inode;
        long long seconds;
        long nanoseconds;
        int used = 0;
        struct stat now = {0};
        if (sscanf(line, "%llu %llu %lld.%ld %n", &device, &inode, &seconds, &nanoseconds, &used) !=
            4)
            continue;
        bool there = stat(line + used, &now) == 0;
        bool same_file = there && now.st_dev == device && now.st_ino == inode;
        bool changed = now.st_ctim.tv_sec != seconds || now.st_ctim.tv_nsec != nanoseconds;
        if (!same_file || changed)
            each(arg, line + used, there, same_file);
    }
}
