/* upstream_answers.h - recorded answers, for upstream_kit.c: the same words in each dialect. Not
 * installed. Sources: the services' documents of streaming answers.
 */
#ifndef PATCHBAY_UPSTREAM_ANSWERS_H
#define PATCHBAY_UPSTREAM_ANSWERS_H

/* PB_UPSTREAM_TEXT in pieces, as JSON writes them: one letter escaped, the others as they are. */
#define PIECE_1 "Hello w\xc3\xb6r"
#define PIECE_2 "ld, \\\"quoted\\\"\\n"
#define PIECE_3 "\xf0\x9f\x98\x80 and \\u006fn"
#define ALL     PIECE_1 PIECE_2 PIECE_3

/* --- OpenAI ----------------------------------------------------------------------------------- */

#define OA_CHUNK(delta, finish)                                                                    \
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"up-1\","  \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define OA_TEXT(text) OA_CHUNK("{\"content\":\"" text "\"}", "null")
#define OA_USAGE                                                                                   \
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"model\":\"up-1\",\"choices\":[],"  \
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}\n\n"
#define OA_DONE "data: [DONE]\n\n"
#define OA_BEGIN OA_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
#define OA_CALL(more)                                                                              \
    OA_CHUNK("{\"tool_calls\":[{\"index\":0," more "}]}", "null")

static const char openai_stream[] = OA_BEGIN OA_TEXT(PIECE_1) OA_TEXT(PIECE_2) OA_TEXT(PIECE_3)
    OA_CHUNK("{}", "\"stop\"") OA_USAGE OA_DONE;
static const char openai_tool[] = OA_BEGIN OA_CALL(
    "\"id\":\"call-1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}")
    OA_CALL("\"function\":{\"arguments\":\"{\\\"at\\\":\\\"w\"}")
        OA_CALL("\"function\":{\"arguments\":\"\xc3\xb6rld\\\"}\"}")
            OA_CHUNK("{}", "\"tool_calls\"") OA_USAGE OA_DONE;
static const char openai_whole[] =
    "{\"id\":\"c-1\",\"object\":\"chat.completion\",\"model\":\"up-1\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"" ALL "\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}";

/* --- Anthropic -------------------------------------------------------------------------------- */

#define AN_EVENT(type, members) "event: " type "\ndata: {\"type\":\"" type "\"" members "}\n\n"
#define AN_BEGIN                                                                                   \
    AN_EVENT("message_start",                                                                      \
             ",\"message\":{\"id\":\"m-1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":" \
             "\"up-1\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":7,"         \
             "\"output_tokens\":1}}")                                                              \
    AN_EVENT("ping", "")
#define AN_BLOCK(block) AN_EVENT("content_block_start", ",\"index\":0,\"content_block\":" block)
#define AN_DELTA(delta) AN_EVENT("content_block_delta", ",\"index\":0,\"delta\":" delta)
#define AN_TEXT(text)   AN_DELTA("{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define AN_INPUT(json)  AN_DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"}")
#define AN_END(reason)                                                                             \
    AN_EVENT("content_block_stop", ",\"index\":0")                                                 \
    AN_EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason                              \
                              "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}")        \
    AN_EVENT("message_stop", "")

static const char anthropic_stream[] = AN_BEGIN AN_BLOCK("{\"type\":\"text\",\"text\":\"\"}")
    AN_TEXT(PIECE_1) AN_TEXT(PIECE_2) AN_TEXT(PIECE_3) AN_END("end_turn");
static const char anthropic_tool[] =
    AN_BEGIN AN_BLOCK("{\"type\":\"tool_use\",\"id\":\"call-1\",\"name\":\"look\",\"input\":{}}")
        AN_INPUT("{\\\"at\\\":\\\"w") AN_INPUT("\xc3\xb6rld\\\"}") AN_END("tool_use");
static const char anthropic_whole[] =
    "{\"id\":\"m-1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"up-1\",\"content\":[{"
    "\"type\":\"text\",\"text\":\"" ALL "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":5}}";

/* --- Gemini ----------------------------------------------------------------------------------- */

#define GE_PART(part)                                                                              \
    "{\"candidates\":[{\"content\":{\"parts\":[" part "],\"role\":\"model\"},\"index\":0}],"        \
    "\"modelVersion\":\"up-1\",\"responseId\":\"r-1\"}"
#define GE_DATA(json)  "data: " json "\r\n\r\n"
#define GE_TEXT(text)  GE_DATA(GE_PART("{\"text\":\"" text "\"}"))
#define GE_USAGE                                                                                   \
    "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":5,\"totalTokenCount\":12}"
#define GE_END GE_DATA("{\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}]," GE_USAGE "}")

static const char gemini_stream[] = GE_TEXT(PIECE_1) GE_TEXT(PIECE_2) GE_TEXT(PIECE_3) GE_END;
static const char gemini_tool[] = GE_DATA(GE_PART(
    "{\"functionCall\":{\"name\":\"look\",\"args\":{\"at\":\"w\xc3\xb6rld\"}}}")) GE_END;
static const char gemini_whole[] =
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" ALL "\"}],\"role\":\"model\"},"
    "\"finishReason\":\"STOP\",\"index\":0}],\"modelVersion\":\"up-1\"," GE_USAGE "}";

#endif
