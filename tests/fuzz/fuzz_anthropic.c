/* fuzz_anthropic.c - any bytes as an answer of the service behind the llm `anthropic`. */
#include "../../plugins/anthropic/anthropic.h"
#include "reply.h"

static pb_status read_all(pb_sink *sink, bool stream, size_t limit)
{
    struct anthropic anthropic = {.upstream = {.max_event = (int64_t)limit, .max_body = 1 << 20}};
    struct answer answer = {.sink = sink};
    pb_status status =
        stream ? stream_read(&anthropic, NULL, &answer, NULL) : whole_read(&anthropic, NULL, &answer);

    return status == PB_OK ? answer_end(&anthropic, &answer) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_reply(read_all, data, size);
}
