/* documents_upload.c - a file as a form (multipart/form-data) to documents.upload: piece by piece
 * in this process, as one body to a server.
 */
#include "app/documents.h"

#include "app/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/secret.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

struct upload {
    pb_reader base;
    struct documents *documents;
    pb_str path, head, tail, type;
    int64_t size, sent; /* of the file */
    int fd, phase;      /* 0: the head is next; 1: the file; 2: the tail; 3: nothing */
    char *piece;        /* PIECE bytes */
    ssize_t got;
};

/* --- the form --------------------------------------------------------------------------------- */

static void field(pb_buf *form, pb_str boundary, const char *name, pb_str value)
{
    if (value.size)
        pb_buf_printf(form, "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n",
                      PB_ARG(boundary), name, PB_ARG(value));
}

/* All values of --tag, with commas between them. */
static pb_str tags_of(const struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    pb_buf tags = {0};

    for (size_t i = 0; i < invocation->field_count; i++) {
        const struct command_field *at = &invocation->fields[i];
        bool tag = strcmp(at->name, "tag") == 0 || strcmp(at->name, "tags") == 0;
        if (tag && at->value)
            pb_buf_printf(&tags, "%s%s", tags.size ? "," : "", at->value);
    }
    return tags.data ? pb_buf_str(&tags) : pb_lit("");
}

/* A name between quotes, as browsers write it. */
static void add_name(pb_buf *form, pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c == '"' || c < ' ' || c == 127)
            pb_buf_printf(form, "%%%02X", c);
        else
            pb_buf_byte(form, (char)c);
    }
}

static pb_status make_form(struct upload *upload, pb_str name)
{
    static const char *const options[] = {"collection", "access", "metadata"};
    struct documents *documents = upload->documents;
    pb_buf form = {0};
    uint8_t random[16];

    pb_status status = pb_random(random, sizeof random);
    if (status != PB_OK)
        return status;
    pb_buf hex = {0};
    for (size_t i = 0; i < sizeof random; i++)
        pb_buf_printf(&hex, "%02x", random[i]);
    pb_str boundary = pb_printf("patchbay-%.*s", PB_ARG(pb_buf_str(&hex)));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        field(&form, boundary, options[i], pb_str_of(documents_option(documents, options[i])));
    field(&form, boundary, "tags", tags_of(documents));
    field(&form, boundary, "name", name);
    pb_buf_printf(&form, "--%.*s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"",
                  PB_ARG(boundary));
    add_name(&form, name);
    pb_buf_add(&form, pb_lit("\"\r\nContent-Type: application/octet-stream\r\n\r\n"));
    upload->head = pb_buf_str(&form);
    upload->tail = pb_printf("\r\n--%.*s--\r\n", PB_ARG(boundary));
    upload->type = pb_printf("multipart/form-data; boundary=%.*s", PB_ARG(boundary));
    return pb_buf_status(&form);
}

/* --- the file --------------------------------------------------------------------------------- */

static pb_status read_piece(void *arg)
{
    struct upload *upload = arg;

    do
        upload->got = read(upload->fd, upload->piece, PIECE);
    while (upload->got < 0 && errno == EINTR);
    return PB_OK;
}

static pb_status next_of_file(struct upload *upload, pb_bytes *out)
{
    pb_status status = pb_offload(read_piece, upload);

    if (status != PB_OK)
        return status;
    if (upload->got < 0)
        return pb_fail(PB_UNAVAILABLE, "%.*s cannot be read: %s", PB_ARG(upload->path),
                       strerror(errno));
    *out = (pb_bytes){(const uint8_t *)upload->piece, (size_t)upload->got};
    upload->sent += upload->got;
    progress_show(&upload->documents->progress, pb_printf("uploading %.*s", PB_ARG(upload->path)),
                  upload->size ? (double)upload->sent / (double)upload->size : 1);
    return PB_OK;
}

static pb_status next(pb_reader *reader, pb_bytes *out)
{
    struct upload *upload = (struct upload *)reader;
    pb_str text = upload->phase == 0 ? upload->head : pb_lit("");

    if (upload->phase == 1) {
        pb_status status = next_of_file(upload, out);
        if (status != PB_OK || out->size)
            return status;
        upload->phase = 2;
    }
    if (upload->phase == 2)
        text = upload->tail;
    if (upload->phase != 1)
        upload->phase++;
    *out = (pb_bytes){(const uint8_t *)text.data, text.size};
    return PB_OK;
}

/* --- here and there --------------------------------------------------------------------------- */

static pb_status upload_here(struct upload *upload, pb_str *body)
{
    pb_operation_match match = {.size = sizeof match};
    pb_call call = {.size = sizeof call,
                    .principal = terminal_principal(),
                    .match = &match,
                    .type = upload->type,
                    .reader = &upload->base};
    pb_content content = {.size = sizeof content};
    const pb_operation *operation;

    pb_status status =
        pb_operation_route(pb_lit("POST"), pb_lit("/v1/documents"), &operation, &match);
    if (status != PB_OK)
        return pb_fail(PB_UNSUPPORTED, "the configuration has no service 'knowledge' that takes "
                                       "documents in");
    status = pb_operation_call(operation, &call, &content);
    *body = content.body;
    if (status == PB_OK && content.status >= 400)
        return remote_problem(content.status, content.body);
    return status;
}

static pb_status upload_there(struct upload *upload, pb_str *body)
{
    struct remote_request request = {.method = "POST",
                                     .path = pb_lit("/v1/documents"),
                                     .type = upload->type,
                                     .reader = &upload->base,
                                     .length = (int64_t)(upload->head.size + upload->tail.size) +
                                               upload->size};
    return remote_call(upload->documents->invocation, &request, body);
}

pb_status documents_upload(struct documents *documents, pb_str path, pb_str name,
                           const pb_json **out)
{
    struct upload upload = {.base = {.size = sizeof(pb_reader), .read = next},
                            .documents = documents,
                            .path = path,
                            .piece = pb_alloc(PIECE)};
    pb_str plain = pb_copy(path), body = {0};
    const pb_json *json;
    struct stat about;

    upload.fd = plain.data ? open(plain.data, O_RDONLY | O_CLOEXEC) : -1;
    if (!upload.piece || !plain.data)
        return PB_NO_MEMORY;
    if (upload.fd < 0 || fstat(upload.fd, &about) != 0)
        return pb_fail(PB_NOT_FOUND, "%.*s cannot be read: %s", PB_ARG(path), strerror(errno));
    upload.size = about.st_size;
    pb_status status = make_form(&upload, name);
    if (status == PB_OK)
        status =
            documents->invocation->url ? upload_there(&upload, &body) : upload_here(&upload, &body);
    close(upload.fd);
    if (status == PB_OK)
        status = pb_json_parse(body, &json);
    *out = status == PB_OK ? pb_json_at(pb_json_get(json, "documents"), 0) : NULL;
    return status;
}
