/* multipart.h - the parts of a form (multipart/form-data, RFC 7578), read from a stream as they come.
 *
 *     pb_multipart form;
 *     status = pb_multipart_begin(&form, call->reader, call->type);
 *     while (status == PB_OK && (status = pb_multipart_next(&form)) == PB_OK) {
 *         … form.part.name, form.part.file_name …
 *         status = pb_blob_put(blobs, key, form.part.type, &form.base);   // or pb_multipart_text
 *     }
 *     if (status == PB_DECLINED) … that was the last part
 *
 * What of a part was not read is skipped. Memory does not grow with the form. Whatever is not as the
 * format says is PB_INVALID: nothing is guessed.
 */
#ifndef PATCHBAY_MULTIPART_H
#define PATCHBAY_MULTIPART_H

#include <patchbay/stream.h>

enum {
    PB_MULTIPART_WINDOW = 64 << 10,
    PB_MULTIPART_HEADER = 8 << 10, /* longest header of a part */
    PB_MULTIPART_BOUNDARY = 70,
    PB_MULTIPART_PARTS = 1000,
};

/* One part's header. Strings live until the next pb_multipart_next. */
typedef struct pb_multipart_part {
    pb_str name;
    pb_str file_name; /* as it was sent, or absent: a plain field */
    pb_str type;      /* Content-Type, or absent */
} pb_multipart_part;

/* `base` reads the current part. The rest is nobody else's. */
typedef struct pb_multipart {
    pb_reader base;
    pb_multipart_part part;
    pb_reader *from;
    pb_bytes rest;    /* of the piece that `from` gave last */
    char *window;     /* PB_MULTIPART_WINDOW bytes: [at, end) was not given out */
    char *header;     /* of the part */
    size_t at, end;
    size_t boundary;  /* size of "\r\n--…" */
    size_t parts;
    bool ended;       /* `from` has no more */
    bool open;        /* inside a part */
    bool last;        /* behind the last part */
    char delimiter[PB_MULTIPART_BOUNDARY + 7];
} pb_multipart;

static inline pb_status pb_multipart_invalid(const char *sentence)
{
    return pb_fail(PB_INVALID, "the form cannot be read: %s", sentence);
}

/* Fills the window as far as there is something. Parks. */
static inline pb_status pb_multipart_fill(pb_multipart *form)
{
    if (form->at && form->at < form->end)
        memmove(form->window, form->window + form->at, form->end - form->at);
    form->end -= form->at;
    form->at = 0;
    if (form->end == PB_MULTIPART_WINDOW)
        return pb_multipart_invalid("a line in it is too long");
    if (!form->rest.size && !form->ended) {
        pb_status status = form->from->read(form->from, &form->rest);
        if (status != PB_OK)
            return status;
        form->ended = !form->rest.size;
    }
    if (form->ended)
        return pb_multipart_invalid("it ends before its last boundary");
    size_t room = PB_MULTIPART_WINDOW - form->end;
    size_t size = form->rest.size < room ? form->rest.size : room;
    memcpy(form->window + form->end, form->rest.data, size);
    form->end += size;
    form->rest.data += size;
    form->rest.size -= size;
    return PB_OK;
}

/* The place of the delimiter in what the window has, or of what may be its beginning at the end. */
static inline size_t pb_multipart_find(const pb_multipart *form, bool *whole)
{
    const char *from = form->window + form->at, *end = form->window + form->end;

    *whole = false;
    while (from < end) {
        const char *at = (const char *)memchr(from, '\r', (size_t)(end - from));
        size_t left = at ? (size_t)(end - at) : 0;
        if (!at)
            break;
        if (memcmp(at, form->delimiter, left < form->boundary ? left : form->boundary) == 0) {
            *whole = left >= form->boundary;
            return (size_t)(at - form->window);
        }
        from = at + 1;
    }
    return form->end;
}

