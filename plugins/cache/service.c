/* service.c - forgetting the answers of a pipeline: `patchbay replies forget support`. */
#include "cache.h"

const pb_field keeper_options[] = {
    PB_REF(struct keeper, cache, "cache", .required = 1, .help = "The cache of the stages."),
    PB_END,
};

struct forget_in {
    pb_str pipeline;
};

static const pb_field forget_in_fields[] = {
    PB_STR(struct forget_in, pipeline, .required = 1, .max_length = 256, .help = "Whose answers."),
    PB_END,
};

static pb_status forget(void *self, const pb_call *call, const void *in, void *out)
{
    const struct keeper *keeper = self;
    const struct forget_in *input = in;

    (void)call;
    (void)out;
    if (!pb_pipeline_find(input->pipeline))
        return pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'", PB_ARG(input->pipeline));
    pb_str tag = question_tag(input->pipeline);
    return tag.data ? pb_cache_remove_tag(keeper->cache, tag)
                    : pb_fail(PB_NO_MEMORY, "no memory for a name");
}

const pb_operation keeper_operations[] = {
    {PB_OPERATION("replies.forget", "DELETE", "/v1/replies/{pipeline}",
                  "Forgets the answers that were kept of a pipeline, those of your tenant."),
     .input_example = "{\"pipeline\": \"support\"}",
     .scope = "replies.forget", .input = forget_in_fields, .input_size = sizeof(struct forget_in),
     .handle = forget},
    PB_OPERATION_END,
};
