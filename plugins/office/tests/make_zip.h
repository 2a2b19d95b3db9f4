/* make_zip.h - archives in memory, for tests and the fuzz target. */
#ifndef OFFICE_TESTS_MAKE_ZIP_H
#define OFFICE_TESTS_MAKE_ZIP_H

#include <patchbay/types.h>
#include <stdlib.h>
#include <zip.h>

struct part {
    const char *name;
    const char *text;
    size_t size; /* 0: as long as the text */
};

/* Packs `count` parts; free() what it gives. `packed`: 0: as they are. Empty on failure. */
static inline pb_bytes make_zip(const struct part *parts, size_t count, int packed)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    pb_bytes out = {NULL, 0};
    zip_stat_t about;

    if (!zip)
        return out;
    zip_source_keep(source);
    for (size_t i = 0; i < count; i++) {
        size_t size = parts[i].size ? parts[i].size : strlen(parts[i].text);
        zip_source_t *part = zip_source_buffer(zip, parts[i].text, size, 0);
        zip_int64_t index = zip_file_add(zip, parts[i].name, part, ZIP_FL_ENC_UTF_8);
        if (index < 0)
            zip_source_free(part);
        else
            (void)zip_set_file_compression(
                zip, (zip_uint64_t)index,
                packed && strcmp(parts[i].name, "mimetype") ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 9);
    }
    if (zip_close(zip) == 0 && zip_source_open(source) == 0) {
        uint8_t *bytes = NULL;
        if (zip_source_stat(source, &about) == 0 && (bytes = malloc(about.size + 1)))
            out = (pb_bytes){bytes, (size_t)zip_source_read(source, bytes, about.size)};
        (void)zip_source_close(source);
    }
    zip_source_free(source);
    return out;
}

#endif
