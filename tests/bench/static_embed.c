/* static_embed - what the static embedder costs: tokens counted, texts embedded, a model opened.
 *
 *     static_embed [file]      a text file to embed; without it English of its own. Best of five.
 */
#define pb_host_table    pb_host_table_cost
#define PB_PLUGIN_SYMBOL plugin_cost

#include "testkit.h"

#include <patchbay/embedder.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern const pb_plugin patchbay_plugin_static;

struct holder {
    pb_instance *embedder;
};

static const pb_field holder_options[] = {
    PB_REF(struct holder, embedder, "embedder", .help = "The one that is measured."), PB_END};

static pb_status holder_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

PB_PLUGIN("cost", "0.1.0", "Apache-2.0", "Holds the embedder.",
          PB_STAGE("holder", struct holder, holder_options, .run = holder_run));

enum { PASSAGE = 1000, RUNS = 5 };

static pb_instance *embedder;
static size_t dimensions;

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static char *invent(size_t *size)
{
    static const char *const parts[] = {
        "The host loads plugins and wires them as one file says. ",
        "When a worker dies, its supervisor starts another within a second; nothing is lost. ",
        "Configuration errors are reported with their file, line and column (docs/config.md). ",
        "int status = pb_run_next(next, turn); /* the rest of the pipeline */\n",
        "Retrieval-augmented generation quotes passages: \"[1]\" names the first. ",
    };
    char *text = malloc(1 << 20);
    unsigned state = 1;

    for (*size = 0; text && *size < (1 << 20) - 200;) {
        state = state * 1103515245u + 12345u;
        const char *part = parts[(state >> 16) % (sizeof parts / sizeof *parts)];
        memcpy(text + *size, part, strlen(part));
        *size += strlen(part);
    }
    return text;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(16 << 20);

    if (!file || !text) {
        (void)fprintf(stderr, "static_embed: %s cannot be read\n", path);
        exit(1);
    }
    *size = fread(text, 1, 16 << 20, file);
    (void)fclose(file);
    return text;
}

struct job {
    pb_str *texts;
    size_t count, tokens;
    float *out;
    double counting, together, whole, question;
};

static void best(double *kept, double since)
{
    double took = now() - since;

    if (*kept == 0 || took < *kept)
        *kept = took;
}

static pb_status measure(void *arg)
{
    struct job *job = arg;
    pb_str all = pb_str_make(job->texts[0].data, 0), question = pb_lit("How do I write a plugin?");
    pb_status status = PB_OK;

    for (size_t i = 0; i < job->count; i++)
        all.size += job->texts[i].size;
    for (int run = 0; run < RUNS && status == PB_OK; run++) {
        double begun = now();
        job->tokens = pb_embed_tokens(embedder, all);
        best(&job->counting, begun);
        begun = now();
        status = pb_embed(embedder, PB_EMBED_DOCUMENT, job->texts, job->count, job->out);
        best(&job->together, begun);
        begun = now();
        if (status == PB_OK)
            status = pb_embed(embedder, PB_EMBED_DOCUMENT, &all, 1, job->out);
        best(&job->whole, begun);
        begun = now();
        for (int i = 0; i < 1000 && status == PB_OK; i++)
            status = pb_embed(embedder, PB_EMBED_QUERY, &question, 1, job->out);
        best(&job->question, begun);
    }
    return status;
}

int main(int count, char **arguments)
{
    struct job job = {0};
    size_t size;
    char *text = count > 1 ? read_file(arguments[1], &size) : invent(&size);
    double begun = now();
    pb_harness *harness = pb_harness_new("embedders: {words: {use: static}}\n"
                                         "pipelines: {p: {stages: [holder: {embedder: words}]}}\n",
                                         &patchbay_plugin_static, &plugin_cost);
    double opening = now() - begun;

    embedder = pb_harness_instance(harness, "embedder", "words");
    dimensions = pb_embed_dimensions(embedder);
    job.texts = calloc(size / PASSAGE + 1, sizeof *job.texts);
    job.out = calloc((size / PASSAGE + 1) * dimensions, sizeof *job.out);
    for (size_t at = 0; at < size; at += PASSAGE)
        job.texts[job.count++] = pb_str_make(text + at, size - at < PASSAGE ? size - at : PASSAGE);
    if (pb_harness_run(harness, measure, &job, NULL) != PB_OK)
        return 1;
    printf("%zu bytes, %zu tokens, %zu dimensions, %s\n", size, job.tokens, dimensions,
           pb_embed_model(embedder).data);
    printf("counting        %7.1f ns a token\n", job.counting / (double)job.tokens * 1e9);
    printf("%5zu passages  %7.1f ns a token, %.1f ms for 1 MB\n", job.count,
           job.together / (double)job.tokens * 1e9, job.together / (double)size * 1e9);
    printf("in one piece    %7.1f ns a token\n", job.whole / (double)job.tokens * 1e9);
    printf("a question      %7.2f us\n", job.question * 1e3);
    printf("host and model  %7.1f ms to start\n", opening * 1e3);
    pb_harness_free(harness);
    free(job.texts);
    free(job.out);
    free(text);
    return 0;
}