/* The next bytes of the current part; an empty piece is its end. Parks. */
static inline pb_status pb_multipart_read(pb_reader *base, pb_bytes *out)
{
    pb_multipart *form = (pb_multipart *)(void *)base;
    bool whole = false;

    out->data = (const uint8_t *)"";
    out->size = 0;
    while (form->open) {
        size_t until = pb_multipart_find(form, &whole);
        if (until > form->at) {
            out->data = (const uint8_t *)form->window + form->at;
            out->size = until - form->at;
            form->at = until;
            return PB_OK;
        }
        if (whole) {
            form->at += form->boundary;
            form->open = false;
            return PB_OK;
        }
        pb_status status = pb_multipart_fill(form);
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

static inline bool pb_multipart_is_boundary(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || (unsigned char)text.data[i] > '~')
            return false;
    return text.size && text.size <= PB_MULTIPART_BOUNDARY && text.data[text.size - 1] != ' ';
}

/* A parameter of a header's value: name="…" or name=token; absent when it is not there. What a quoted
 * text has behind a backslash is taken as it is, and %22, %0D, %0A are what browsers make of quotes
 * and line ends in names. */
static inline pb_str pb_multipart_parameter(pb_str value, const char *name)
{
    size_t at = pb_str_find(value, ';');

    while (at < value.size) {
        pb_str rest = pb_str_slice(value, at + 1, value.size);
        size_t equals = pb_str_find(rest, '='), size = 0;
        pb_str key = pb_str_trim(pb_str_slice(rest, 0, equals));
        char *text = (char *)pb_alloc(rest.size + 1);
        bool quoted = equals + 1 < rest.size && rest.data[equals + 1] == '"';
        size_t i = equals + 1 + quoted;
        if (!text || equals == rest.size)
            break;
        while (i < rest.size && rest.data[i] != (quoted ? '"' : ';')) {
            if (quoted && rest.data[i] == '\\' && i + 1 < rest.size &&
                (rest.data[i + 1] == '"' || rest.data[i + 1] == '\\'))
                i++;
            if (quoted && i + 2 < rest.size && memcmp(rest.data + i, "%22", 3) == 0) {
                text[size++] = '"';
                i += 3;
                continue;
            }
            text[size++] = rest.data[i++];
        }
        if (quoted && i == rest.size)
            break;
        if (pb_str_same(key, pb_str_of(name)))
            return quoted ? pb_str_make(text, size) : pb_str_trim(pb_str_make(text, size));
        rest = pb_str_slice(rest, i, rest.size);
        at = value.size - rest.size + pb_str_find(rest, ';');
    }
    return pb_str_make(NULL, 0);
}

/* Is it a form? `type`: the body's Content-Type. */
static inline bool pb_multipart_is(pb_str type)
{
    return pb_str_same(pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';'))),
                       pb_lit("multipart/form-data"));
}

/* Begins to read a form. What it needs is allocated in the running scope, which must stay.
 * PB_UNSUPPORTED: it is no form. Does not park. */
static inline pb_status pb_multipart_begin(pb_multipart *form, pb_reader *from, pb_str type)
{
    memset(form, 0, sizeof *form);
    if (!pb_multipart_is(type))
        return pb_fail(PB_UNSUPPORTED, "the body must be a form (multipart/form-data)");
    pb_str boundary = pb_multipart_parameter(type, "boundary");
    if (!pb_multipart_is_boundary(boundary))
        return pb_multipart_invalid("its Content-Type has no proper boundary");
    form->base.size = (uint32_t)sizeof form->base;
    form->base.read = pb_multipart_read;
    form->from = from;
    form->window = (char *)pb_alloc(PB_MULTIPART_WINDOW);
    form->header = (char *)pb_alloc(PB_MULTIPART_HEADER);
    if (!form->window || !form->header)
        return PB_NO_MEMORY;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.data, boundary.size);
    form->boundary = boundary.size + 4;
    memcpy(form->window, "\r\n", 2); /* the first boundary begins a line too */
    form->end = 2;
    form->open = true; /* what stands before it is skipped as a part's rest is */
    return PB_OK;
}

/* One line without its CRLF; the window has it whole. Parks. */
static inline pb_status pb_multipart_line(pb_multipart *form, pb_str *out)
{
    for (;;) {
        char *from = form->window + form->at;
        char *end = (char *)memchr(from, '\n', form->end - form->at);
        size_t size = end ? (size_t)(end - from) : form->end - form->at;
        if (size > PB_MULTIPART_HEADER)
            return pb_fail(PB_TOO_LARGE, "the header of a part of the form is too long");
        if (end && (end == from || end[-1] != '\r'))
            return pb_multipart_invalid("a line of a part's header does not end in CR LF");
        if (end) {
            *out = pb_str_make(from, size - 1);
            form->at += size + 1;
            return memchr(out->data, 0, out->size) || memchr(out->data, '\r', out->size)
                       ? pb_multipart_invalid("a part's header has a control character")
                       : (pb_status)PB_OK;
        }
        pb_status status = pb_multipart_fill(form);
        if (status != PB_OK)
            return status;
    }
}

