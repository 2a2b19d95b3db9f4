/* @NAME@ - subtitles (.srt) to paragraphs, so that what was said in a film can be found.
 *
 * The file is read on a helper thread, because a long one takes longer than other turns should wait.
 */
#include <patchbay/blocks.h>

#include <stdio.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_duration pause;
    int64_t max_text;
};

static const pb_field @ID@_options[] = {
    PB_DURATION(struct @ID@, pause, .def = "2s", .max = 600,
                .help = "A silence this long begins a paragraph."),
    PB_SIZE(struct @ID@, max_text, .def = "10MiB", .min = 1024,
            .help = "Files with more text are refused."),
    PB_END,
};

/* What the thread works on: it may call no host function, but all that blocks.h marks. */
struct job {
    const struct @ID@ *own;
    pb_str rest; /* of the file */
    int64_t line; /* of the one that was taken last */
    pb_block_writer writer;
};

static pb_str take_line(struct job *job)
{
    size_t end = pb_str_find(job->rest, '\n');
    pb_str line = pb_str_slice(job->rest, 0, end);

    job->rest = pb_str_slice(job->rest, end + 1, job->rest.size);
    job->line++;
    return pb_str_trim(line);
}

/* "00:01:02,500 --> 00:01:04,000" in milliseconds? */
static bool read_times(pb_str line, int64_t *from, int64_t *to)
{
    int at[8];
    char copy[40] = "";

    memcpy(copy, line.data ? line.data : "", line.size < sizeof copy ? line.size : sizeof copy - 1);
    if (sscanf(copy, "%3d:%2d:%2d%*1[,.]%3d --> %3d:%2d:%2d%*1[,.]%3d", &at[0], &at[1], &at[2],
               &at[3], &at[4], &at[5], &at[6], &at[7]) != 8)
        return false;
    *from = ((at[0] * 60LL + at[1]) * 60 + at[2]) * 1000 + at[3];
    *to = ((at[4] * 60LL + at[5]) * 60 + at[6]) * 1000 + at[7];
    return true;
}

/* Adds a line of text without its tags: <i>, {\an8}. */
static void add_text(struct job *job, pb_str line)
{
    while (line.size) {
        size_t tag = pb_str_find(line, '<'), brace = pb_str_find(line, '{');
        size_t at = tag < brace ? tag : brace;
        pb_bw_flow(&job->writer, pb_str_slice(line, 0, at));
        line = pb_str_slice(line, at, line.size);
        size_t end = line.size ? pb_str_find(line, line.data[0] == '<' ? '>' : '}') : 0;
        line = pb_str_slice(line, end + 1, line.size);
    }
    pb_bw_space(&job->writer);
}

static pb_status read_file(void *arg)
{
    struct job *job = arg;
    int64_t from, to, last = 0, before = -1, pause = job->own->pause / PB_MILLISECOND;

    while (job->rest.size && pb_bw_status(&job->writer) == PB_OK) {
        if (!read_times(take_line(job), &from, &to))
            continue; /* the number of a subtitle, or an empty line */
        if (before < 0 || from - before >= pause) {
            pb_bw_close(&job->writer, last);
            pb_bw_open(&job->writer, PB_BLOCK_TEXT, 0, job->line);
        }
        before = to;
        for (pb_str line; (line = take_line(job)).size; last = job->line)
            add_text(job, line);
    }
    pb_bw_close(&job->writer, last);
    if (before < 0)
        pb_bw_fail(&job->writer, PB_UNPROCESSABLE, "there is no subtitle in it");
    return pb_bw_status(&job->writer);
}

static bool @ID@_accepts(void *self, const pb_blob *blob)
{
    (void)self;
    return pb_str_is(blob->type, "application/x-subrip") || pb_str_ends(blob->name, pb_lit(".srt"));
}

static pb_status @ID@_extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct @ID@ *own = self;
    struct job *job = PB_NEW(struct job);

    if (!job)
        return PB_NO_MEMORY;
    job->own = own;
    job->rest = pb_str_make((const char *)blob->bytes.data, blob->bytes.size);
    job->writer = pb_block_writer_make((size_t)own->max_text, 1000000);
    return pb_bw_finish(&job->writer, pb_offload(read_file, job), out);
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Reads subtitles.",
          PB_EXTRACTOR("@NAME@", struct @ID@, @ID@_options, .accepts = @ID@_accepts,
                       .extract = @ID@_extract));
