/* @NAME@ - an exporter that appends spans and audit records to a file, one JSON object a line.
 *
 * The host calls span() and audit() in a task beside the turns, with what has ended since; when one
 * fails it offers the records again. Files may block, so the writing is done on a helper thread. All
 * workers append to the same file: each write is under a lock.
 */
#include <patchbay/draft/exporter.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_str path;
    int64_t max_size;
};

static const pb_field @ID@_options[] = {
    PB_DATA_PATH(struct @ID@, path, .def = "records.jsonl", .help = "The file."),
    PB_SIZE(struct @ID@, max_size, .def = "64MiB", .min = 1024,
            .help = "A file that would grow larger is renamed to FILE.1, which replaces the one before."),
    PB_END,
};

/* --- on a helper thread: no host calls, no pb_alloc ------------------------------------------- */

struct job {
    const char *path;
    char old[4096]; /* the name of a full file */
    int64_t max_size;
    pb_str lines;
    int error; /* errno, or 0 */
};

/* Opens the file and waits for its lock. It may have been renamed meanwhile: then the next try finds
 * the new one. -1: job->error says why. */
static int open_locked(struct job *job)
{
    struct stat opened, named;

    for (;;) {
        int fd = open(job->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, &opened) != 0) {
            job->error = errno;
            if (fd >= 0)
                close(fd);
            return -1;
        }
        bool full = opened.st_size && opened.st_size + (int64_t)job->lines.size > job->max_size;
        if (stat(job->path, &named) == 0 && named.st_ino == opened.st_ino &&
            named.st_dev == opened.st_dev) {
            if (!full)
                return fd;
            if (rename(job->path, job->old) != 0) {
                job->error = errno;
                close(fd);
                return -1;
            }
        }
        close(fd); /* and with it the lock */
    }
}

/* All lines or none: half a line would spoil the next one too. */
static pb_status append(void *arg)
{
    struct job *job = arg;
    int fd = open_locked(job);

    if (fd < 0)
        return PB_UNAVAILABLE;
    off_t begin = lseek(fd, 0, SEEK_END);
    for (size_t done = 0; done < job->lines.size;) {
        ssize_t wrote = write(fd, job->lines.data + done, job->lines.size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            job->error = wrote < 0 ? errno : ENOSPC;
            if (ftruncate(fd, begin) != 0)
                job->error = errno;
            break;
        }
        done += (size_t)wrote;
    }
    close(fd);
    return job->error ? PB_UNAVAILABLE : PB_OK;
}

/* --- in the task ------------------------------------------------------------------------------ */

static pb_status write_lines(const struct @ID@ *own, pb_buf *lines)
{
    struct job *job = PB_NEW(struct job);

    if (!job || pb_buf_status(lines) != PB_OK)
        return PB_NO_MEMORY;
    job->path = own->path.data;
    job->max_size = own->max_size;
    job->lines = pb_buf_str(lines);
    (void)snprintf(job->old, sizeof job->old, "%s.1", own->path.data);
    pb_status status = pb_offload(append, job);
    if (job->error) /* retryable: the host comes again with the same records */
        return pb_fail(PB_UNAVAILABLE, "%s cannot be written: %s", job->path, strerror(job->error));
    return status;
}

static void member(pb_json_writer *out, const char *key, pb_str text)
{
    if (!text.size)
        return;
    pb_jw_key(out, key);
    pb_jw_str(out, text);
}

static void number(pb_json_writer *out, const char *key, double value)
{
    pb_jw_key(out, key);
    pb_jw_double(out, value);
}

static pb_status @ID@_span(void *self, const pb_span_record *const *batch, size_t count)
{
    pb_buf lines = {0};

    for (size_t i = 0; i < count; i++) {
        const pb_span_record *span = batch[i];
        pb_json_writer out = pb_json_writer_make(&lines);
        pb_jw_open(&out, '{');
        member(&out, "trace", span->trace);
        member(&out, "span", span->id);
        member(&out, "parent", span->parent);
        member(&out, "turn", span->turn);
        member(&out, "tenant", span->tenant);
        member(&out, "kind", span->kind);
        member(&out, "name", span->name);
        member(&out, "status", pb_str_of(pb_status_name(span->status)));
        number(&out, "began_ms", (double)(span->began / 1000000));
        number(&out, "ms", (double)(span->total / 1000) / 1000);
        if (span->notes) {
            pb_jw_key(&out, "notes");
            pb_jw_json(&out, span->notes);
        }
        pb_jw_close(&out, '}');
        pb_buf_byte(&lines, '\n');
        pb_status status = pb_step(); /* a batch is long: let turns run in between */
        if (status != PB_OK)
            return status;
    }
    return write_lines(self, &lines);
}

static pb_status @ID@_audit(void *self, const pb_audit_record *const *batch, size_t count)
{
    pb_buf lines = {0};

    for (size_t i = 0; i < count; i++) {
        const pb_audit_record *audit = batch[i];
        pb_json_writer out = pb_json_writer_make(&lines);
        pb_jw_open(&out, '{');
        number(&out, "when_ms", (double)audit->when);
        member(&out, "tenant", audit->tenant);
        member(&out, "principal", audit->principal);
        member(&out, "action", audit->action);
        member(&out, "object", audit->object);
        member(&out, "status", pb_str_of(pb_status_name(audit->status)));
        member(&out, "request_id", audit->request_id);
        member(&out, "remote", audit->remote);
        pb_jw_close(&out, '}');
        pb_buf_byte(&lines, '\n');
    }
    return write_lines(self, &lines);
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Appends spans and audit records to a file.",
          PB_EXPORTER("@NAME@", struct @ID@, @ID@_options, .span = @ID@_span, .audit = @ID@_audit));