static inline pb_status pb_multipart_field(pb_multipart *form, pb_str line)
{
    size_t colon = pb_str_find(line, ':');
    pb_str name = pb_str_slice(line, 0, colon);
    pb_str value = pb_str_trim(pb_str_slice(line, colon + 1, line.size));

    if (colon == line.size || !name.size || name.data[0] == ' ' || name.data[0] == '\t')
        return pb_multipart_invalid("a line of a part's header is no field");
    if (pb_str_same(name, pb_lit("content-type"))) {
        form->part.type = value;
        return PB_OK;
    }
    if (pb_str_same(name, pb_lit("content-transfer-encoding")) &&
        !pb_str_same(value, pb_lit("binary")) && !pb_str_same(value, pb_lit("8bit")) &&
        !pb_str_same(value, pb_lit("7bit")))
        return pb_fail(PB_UNSUPPORTED, "a part of the form has an encoding of its own; send it as it is");
    if (!pb_str_same(name, pb_lit("content-disposition")))
        return PB_OK;
    if (form->part.name.data)
        return pb_multipart_invalid("a part has two names");
    form->part.name = pb_multipart_parameter(value, "name");
    form->part.file_name = pb_multipart_parameter(value, "filename");
    if (!pb_str_same(pb_str_trim(pb_str_slice(value, 0, pb_str_find(value, ';'))),
                     pb_lit("form-data")))
        return pb_multipart_invalid("a part is no part of a form");
    return PB_OK;
}

/* The lines of a part's header, copied: the window moves on. */
static inline pb_status pb_multipart_header(pb_multipart *form)
{
    size_t used = 0;
    pb_str line = pb_str_make(NULL, 0);

    for (;;) {
        pb_status status = pb_multipart_line(form, &line);
        if (status != PB_OK)
            return status;
        if (!line.size)
            break;
        if (line.size > PB_MULTIPART_HEADER - used)
            return pb_fail(PB_TOO_LARGE, "the header of a part of the form is too long");
        memcpy(form->header + used, line.data, line.size);
        line.data = form->header + used;
        used += line.size;
        status = pb_multipart_field(form, line);
        if (status != PB_OK)
            return status;
    }
    return form->part.name.data ? (pb_status)PB_OK : pb_multipart_invalid("a part has no name");
}

/* Goes to the next part and reads its header into form->part. PB_DECLINED: there is none. Parks. */
static inline pb_status pb_multipart_next(pb_multipart *form)
{
    pb_bytes bytes;
    pb_status status;
    pb_str line = pb_str_make(NULL, 0);

    memset(&form->part, 0, sizeof form->part);
    if (form->last)
        return PB_DECLINED;
    do
        status = pb_multipart_read(&form->base, &bytes);
    while (status == PB_OK && bytes.size);
    while (status == PB_OK && form->end - form->at < 2)
        status = pb_multipart_fill(form);
    if (status != PB_OK)
        return status;
    if (memcmp(form->window + form->at, "--", 2) == 0) {
        form->last = true; /* what follows is nobody's */
        return PB_DECLINED;
    }
    status = pb_multipart_line(form, &line);
    if (status == PB_OK && pb_str_trim(line).size)
        status = pb_multipart_invalid("something stands behind a boundary");
    if (status == PB_OK && ++form->parts > PB_MULTIPART_PARTS)
        status = pb_fail(PB_TOO_LARGE, "the form has more than %d parts", PB_MULTIPART_PARTS);
    if (status == PB_OK)
        status = pb_multipart_header(form);
    form->open = status == PB_OK;
    return status;
}

/* The whole current part, of `most` bytes at most, in the running scope. Parks. */
static inline pb_status pb_multipart_text(pb_multipart *form, size_t most, pb_str *out)
{
    pb_buf buf;
    pb_bytes bytes;
    pb_status status;

    memset(&buf, 0, sizeof buf);
    do {
        status = pb_multipart_read(&form->base, &bytes);
        if (status == PB_OK && bytes.size > most - buf.size)
            status = pb_fail(PB_TOO_LARGE, "the field '%.*s' of the form is longer than %zu bytes",
                             PB_ARG(form->part.name), most);
        if (status == PB_OK)
            pb_buf_add(&buf, pb_str_make((const char *)bytes.data, bytes.size));
    } while (status == PB_OK && bytes.size);
    *out = buf.data ? pb_buf_str(&buf) : pb_lit("");
    return status == PB_OK ? pb_buf_status(&buf) : status;
}

#endif
