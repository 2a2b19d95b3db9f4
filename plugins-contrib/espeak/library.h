/* library.h - eSpeak NG, of which there is one in a process: its voices, and one piece of speech at a
 * time. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <patchbay/lock.h>

/* What all instances in a process have in common, as they have the library. */
struct library {
    pb_lock lock; /* of whoever speaks */
    uint32_t rate; /* samples a second; 0: it has no data */
    bool opened;
};

/* Opens it, once. NULL: there is no memory. */
struct library *library_open(void);

/* Its voices, in the running scope. */
struct voice {
    pb_str identifier; /* "gmw/en-US" */
    pb_str title;      /* "English (America)" */
};
struct voices {
    struct voice *items;
    pb_str *names; /* "en-us", one for each */
    size_t count;
    pb_str *variants; /* "f3": behind a '+' */
    size_t variant_count;
};
pb_status library_voices(struct voices *out);

/* What the library calls the voice `name` ("en-us", "gmw/en-US", "de+f3"; any case), in the running
 * scope; absent: there is none, and *hint is the end of a sentence about it. */
pb_str library_voice(const struct voices *voices, pb_str name, pb_str *hint);

/* How to speak; the library forgets nothing, so all of it is set each time. */
struct manner {
    const char *voice; /* as library_voice gave it */
    int rate;          /* words a minute */
    int pitch, range, volume, gap;
};

enum { RATE_LEAST = 80, RATE_MOST = 450 };

/* Samples of one piece; `samples` is malloc'd: the helper thread has no other memory. */
struct piece {
    const char *text;
    const struct manner *manner;
    int16_t *samples;
    size_t count, capacity;
    bool short_of_memory;
};

/* Speaks piece->text (NUL at the end) into piece->samples. For pb_offload, under the lock. */
pb_status library_speak(void *piece);

#endif
