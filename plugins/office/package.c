/* package.c - a ZIP archive that a stranger made; see package.h. */
#include "package.h"

#include <stdlib.h>

enum { CHUNK = 65536, FREE_BYTES = 1 << 20, TAIL = 65557 };

/* The count that the archive's end claims: libzip believes it before it has read the entries. */
static bool too_many(const struct job *job)
{
    const uint8_t *bytes = job->file.data;
    size_t from = job->file.size > TAIL ? job->file.size - TAIL : 0;

    for (size_t i = from; i + 22 <= job->file.size; i++)
        if (memcmp(bytes + i, "PK\5\6", 4) == 0 &&
            (size_t)(bytes[i + 10] | bytes[i + 11] << 8) > job->limits.entries)
            return true;
    return false;
}

pb_status package_open(struct package *package, struct job *job)
{
    zip_error_t error;

    *package = (struct package){.job = job};
    if (too_many(job))
        return job_fail(job, PB_TOO_LARGE, "its archive has more than the %zu parts of 'max_parts'",
                        job->limits.entries);
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(job->file.data, job->file.size, 0, &error);
    package->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!package->zip) {
        zip_source_free(source);
        int code = zip_error_code_zip(&error);
        zip_error_fini(&error);
        return code == ZIP_ER_MEMORY
                   ? job_fail(job, PB_NO_MEMORY, "the memory for it is short")
                   : job_fail(job, PB_UNPROCESSABLE, "its archive is damaged or cut short");
    }
    zip_error_fini(&error);
    if ((size_t)zip_get_num_entries(package->zip, 0) > job->limits.entries)
        return job_fail(job, PB_TOO_LARGE, "its archive has more than the %zu parts of 'max_parts'",
                        job->limits.entries);
    return PB_OK;
}

void package_close(struct package *package)
{
    if (package->zip)
        zip_discard(package->zip);
    package->zip = NULL;
}

bool package_has(const struct package *package, const char *path)
{
    return path && zip_name_locate(package->zip, path, 0) >= 0;
}

/* The part, opened; NULL when the job failed. */
static zip_file_t *open_part(struct package *package, const char *path, zip_stat_t *about)
{
    struct job *job = package->job;
    zip_int64_t index = path ? zip_name_locate(package->zip, path, 0) : -1;

    if (job->status != PB_OK)
        return NULL;
    if (index < 0 || zip_stat_index(package->zip, (zip_uint64_t)index, 0, about) != 0) {
        (void)job_fail(job, PB_UNPROCESSABLE, "its archive lacks a part that it names");
        return NULL;
    }
    if ((about->valid & ZIP_STAT_ENCRYPTION_METHOD) && about->encryption_method != ZIP_EM_NONE) {
        (void)job_fail(job, PB_UNPROCESSABLE, "it is encrypted; save it without a password");
        return NULL;
    }
    if ((about->valid & ZIP_STAT_COMP_METHOD) && about->comp_method != ZIP_CM_STORE &&
        about->comp_method != ZIP_CM_DEFLATE) {
        (void)job_fail(job, PB_UNPROCESSABLE,
                       "its archive is packed in a way that no office "
                       "program uses");
        return NULL;
    }
    zip_file_t *file = zip_fopen_index(package->zip, (zip_uint64_t)index, 0);
    if (!file)
        (void)job_fail(job, PB_UNPROCESSABLE, "its archive is damaged or cut short");
    return file;
}

static bool within(struct package *package, size_t done, const zip_stat_t *about)
{
    struct job *job = package->job;
    size_t packed = about->valid & ZIP_STAT_COMP_SIZE ? (size_t)about->comp_size : 0;

    if (package->unfolded > job->limits.unfolded)
        (void)job_fail(job, PB_TOO_LARGE, "it unfolds to more than the %zu MiB of 'max_unfolded'",
                       job->limits.unfolded >> 20);
    else if (done > FREE_BYTES && done / job->limits.ratio > packed)
        (void)job_fail(job, PB_TOO_LARGE,
                       "a part of it unfolds to more than %zu times its size ('max_ratio')",
                       job->limits.ratio);
    else if (pb_cancelled())
        (void)job_fail(job, PB_CANCELLED, "it was cancelled");
    return job->status == PB_OK;
}

pb_status package_read(struct package *package, const char *path, package_take take, void *arg)
{
    struct job *job = package->job;
    zip_stat_t about;
    zip_file_t *file = open_part(package, path, &about);
    char *chunk = file ? malloc(CHUNK) : NULL;
    size_t done = 0;

    if (file && !chunk)
        (void)job_fail(job, PB_NO_MEMORY, "the memory for it is short");
    while (chunk && job->status == PB_OK) {
        zip_int64_t got = zip_fread(file, chunk, CHUNK);
        if (got < 0) {
            (void)job_fail(job, PB_UNPROCESSABLE, "its archive is damaged or cut short");
            break;
        }
        done += (size_t)got;
        package->unfolded += (size_t)got;
        if (!within(package, done, &about) || !take(arg, chunk, (size_t)got, got == 0) || !got)
            break;
    }
    free(chunk);
    if (file)
        (void)zip_fclose(file);
    return job->status;
}

size_t package_head(struct package *package, const char *path, char *out, size_t size)
{
    zip_stat_t about;
    zip_file_t *file = package_has(package, path) ? open_part(package, path, &about) : NULL;
    zip_int64_t got = file ? zip_fread(file, out, size - 1) : 0;

    if (file)
        (void)zip_fclose(file);
    if (got < 0)
        got = 0;
    package->unfolded += (size_t)got;
    out[got] = '\0';
    return (size_t)got;
}

static int hex(char digit)
{
    const char *at = digit ? strchr("0123456789abcdef", digit | 32) : NULL;

    return at ? (int)(at - "0123456789abcdef") : -1;
}

/* Without fragment and query, %20 decoded; the size. */
static size_t decode(char *out, pb_str target)
{
    size_t size = 0;

    for (size_t i = 0; i < target.size && !strchr("#?", target.data[i]); i++) {
        char byte = target.data[i];
        if (byte == '%' && i + 2 < target.size && hex(target.data[i + 1]) >= 0 &&
            hex(target.data[i + 2]) >= 0) {
            byte = (char)(hex(target.data[i + 1]) << 4 | hex(target.data[i + 2]));
            i += 2;
        }
        out[size++] = byte;
    }
    return size;
}

pb_str package_resolve(struct job *job, const char *base, pb_str target)
{
    const char *slash = strrchr(base, '/');
    size_t folder = slash && !pb_str_starts(target, pb_lit("/")) ? (size_t)(slash - base) + 1 : 0;
    char *raw = job_keep(job, folder + target.size + 1);
    char *out = job_keep(job, folder + target.size + 1);
    size_t size = 0;

    if (!raw || !out)
        return pb_str_make(NULL, 0);
    if (folder)
        memcpy(raw, base, folder);
    pb_str rest = pb_str_make(raw, folder + decode(raw + folder, target));
    while (rest.size) {
        pb_str part = pb_str_slice(rest, 0, pb_str_find(rest, '/'));
        rest = pb_str_slice(rest, part.size + 1, rest.size);
        if (pb_str_is(part, "..")) {
            if (!size)
                return pb_str_make(NULL, 0);
            while (size && out[--size] != '/')
                ;
        } else if (part.size && !pb_str_is(part, ".")) {
            if (size)
                out[size++] = '/';
            memcpy(out + size, part.data, part.size);
            size += part.size;
        }
    }
    out[size] = '\0';
    return pb_str_make(out, size);
}
