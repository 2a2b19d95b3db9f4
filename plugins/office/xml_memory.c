/* xml_memory.c - malloc for Expat with the size in front of each piece; see xml_memory.h.
 *
 * Expat's allocators get no argument of ours. The job is a value of the thread, which is safe
 * because nothing parks on a helper thread. */
#include "xml_memory.h"

#include <pthread.h>
#include <stdlib.h>

struct piece {
    size_t size;
    max_align_t bytes[];
};

static pthread_key_t running;

static void make_key(void)
{
    if (pthread_key_create(&running, NULL) != 0)
        abort();
}

void xml_memory_of(struct job *job)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_key);
    pthread_setspecific(running, job);
}

static struct piece *piece_of(void *memory)
{
    return memory ? (struct piece *)(void *)((char *)memory - offsetof(struct piece, bytes)) : NULL;
}

static void *resize(void *memory, size_t size)
{
    struct job *job = pthread_getspecific(running);
    struct piece *old = piece_of(memory);
    size_t before = old ? old->size : 0;

    if (size > SIZE_MAX / 2 || (size > before && !job_charge(job, size - before)))
        return NULL;
    struct piece *piece = realloc(old, sizeof *piece + size);
    if (!piece) {
        if (size > before)
            job_release(job, size - before);
        return NULL;
    }
    if (size < before)
        job_release(job, before - size);
    piece->size = size;
    return piece->bytes;
}

static void *allocate(size_t size)
{
    return resize(NULL, size);
}

static void release(void *memory)
{
    struct piece *piece = piece_of(memory);

    if (piece)
        job_release(pthread_getspecific(running), piece->size);
    free(piece);
}

XML_Parser xml_memory_parser(void)
{
    static const XML_Memory_Handling_Suite suite = {allocate, resize, release};

    return XML_ParserCreate_MM(NULL, &suite, NULL);
}
