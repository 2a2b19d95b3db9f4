/* fuzz_http.c - what a client may send, through the server's own head and body readers: at one go,
 * and cut in two where the first byte says. Both must see the same. */
#include "net/server_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MOST = 64, BODY_MOST = 4096, HEADER_MOST = 8192 };

/* A digest of everything that was read: equal input must give equal digests however it was cut. */
static uint64_t digest;

static void note(const void *data, size_t size)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * 0x100000001b3u;
    digest = (digest ^ size) * 0x100000001b3u;
}

static void inside(pb_str text, const char *data, size_t size)
{
    if (text.data && text.size && (text.data < data || text.data + text.size > data + size) &&
        !pb_str_is(text, "/"))
        abort(); /* a string that is not part of the head */
    note(text.data, text.size);
}

static bool note_head(const struct request_head *head, const char *data, size_t size)
{
    inside(head->method, data, size);
    inside(head->target, data, size);
    inside(head->path, data, size);
    inside(head->query, data, size);
    if (head->header_count > HEAD_HEADERS_MOST || head->content_length < 0)
        abort();
    for (uint32_t i = 0; i < head->header_count; i++) {
        const pb_header *header = &head->headers[i];
        inside(header->name, data, size);
        inside(header->value, data, size);
        if (!header->name.size || memchr(header->value.data, '\n', header->value.size) ||
            memchr(header->value.data, '\r', header->value.size))
            abort(); /* what smuggling is made of */
    }
    return true;
}

/* As a connection does: keeps what came until a head is whole, then feeds its body. */
struct reader {
    char *kept;
    size_t size, scanned;
    bool in_body, over;
    struct body_reader body;
};

static void end_body(struct reader *reader)
{
    note(reader->body.data, reader->body.size);
    note(&reader->body.result, sizeof reader->body.result);
    reader->over = reader->body.result != BODY_DONE;
    reader->in_body = false;
    body_free(&reader->body);
}

/* One step; false when nothing more can be done with what is there. */
static bool step(struct reader *reader)
{
    static struct request_head head;
    size_t blank, whole, used;

    if (reader->over || !reader->size)
        return false;
    if (reader->in_body) {
        used = body_feed(&reader->body, reader->kept, reader->size);
        if (reader->body.result != BODY_MORE)
            end_body(reader);
    } else {
        blank = head_blank(reader->kept, reader->size);
        if (blank) {
            reader->scanned = 0;
            used = blank;
        } else {
            reader->over = !head_plausible(reader->kept, reader->size);
            whole = reader->over ? 0 : head_size(reader->kept, reader->size, &reader->scanned);
            if (!whole || whole > HEADER_MOST)
                return false;
            reader->scanned = 0;
            used = whole;
            reader->over = !head_parse(reader->kept, whole, &head);
            note(&head.status, sizeof head.status);
            if (!reader->over && note_head(&head, reader->kept, whole)) {
                body_begin(&reader->body, &head, BODY_MOST);
                reader->in_body = true;
                if (reader->body.result != BODY_MORE)
                    end_body(reader);
            }
        }
    }
    memmove(reader->kept, reader->kept + used, reader->size - used);
    reader->size -= used;
    return used > 0;
}

static uint64_t read_pieces(const char *data, size_t size, size_t cut)
{
    struct reader reader = {.kept = malloc(size + 1)};
    int steps = 0;

    digest = 0xcbf29ce484222325u;
    memcpy(reader.kept, data, cut);
    reader.size = cut;
    while (steps++ < REQUESTS_MOST && step(&reader))
        ;
    memcpy(reader.kept + reader.size, data + cut, size - cut);
    reader.size += size - cut;
    while (steps++ < 2 * REQUESTS_MOST && step(&reader))
        ;
    free(reader.kept);
    body_free(&reader.body);
    return steps < REQUESTS_MOST ? digest : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = (data[0] | (size_t)data[1] << 8) % (size - 1);
    const char *text = (const char *)data + 2;
    uint64_t whole = read_pieces(text, size - 2, size - 2);
    uint64_t pieces = read_pieces(text, size - 2, cut > size - 2 ? size - 2 : cut);

    if (whole && pieces && whole != pieces)
        abort(); /* where the bytes were cut made a difference */
    return 0;
}
