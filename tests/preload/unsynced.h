/* unsynced.h - a library for LD_PRELOAD that plays the disk of a machine whose power may fail.
 *
 * image.c keeps, beside a folder, what a disk would surely hold; faults.c lets calls fail and turns
 * the clock, as a control file says; calls.c puts both in front of libc. unsynced.py is the other
 * side: it prepares the folders, cuts the power and writes the control file.
 *
 *     UNSYNCED_FOLDER   absolute; all that is written below it is watched
 *     UNSYNCED_IMAGE    absolute; where the durable image is kept (left out: no image)
 *     UNSYNCED_CONTROL  the control file (left out: no faults)
 *     UNSYNCED_DELAY    microseconds that a sync takes
 *     UNSYNCED_DEAF     set: a sync does nothing, for tests of tests */
#ifndef UNSYNCED_H
#define UNSYNCED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The next definition of a function, libc's in the end. */
void *next_function(void **kept, const char *name);
#define NEXT(name)                                                                                 \
    ({                                                                                             \
        static void *next_##name;                                                                  \
        (__typeof__(&name))next_function(&next_##name, #name);                                     \
    })

/* --- image.c --------------------------------------------------------------------------------- */

struct image_file;

/* The watched file that a descriptor is open on, or NULL. */
struct image_file *image_of(int fd);
const char *image_path(const struct image_file *file); /* when it was opened first */
bool image_below(const char *path);

void image_opened(int fd, int flags);
void image_closed(int fd);

/* Bytes change; called before and after they do, because any process may die in between. */
void image_touch(struct image_file *file, off_t at, off_t size);
void image_truncate(struct image_file *file, int fd, off_t size);

/* Takes what the file holds now into the durable image; of a folder, its names. */
void image_sync(int fd);
void image_drop(struct image_file *file, int fd); /* a sync failed: what was written is lost */

/* --- faults.c -------------------------------------------------------------------------------- */

enum fault_calls {
    FAULT_WRITE = 1,   /* write, pwrite, ftruncate, fallocate below the folder */
    FAULT_GROW = 2,    /* those that make the file longer */
    FAULT_SYNC = 4,    /* fsync, fdatasync */
    FAULT_OPEN = 8,    /* open and creat below the folder */
    FAULT_NAMES = 16,  /* rename, unlink, mkdir below the folder */
    FAULT_READ = 32,   /* read, pread below the folder */
    FAULT_ACCEPT = 64, /* accept */
    FAULT_SOCKET = 128 /* socket, connect excluded */
};

/* Does one of the rules let this call fail now? Then errno is set. `path` may be NULL. */
bool fault(uint32_t calls, const char *path);
int64_t fault_clock_ns(void);

#endif
