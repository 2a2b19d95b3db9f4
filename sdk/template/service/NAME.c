/* @NAME@ - an operation that counts votes, and one that tells them.
 *
 * From one description come the HTTP route, the command line, the OpenAPI document, and a tool for models.
 * Counts are in a cache, because a call may come to any worker.
 */
#include <patchbay/cache.h>
#include <patchbay/service.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_instance *cache;
    pb_list choices; /* of pb_str */
    pb_duration keep;
};

static const pb_field @ID@_options[] = {
    PB_REF(struct @ID@, cache, "cache", .required = 1, .help = "Where votes are counted."),
    PB_LIST(struct @ID@, choices, PB_KIND_STR, .required = 1, .help = "What can be voted for."),
    PB_DURATION(struct @ID@, keep, .def = "30d", .min = 60, .help = "After the first vote for it."),
    PB_END,
};

/* Input and output of the operations; the host fills, checks and writes them. */
struct vote {
    pb_str choice;
    int64_t votes;
};

struct tally {
    pb_list items; /* of struct vote */
};

static const pb_field choice_fields[] = {
    PB_STR(struct vote, choice, .required = 1, .max_length = 100, .help = "What is voted for."),
    PB_END,
};

static const pb_field vote_fields[] = {
    PB_STR(struct vote, choice, .help = "What was voted for."),
    PB_INT(struct vote, votes, .help = "How often."),
    PB_END,
};

static const pb_field tally_fields[] = {
    PB_LIST_OF(struct tally, items, struct vote, vote_fields, .help = "In the configured order."),
    PB_END,
};

static pb_str key_of(pb_str choice)
{
    return pb_printf("@NAME@:%.*s", PB_ARG(choice));
}

static bool is_choice(const struct @ID@ *own, pb_str choice)
{
    for (size_t i = 0; i < own->choices.count; i++)
        if (pb_str_equal(PB_ITEM(own->choices, pb_str, i), choice))
            return true;
    return false;
}

/* By 0 it only reads: the cache adds atomically, across all workers. */
static pb_status count(const struct @ID@ *own, pb_str choice, int64_t by, struct vote *out)
{
    pb_cache_options options = {.size = sizeof options, .ttl = own->keep};

    out->choice = choice;
    return pb_cache_increment(own->cache, key_of(choice), by, &options, &out->votes);
}

static pb_status @ID@_add(void *self, const pb_call *call, const void *in, void *out)
{
    const struct vote *vote = in;

    (void)call;
    if (!is_choice(self, vote->choice))
        return pb_fail_at(PB_INVALID, "/choice", "nobody can vote for '%.*s'", PB_ARG(vote->choice));
    return count(self, vote->choice, 1, out);
}

static pb_status @ID@_list(void *self, const pb_call *call, const void *in, void *out)
{
    const struct @ID@ *own = self;
    struct tally *tally = out;
    struct vote *items = PB_NEW_ARRAY(struct vote, own->choices.count);
    pb_status status = items ? PB_OK : PB_NO_MEMORY;

    (void)call;
    (void)in;
    for (size_t i = 0; i < own->choices.count && status == PB_OK; i++)
        status = count(own, PB_ITEM(own->choices, pb_str, i), 0, &items[i]);
    tally->items = (pb_list){items, own->choices.count};
    return status;
}

static const pb_operation @ID@_operations[] = {
    {PB_OPERATION("votes.add", "POST", "/v1/votes", "Votes for one of the choices."),
     .scope = "votes.write", .input = choice_fields, .input_size = sizeof(struct vote),
     .output = vote_fields, .output_size = sizeof(struct vote), .handle = @ID@_add},
    {PB_OPERATION("votes.list", "GET", "/v1/votes", "How often each choice was voted for."),
     .scope = "votes.read", .output = tally_fields, .output_size = sizeof(struct tally),
     .handle = @ID@_list},
    PB_OPERATION_END,
};

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Counts votes.",
          PB_SERVICE("@NAME@", struct @ID@, @ID@_options, .operations = @ID@_operations));
