/* media.h - what a file is, by its bytes; its name decides only between kinds of text.
 *
 * Pure functions of memory, any thread. Nothing here parks.
 */
#ifndef PATCHBAY_MEDIA_H
#define PATCHBAY_MEDIA_H

#include <patchbay/encoding.h>

/* Could this be text? Looks at the first 64 KiB: no NUL, no control characters to speak of. */
static inline bool pb_media_is_text(pb_bytes bytes)
{
    size_t mark, controls = 0, size = bytes.size < 65536 ? bytes.size : 65536;
    pb_bytes head = {bytes.data, size};
    int32_t encoding = pb_media_encoding(head, &mark);

    if (encoding == PB_ENCODING_UTF16LE || encoding == PB_ENCODING_UTF16BE)
        return true;
    for (size_t i = mark; i < size; i++) {
        uint8_t byte = bytes.data[i];
        if (byte == 0)
            return false;
        controls += (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r' && byte != '\f' &&
                     byte != 0x1B) ||
                    byte == 0x7F;
    }
    return controls * 200 <= size;
}

/* --- by magic numbers ------------------------------------------------------------------------- */

static inline const uint8_t *pb_media_find(pb_bytes bytes, const char *part)
{
    size_t size = strlen(part);

    for (size_t i = 0; i + size <= bytes.size; i++) {
        const uint8_t *at = (const uint8_t *)memchr(bytes.data + i, part[0], bytes.size - i);
        if (!at || (size_t)(at - bytes.data) + size > bytes.size)
            return NULL;
        if (memcmp(at, part, size) == 0)
            return at;
        i = (size_t)(at - bytes.data);
    }
    return NULL;
}

static inline pb_bytes pb_media_part(const void *data, size_t size)
{
    pb_bytes bytes;

    bytes.data = (const uint8_t *)data;
    bytes.size = size;
    return bytes;
}

static inline uint32_t pb_media_le(const uint8_t *at, size_t size)
{
    uint32_t value = 0;

    while (size--)
        value = value << 8 | at[size];
    return value;
}

/* The names of a ZIP's directory say what it holds. */
static inline const char *pb_media_zip_names(pb_bytes zip)
{
    size_t least = zip.size > 66000 ? zip.size - 66000 : 0, at = zip.size >= 22 ? zip.size - 22 : 0;

    while (at > least && memcmp(zip.data + at, "PK\5\6", 4) != 0)
        at--;
    if (zip.size < 22 || memcmp(zip.data + at, "PK\5\6", 4) != 0)
        return "application/zip";
    at = pb_media_le(zip.data + at + 16, 4);
    for (int entry = 0; entry < 4096 && at + 46 <= zip.size; entry++) {
        const uint8_t *head = zip.data + at;
        size_t name = pb_media_le(head + 28, 2);
        if (memcmp(head, "PK\1\2", 4) != 0 || at + 46 + name > zip.size)
            break;
        pb_str text = pb_str_make((const char *)head + 46, name);
        if (pb_str_is(text, "word/document.xml"))
            return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        if (pb_str_is(text, "ppt/presentation.xml"))
            return "application/vnd.openxmlformats-officedocument.presentationml.presentation";
        if (pb_str_is(text, "xl/workbook.xml"))
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        if (pb_str_is(text, "META-INF/MANIFEST.MF"))
            return "application/java-archive";
        at += 46 + name + pb_media_le(head + 30, 2) + pb_media_le(head + 32, 2);
    }
    return "application/zip";
}

/* ODF and EPUB say it in their first entry, which is stored as it is. */
static inline const char *pb_media_zip(pb_bytes zip)
{
    static const char *const types[] = {
        "application/epub+zip",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
    };

    if (zip.size < 38 || pb_media_le(zip.data + 26, 2) != 8 ||
        memcmp(zip.data + 30, "mimetype", 8) != 0)
        return pb_media_zip_names(zip);
    size_t from = 38 + pb_media_le(zip.data + 28, 2);
    pb_str rest = pb_str_slice(pb_str_make((const char *)zip.data, zip.size), from, 80);
    for (size_t i = sizeof types / sizeof *types; i-- > 0;)
        if (pb_str_starts(rest, pb_str_of(types[i])))
            return types[i];
    return pb_media_zip_names(zip);
}

struct pb_media_magic {
    uint32_t at, size;
    const char *bytes;
    const char *type;
};

