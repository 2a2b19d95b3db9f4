/* library.h - eSpeak NG, of which there is one in a process: its voices, and one piece of speech at a
 * time. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <patchbay/lock.h>

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

/* Opens it, once; reads the list of its voices. Samples a second, or 0: it has no data. */
uint32_t library_open(void);

/* What the library calls the voice `name` ("en-us", "gmw/en-US", "de+f3"; any case), in the running
 * scope; absent: there is none, and *hint is the end of a sentence about it. */
pb_str library_voice(pb_str name, pb_str *hint);

/* The names of all voices, for ever. */
const pb_str *library_voices(size_t *count);

/* Held by whoever speaks: the library does one thing at a time. */
extern pb_lock library_lock;

/* Speaks piece->text (NUL at the end) into piece->samples. For pb_offload, under the lock. */
pb_status library_speak(void *piece);

#endif
