/* fuzz_multipart.c - forms as a client sends them: at one go, and in pieces as long as the first byte
 * says. Both must see the same parts. The first line is the body's Content-Type. */
#include <patchbay/multipart.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    pb_reader base;
    pb_str rest;
    size_t piece;
    char *copy; /* of the piece, so that a sanitizer sees who reads behind it */
};

static pb_status give(pb_reader *base, pb_bytes *out)
{
    struct source *source = (struct source *)(void *)base;
    pb_str piece = pb_str_slice(source->rest, 0, source->piece);

    free(source->copy);
    source->copy = malloc(piece.size + 1);
    if (piece.size)
        memcpy(source->copy, piece.data, piece.size);
    source->rest = pb_str_slice(source->rest, piece.size, source->rest.size);
    *out = (pb_bytes){(const uint8_t *)source->copy, piece.size};
    return PB_OK;
}

static pb_status note_part(pb_multipart *form, pb_buf *out)
{
    pb_bytes bytes;
    pb_status status;

    pb_buf_printf(out, "[%zu %zu %zu ", form->part.name.size, form->part.file_name.size,
                  form->part.type.size);
    pb_buf_add(out, form->part.name);
    pb_buf_add(out, form->part.file_name);
    pb_buf_add(out, form->part.type);
    if (form->parts % 3 == 2) /* not read: skipped */
        return PB_OK;
    while ((status = pb_multipart_read(&form->base, &bytes)) == PB_OK && bytes.size)
        pb_buf_add(out, pb_str_make((const char *)bytes.data, bytes.size));
    return status;
}

static pb_status read_form(pb_str type, pb_str text, size_t piece, pb_buf *out)
{
    struct source source = {.base = {.size = sizeof source.base, .read = give},
                            .rest = text,
                            .piece = piece};
    pb_multipart form;
    pb_status status = pb_multipart_begin(&form, &source.base, type);

    while (status == PB_OK && (status = pb_multipart_next(&form)) == PB_OK)
        status = note_part(&form, out);
    free(source.copy);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_buf whole = {0}, cut = {0};

    if (size < 1)
        return 0;
    pb_scope *scope = pb_scope_begin();
    pb_str text = pb_str_make((const char *)data + 1, size - 1);
    pb_str type = pb_str_slice(text, 0, pb_str_find(text, '\n'));
    text = pb_str_slice(text, type.size + 1, text.size);
    pb_status one = read_form(type, text, SIZE_MAX, &whole);
    pb_status two = read_form(type, text, 1u + data[0], &cut);
    /* What came before a failure may be cut elsewhere. */
    if (one != two || (one == PB_DECLINED && !pb_str_equal(pb_buf_str(&whole), pb_buf_str(&cut)))) {
        fprintf(stderr, "in one: %d, %zu bytes; in pieces: %d, %zu bytes\n", one, whole.size, two,
                cut.size);
        abort();
    }
    pb_scope_end(scope);
    return 0;
}