static inline const char *pb_media_by_magic(pb_bytes bytes)
{
    static const struct pb_media_magic table[] = {
        {0, 5, "{\\rtf", "application/rtf"},
        {0, 4,
         "\x7F"
         "ELF",
         "application/x-executable"},
        {0, 8, "\x89PNG\r\n\x1A\n", "image/png"},
        {0, 3, "\xFF\xD8\xFF", "image/jpeg"},
        {0, 4, "GIF8", "image/gif"},
        {8, 4, "WEBP", "image/webp"},
        {8, 4, "WAVE", "audio/wav"},
        {8, 3, "AVI", "video/x-msvideo"},
        {4, 8, "ftypavif", "image/avif"},
        {4, 7, "ftyphei", "image/heic"},
        {4, 4, "ftyp", "video/mp4"},
        {0, 4, "II*\0", "image/tiff"},
        {0, 4, "MM\0*", "image/tiff"},
        {0, 4, "\0\0\1\0", "image/vnd.microsoft.icon"},
        {0, 2, "\x1F\x8B", "application/gzip"},
        {0, 3, "BZh", "application/x-bzip2"},
        {0, 6,
         "\xFD"
         "7zXZ\0",
         "application/x-xz"},
        {0, 4, "\x28\xB5\x2F\xFD", "application/zstd"},
        {0, 6, "7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"},
        {0, 6, "Rar!\x1A\x07", "application/vnd.rar"},
        {257, 5, "ustar", "application/x-tar"},
        {0, 16, "SQLite format 3", "application/vnd.sqlite3"},
        {0, 8, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage"},
        {0, 4, "\0asm", "application/wasm"},
        {0, 4, "%!PS", "application/postscript"},
        {0, 4, "OggS", "audio/ogg"},
        {0, 4, "fLaC", "audio/flac"},
        {0, 3, "ID3", "audio/mpeg"},
        {0, 4, "\x1A\x45\xDF\xA3", "video/webm"},
    };

    if (pb_media_find(pb_media_part(bytes.data, bytes.size < 1024 ? bytes.size : 1024), "%PDF-"))
        return "application/pdf";
    if (bytes.size >= 4 && memcmp(bytes.data, "PK\3\4", 4) == 0)
        return pb_media_zip(bytes);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (bytes.size >= table[i].at + table[i].size &&
            memcmp(bytes.data + table[i].at, table[i].bytes, table[i].size) == 0)
            return table[i].type;
    return NULL;
}

/* --- kinds of text ---------------------------------------------------------------------------- */

/* Skips white space, comments and declarations of markup. */
static inline pb_str pb_media_markup(pb_str text)
{
    for (;;) {
        text = pb_str_trim(text);
        pb_str end = pb_str_starts(text, pb_lit("<!--")) ? pb_lit("-->")
                     : pb_str_starts(text, pb_lit("<?")) ? pb_lit("?>")
                                                         : pb_str_make(NULL, 0);
        if (!end.size)
            return text;
        const uint8_t *at = pb_media_find(pb_media_part(text.data, text.size), end.data);
        if (!at)
            return pb_lit("");
        text = pb_str_slice(text, (size_t)((const char *)at - text.data) + end.size, text.size);
    }
}

static inline bool pb_media_tag(pb_str text, const char *tag)
{
    size_t size = strlen(tag);

    if (!pb_str_same(pb_str_slice(text, 0, size), pb_str_of(tag)))
        return false;
    return text.size > size && strchr(" \t\r\n/>", text.data[size]) && text.data[size];
}

static inline const char *pb_media_by_markup(pb_str text)
{
    bool declared = pb_str_starts(text, pb_lit("<?xml"));

    if (!text.size || text.data[0] != '<')
        return NULL;
    text = pb_media_markup(text);
    if (pb_media_tag(text, "<!doctype")) {
        pb_str rest = pb_str_trim(pb_str_slice(text, 9, 64));
        return pb_str_same(pb_str_slice(rest, 0, 4), pb_lit("html"))  ? "text/html"
               : pb_str_same(pb_str_slice(rest, 0, 3), pb_lit("svg")) ? "image/svg+xml"
                                                                      : "application/xml";
    }
    if (pb_media_tag(text, "<html") || pb_media_tag(text, "<head") || pb_media_tag(text, "<body") ||
        pb_media_tag(text, "<title"))
        return "text/html";
    if (pb_media_tag(text, "<svg"))
        return "image/svg+xml";
    return declared ? "application/xml" : NULL;
}

/* Does it begin and end as JSON does? `whole`: the end is there to be looked at. */
static inline bool pb_media_is_json(pb_str text, bool whole)
{
    text = pb_str_trim(text);
    if (text.size < 2 || (text.data[0] != '{' && text.data[0] != '['))
        return false;
    char first = text.data[0], last = text.data[text.size - 1];
    pb_str rest = pb_str_trim(pb_str_slice(text, 1, text.size));
    if (whole && last != '}' && last != ']')
        return false;
    if (first == '{')
        return rest.data[0] == '"' || (rest.data[0] == '}' && rest.size == 1);
    return strchr("{[\"-0123456789", rest.data[0]) ? rest.data[0] != 0 && (!whole || last == ']')
                                                   : rest.data[0] == ']' && rest.size == 1;
}

struct pb_media_name {
    const char *end, *type;
};

static inline const char *pb_media_by_name(pb_str name)
{
    static const struct pb_media_name table[] = {
        {".md", "text/markdown"},
        {".markdown", "text/markdown"},
        {".mdown", "text/markdown"},
        {".csv", "text/csv"},
        {".tsv", "text/tab-separated-values"},
        {".tab", "text/tab-separated-values"},
        {".html", "text/html"},
        {".htm", "text/html"},
        {".xhtml", "text/html"},
        {".xml", "application/xml"},
        {".json", "application/json"},
        {".jsonl", "application/x-ndjson"},
        {".ndjson", "application/x-ndjson"},
        {".yaml", "application/yaml"},
        {".yml", "application/yaml"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t size = strlen(table[i].end);
        if (name.size > size &&
            pb_str_same(pb_str_slice(name, name.size - size, size), pb_str_of(table[i].end)))
            return table[i].type;
    }
    return NULL;
}

/* More than one line, each of them an object. */
static inline bool pb_media_is_json_lines(pb_str text)
{
    pb_str first = pb_str_trim(pb_str_slice(text, 0, pb_str_find(text, '\n')));
    pb_str rest = pb_str_trim(pb_str_slice(text, pb_str_find(text, '\n'), text.size));

    return first.size && first.data[0] == '{' && first.data[first.size - 1] == '}' && rest.size &&
           rest.data[0] == '{';
}

/* A text of one byte a character: its content first, then its name. */
static inline const char *pb_media_text_type(pb_bytes bytes, size_t mark, pb_str name)
{
    size_t size = bytes.size - mark;
    pb_str text = pb_str_make((const char *)bytes.data + mark, size < 65536 ? size : 65536);
    pb_str start = pb_str_trim(text);
    const char *named = pb_media_by_name(name), *type = pb_media_by_markup(start);

    if (type)
        return type;
    if (named &&
        (strcmp(named, "text/markdown") == 0 || strcmp(named, "text/csv") == 0 ||
         strcmp(named, "text/tab-separated-values") == 0 || strcmp(named, "application/yaml") == 0))
        return named;
    if (pb_media_is_json(text, size == text.size))
        return pb_media_is_json_lines(start) ? "application/x-ndjson" : "application/json";
    /* What only claims to be markup or JSON must look like it a little. */
    if (named && start.size && (start.data[0] == '<') == (strstr(named, "json") == NULL))
        return named;
    return "text/plain";
}

/* The type of a file: "application/pdf". `name` may be absent. Never NULL: "text/plain" for other
 * text, "application/octet-stream" for other bytes. A constant. */
static inline const char *pb_media_type(pb_bytes bytes, pb_str name)
{
    size_t mark;
    const char *type = bytes.size ? pb_media_by_magic(bytes) : NULL;

    if (type)
        return type;
    if (!pb_media_is_text(bytes))
        return "application/octet-stream";
    pb_bytes head = {bytes.data, bytes.size < 65536 ? bytes.size : 65536};
    int32_t encoding = bytes.size ? pb_media_encoding(head, &mark) : (mark = 0, PB_ENCODING_UTF8);
    if (encoding == PB_ENCODING_UTF8 || encoding == PB_ENCODING_LATIN1)
        return pb_media_text_type(bytes, mark, name);
    char text[3 * 1024];
    head.size = head.size < 1024 ? head.size : 1024;
    size_t size = pb_media_utf8(head, encoding, mark, text);
    return pb_media_text_type(pb_media_part(text, size), 0, name);
}

/* "text/html" of "Text/HTML; charset=x". */
static inline pb_str pb_media_bare(pb_str type)
{
    return pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';')));
}

/* Is `type` (with parameters or not, whatever its case) this one? */
static inline bool pb_media_is(pb_str type, const char *wanted)
{
    return pb_str_same(pb_media_bare(type), pb_str_of(wanted));
}

#endif
