/* server_body.c - see server_head.h: the body, with a length or in chunks. */
#include "net/server_head.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMING_MOST = 16 << 10 }; /* chunk extensions and trailers, beside 16 bytes a body byte */

/* The first room: what was announced, if that is not much. Nobody gets memory for a promise. */
static size_t first_room(const struct body_reader *body)
{
    return !body->chunked && body->left < 64 << 10 ? (size_t)body->left + 1 : 1024;
}

static bool keep(struct body_reader *body, const char *data, size_t size)
{
    if (body->size + size + 1 > body->capacity) {
        size_t want = body->capacity ? body->capacity * 2 : first_room(body);
        while (want < body->size + size + 1)
            want *= 2;
        char *grown = realloc(body->data, want);
        if (!grown) {
            body->result = BODY_NO_MEMORY;
            return false;
        }
        body->data = grown;
        body->capacity = want;
    }
    memcpy(body->data + body->size, data, size);
    body->size += size;
    body->data[body->size] = 0;
    return true;
}

static int on_part(llhttp_t *parser, const char *at, size_t size)
{
    struct body_reader *body = parser->data;

    if (body->given + (int64_t)(body->size + size) > body->most) {
        body->result = BODY_TOO_LARGE;
        return -1;
    }
    return keep(body, at, size) ? 0 : -1;
}

static int on_whole(llhttp_t *parser)
{
    struct body_reader *body = parser->data;

    body->result = BODY_DONE;
    return HPE_PAUSED;
}

void body_begin(struct body_reader *body, const struct request_head *head, int64_t most)
{
    static llhttp_settings_t settings;

    memset(body, 0, sizeof *body);
    body->most = most;
    body->chunked = head->chunked;
    body->left = head->content_length;
    if (head->chunked) {
        if (!settings.on_body) {
            llhttp_settings_init(&settings);
            settings.on_body = on_part;
            settings.on_message_complete = on_whole;
        }
        body->parser = head->parser;
        body->parser.settings = &settings;
        body->parser.data = body;
        llhttp_resume(&body->parser);
    } else if (body->left == 0) {
        body->result = BODY_DONE;
    } else if (body->left > most) {
        body->result = BODY_TOO_LARGE;
    }
}

static size_t feed_chunks(struct body_reader *body, const char *data, size_t size)
{
    size_t before = body->size, used = size;
    enum llhttp_errno error = llhttp_execute(&body->parser, data, size);

    if (body->result == BODY_DONE)
        used = (size_t)(llhttp_get_error_pos(&body->parser) - data);
    else if (error != HPE_OK && body->result == BODY_MORE)
        body->result = BODY_MALFORMED;
    body->extra += used - (body->size - before);
    if (body->result == BODY_MORE &&
        body->extra > FRAMING_MOST + 16 * (body->size + (uint64_t)body->given))
        body->result = BODY_MALFORMED;
    return used;
}

size_t body_feed(struct body_reader *body, const char *data, size_t size)
{
    if (body->result == BODY_DONE || size == 0)
        return 0;
    if (body->result != BODY_MORE)
        return size; /* after a failure everything is dropped */
    if (body->chunked)
        return feed_chunks(body, data, size);
    if ((int64_t)size > body->left)
        size = (size_t)body->left;
    if (keep(body, data, size)) {
        body->left -= (int64_t)size;
        if (body->left == 0)
            body->result = BODY_DONE;
    }
    return size;
}

char *body_take(struct body_reader *body, size_t *size)
{
    char *data = body->data;

    *size = body->size;
    body->given += (int64_t)body->size;
    body->data = NULL;
    body->size = body->capacity = 0;
    return data;
}

void body_limit(struct body_reader *body, int64_t most)
{
    int64_t known = body->given + (int64_t)body->size + (body->chunked ? 0 : body->left);

    body->most = most;
    if (known > most && (body->result == BODY_MORE || body->result == BODY_DONE))
        body->result = BODY_TOO_LARGE;
}

void body_free(struct body_reader *body)
{
    free(body->data);
    body->data = NULL;
    body->size = body->capacity = 0;
}
