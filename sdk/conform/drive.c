/* drive.c - see drive.h. Runs drives on tasks of the harness and takes what they said along. */
#include "drive.h"

#include "stacks.h"
#include "thunks.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include "runtime/task.h"
#include <patchbay/auth.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *kind;
    drive_fn drive;
} drives[] = {{"stage", drive_turn},
              {"llm", drive_turn},
              {"tool", drive_tool},
              {"auth", drive_auth},
              {"embedder", drive_embedder},
              {"retriever", drive_retriever},
              {"reranker", drive_reranker},
              {"classifier", drive_classifier},
              {"extractor", drive_extractor},
              {"source", drive_source},
              {"cache", drive_cache},
              {"database", drive_database},
              {"vector_store", drive_vector_store},
              {"blob_store", drive_blob_store},
              {"service", drive_service},
              {"exporter", drive_exporter},
              {"speech", drive_speech}};

drive_fn drive_of(pb_str kind)
{
    for (size_t i = 0; i < sizeof drives / sizeof *drives; i++)
        if (pb_str_is(kind, drives[i].kind))
            return drives[i].drive;
    return NULL;
}

void drive_say(struct drive *drive, const char *format, ...)
{
    char line[2000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pb_buf_printf(&drive->said, "%s\n", line);
}

/* One drive and its task. */
struct job {
    struct drive drive;
    drive_fn fn;
    const struct use *use;
    struct went *went;
};

static const pb_principal tester = {.size = sizeof tester,
                                    .id = PB_LIT("tester"),
                                    .tenant = PB_LIT("default"),
                                    .name = PB_LIT("tester")};

static pb_status do_job(void *arg)
{
    struct job *job = arg;
    return job->fn(&job->drive);
}

static pb_status run_job(void *arg)
{
    struct job *job = arg;
    struct went *went = job->went;

    stacks_paint_own();
    if (job->use)
        disturb((enum disturbance)job->use->how, job->use->at);
    pb_error_clear();
    went->status = pb_run_as(&tester, do_job, job);
    const pb_error *error = pb_error_last();
    if (went->status != PB_OK && error->status == went->status)
        (void)snprintf(went->sentence, sizeof went->sentence, "%.*s", PB_ARG(error->sentence));
    if (job->use) {
        went->struck = disturbed(&went->call);
        int64_t deadline = disturbed_deadline();
        if (deadline)
            pb_deadline_end(deadline);
    }
    pb_str said = pb_buf_str(&job->drive.said);
    went->said = strndup(said.size ? said.data : "", said.size);
    stacks_note_own();
    return PB_OK;
}

static struct job make_job(struct subject *subject, unsigned number)
{
    if (!subject->instance)
        case_skip("the configuration has no instance of it");
    return (struct job){
        .drive = {.harness = subject->harness, .instance = subject->instance, .number = number},
        .fn = drive_of(subject->component->kind)};
}

struct went drive_once(struct subject *subject, const struct use *use)
{
    struct went went = {0};
    struct job job = make_job(subject, use->number);

    job.use = use;
    job.went = &went;
    job.drive.wish = use->wish;
    stacks_forget();
    (void)pb_harness_run(subject->harness, run_job, &job, NULL);
    went.stack_used = stacks_deepest(&went.stack_size);
    return went;
}

struct many {
    struct job *jobs;
    unsigned count;
};

static pb_status run_many(void *arg)
{
    const struct many *many = arg;
    pb_task **tasks = PB_NEW_ARRAY(pb_task *, many->count);

    for (unsigned i = 0; i < many->count; i++)
        if (pb_spawn(run_job, &many->jobs[i], &tasks[i]) != PB_OK)
            case_fail(0, "%.*s", PB_ARG(pb_error_last()->sentence));
    for (unsigned i = 0; i < many->count; i++)
        (void)pb_join(tasks[i]);
    return PB_OK;
}

void drive_together(struct subject *subject, unsigned count, struct went *out)
{
    struct job *jobs = calloc(count, sizeof *jobs);
    struct many many = {jobs, count};

    for (unsigned i = 0; i < count; i++) {
        jobs[i] = make_job(subject, i);
        jobs[i].went = &out[i];
    }
    (void)pb_harness_run(subject->harness, run_many, &many, NULL);
    free(jobs);
}

void went_free(struct went *went)
{
    free(went->said);
    went->said = NULL;
}
