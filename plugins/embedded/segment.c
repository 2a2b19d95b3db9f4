/* segment.c - opening, checking and reading a segment. A file is written whole, synced and then
 * given its name, so that one that has its name is whole; the check is against what is not ours. */
#include "segment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'P', 'B', 'V', 'E', 'C', 'T', '\r', '\n'};

static uint64_t check_of(const struct segment_header *header)
{
    const uint8_t *at = (const uint8_t *)header;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < offsetof(struct segment_header, check); i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

void segment_seal(struct segment_header *header)
{
    memcpy(header->magic, magic, sizeof magic);
    header->format = SEGMENT_FORMAT;
    header->check = check_of(header);
}

static bool is_whole(const struct segment_header *header, size_t bytes)
{
    if (memcmp(header->magic, magic, sizeof magic) != 0 || header->format != SEGMENT_FORMAT ||
        header->bytes != bytes || header->check != check_of(header))
        return false;
    for (size_t i = 0; i < SECTIONS; i++)
        if (header->at[i] > bytes)
            return false;
    return true;
}

static struct segment *make(const void *base, size_t bytes, bool mapped)
{
    struct segment *segment = calloc(1, sizeof *segment);

    if (!segment)
        return NULL;
    segment->base = base;
    segment->header = base;
    segment->bytes = bytes;
    segment->mapped = mapped;
    return segment;
}

struct segment *segment_of_memory(void *block, size_t bytes)
{
    struct segment *segment = block ? make(block, bytes, false) : NULL;

    if (!segment)
        free(block);
    return segment;
}

struct segment *segment_open(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct segment *segment = NULL;
    struct stat stat;

    if (file < 0)
        return NULL;
    size_t bytes = fstat(file, &stat) == 0 ? (size_t)stat.st_size : 0;
    void *base = bytes >= sizeof(struct segment_header)
                     ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, 0)
                     : MAP_FAILED;
    close(file);
    if (base == MAP_FAILED)
        return NULL;
    if (is_whole(base, bytes))
        segment = make(base, bytes, true);
    if (segment)
        (void)madvise(base, bytes, MADV_WILLNEED);
    else
        munmap(base, bytes);
    return segment;
}

void segment_free(struct segment *segment)
{
    if (!segment)
        return;
    if (segment->mapped)
        munmap((void *)(uintptr_t)segment->base, segment->bytes);
    else
        free((void *)(uintptr_t)segment->base);
    free(segment);
}

int64_t segment_document(const struct segment *segment, int64_t id)
{
    const uint32_t *order = SECTION(segment, uint32_t, DOCUMENT_ORDER);
    const int64_t *ids = SECTION(segment, int64_t, DOCUMENT_ID);
    uint32_t low = 0, high = segment->header->documents;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ids[order[middle]] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < segment->header->documents && ids[order[low]] == id ? (int64_t)order[low] : -1;
}

int bytes_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return order ? order : (a_size > b_size) - (a_size < b_size);
}

uint32_t segment_lower(const struct segment *segment, enum section which, const char *text,
                       size_t size)
{
    const struct entry *entries = SECTION(segment, struct entry, which);
    const char *texts = SECTION(segment, char, TEXTS);
    uint32_t low = 0;
    uint32_t high = which == TERMS ? segment->header->terms : segment->header->attributes;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bytes_compare(texts + entries[middle].text, entries[middle].size, text, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
