/* schema.c - what POST /v1/messages and count_tokens take and answer, for the reference.
 *
 * The bodies are read by hand (content.c, blocks.c, params.c, tools.c): what those refuse is said here. Members that
 * are not named are allowed everywhere, as there.
 */
#include "anthropic/anthropic.h"

/* --- the request ------------------------------------------------------------------------------ */

#define BLOCK(name, type, members, needed)                                                         \
    "\"Anthropic" name "\":{\"type\":\"object\",\"title\":\"" name "\",\"properties\":{\"type\":{\"const\":"  \
    "\"" type "\"}," members "},\"required\":[\"type\"," needed "]}"
#define REF(name)  "{\"$ref\":\"#/$defs/Anthropic" name "\"}"
#define STRING     "{\"type\":\"string\"}"
#define OR_NULL    "{\"type\":[\"string\",\"null\"]}"
#define BOOLEAN    "{\"type\":[\"boolean\",\"null\"]}"

#define IMAGE_SOURCE                                                                               \
    "{\"oneOf\":["                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"base64\"},\"media_type\":" STRING   \
    ",\"data\":" STRING "},\"required\":[\"type\",\"media_type\",\"data\"]},"                       \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"url\"},\"url\":" STRING             \
    "},\"required\":[\"type\",\"url\"]},"                                                           \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"file\"},\"file_id\":" STRING        \
    "},\"required\":[\"type\",\"file_id\"]}]}"

#define DOCUMENT_SOURCE                                                                            \
    "{\"oneOf\":["                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"enum\":[\"base64\"]},\"media_type\":" STRING  \
    ",\"data\":" STRING "},\"required\":[\"type\",\"media_type\",\"data\"]},"                       \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"text\"},\"data\":" STRING           \
    "},\"required\":[\"type\",\"data\"]},"                                                          \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"content\"},\"content\":"            \
    "{\"oneOf\":[" STRING ",{\"type\":\"array\",\"items\":{\"oneOf\":[" REF("Text") "," REF(       \
        "Image") "]}}]}},\"required\":[\"type\",\"content\"]},"                                    \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"url\"},\"url\":" STRING             \
    "},\"required\":[\"type\",\"url\"]},"                                                           \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"file\"},\"file_id\":" STRING        \
    "},\"required\":[\"type\",\"file_id\"]}]}"

#define BLOCK_TYPES                                                                                \
    BLOCK("Text", "text", "\"text\":" STRING, "\"text\"")                                          \
    "," BLOCK("Image", "image", "\"source\":" IMAGE_SOURCE, "\"source\"") "," BLOCK(               \
        "Document", "document",                                                                    \
        "\"source\":" DOCUMENT_SOURCE ",\"title\":" OR_NULL ",\"context\":" OR_NULL,               \
        "\"source\"") ","                                                                          \
    BLOCK("SearchResult", "search_result",                                                         \
          "\"title\":" STRING ",\"source\":" STRING                                                \
          ",\"content\":{\"type\":\"array\",\"items\":" REF("Text") "}",                           \
          "\"title\",\"source\",\"content\"") ","                                                  \
    BLOCK("Thinking", "thinking", "\"thinking\":" STRING ",\"signature\":" STRING,                 \
          "\"thinking\",\"signature\"") ","                                                        \
    BLOCK("RedactedThinking", "redacted_thinking", "\"data\":" STRING, "\"data\"") ","             \
    BLOCK("ToolUse", "tool_use",                                                                   \
          "\"id\":" STRING ",\"name\":" STRING ",\"input\":{\"type\":\"object\"}",                 \
          "\"id\",\"name\",\"input\"") ","                                                         \
    BLOCK("ToolResult", "tool_result",                                                             \
          "\"tool_use_id\":" STRING ",\"is_error\":" BOOLEAN ",\"content\":{\"oneOf\":[" OR_NULL    \
          ",{\"type\":\"array\",\"items\":{\"oneOf\":[" REF("Text") "," REF("Image") "," REF(      \
              "Document") "," REF("SearchResult") "]}}]}",                                         \
          "\"tool_use_id\"")

#define LIST_OF(blocks) "{\"type\":\"array\",\"minItems\":1,\"items\":{\"oneOf\":[" blocks "]}}"
#define USER_BLOCKS                                                                                \
    REF("Text") "," REF("Image") "," REF("Document") "," REF("SearchResult") "," REF("ToolResult")
#define ASSISTANT_BLOCKS                                                                           \
    REF("Text") "," REF("Thinking") "," REF("RedactedThinking") "," REF("ToolUse")

#define MESSAGE(role, text, blocks)                                                                \
    "{\"type\":\"object\",\"properties\":{\"role\":{\"const\":\"" role "\"},\"content\":{"          \
    "\"oneOf\":[" text "," blocks "]}},\"required\":[\"role\",\"content\"]}"

#define DEFINITIONS                                                                                \
    "\"$defs\":{" BLOCK_TYPES ",\"AnthropicMessage\":{\"oneOf\":["                                          \
    MESSAGE("user", "{\"type\":\"string\",\"minLength\":1}", LIST_OF(USER_BLOCKS)) ","             \
    MESSAGE("assistant", STRING, LIST_OF(ASSISTANT_BLOCKS)) ","                                    \
    MESSAGE("system", STRING, LIST_OF(REF("Text"))) "]},"                                          \
    "\"AnthropicTool\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":[\"string\",\"null\"],"       \
    "\"description\":\"Absent or \\\"custom\\\": a function of the client; any other: a tool of the "  \
    "model's service, for a model of this dialect.\"},\"name\":" STRING                            \
    ",\"description\":" OR_NULL ",\"input_schema\":{\"type\":\"object\"},\"strict\":" BOOLEAN      \
    "},\"if\":{\"properties\":{\"type\":{\"enum\":[\"custom\",null]}}},\"then\":{\"required\":"      \
    "[\"name\",\"input_schema\"]}},"                                                               \
    "\"AnthropicToolChoice\":{\"type\":\"object\",\"properties\":{\"type\":{\"enum\":[\"auto\",\"any\","     \
    "\"tool\",\"none\"]},\"name\":" STRING ",\"disable_parallel_tool_use\":" BOOLEAN               \
    "},\"required\":[\"type\"],\"if\":{\"properties\":{\"type\":{\"const\":\"tool\"}}},\"then\":"   \
    "{\"required\":[\"name\"]}},"                                                                  \
    "\"AnthropicFormat\":{\"type\":[\"object\",\"null\"],\"properties\":{\"type\":{\"const\":"               \
    "\"json_schema\"},\"schema\":{\"type\":\"object\"}},\"required\":[\"type\",\"schema\"]},"       \
    "\"AnthropicThinkingConfig\":{\"type\":[\"object\",\"null\"],\"properties\":{\"type\":" STRING               \
    ",\"budget_tokens\":{\"type\":\"integer\",\"minimum\":1}},\"required\":[\"type\"],"             \
    "\"if\":{\"properties\":{\"type\":{\"const\":\"enabled\"}}},\"then\":{\"required\":"            \
    "[\"budget_tokens\"]}}}"

#define COMMON                                                                                     \
    "\"model\":{\"type\":\"string\",\"description\":\"The name of a pipeline.\"},"                  \
    "\"thread\":{\"type\":\"null\",\"description\":\"Not supported: the whole conversation is in "  \
    "`messages`.\"},"                                                                              \
    "\"messages\":{\"type\":\"array\",\"minItems\":1,\"items\":" REF("Message") "},"               \
    "\"system\":{\"oneOf\":[" OR_NULL ",{\"type\":\"array\",\"items\":" REF("Text") "}]},"         \
    "\"tools\":{\"type\":[\"array\",\"null\"],\"items\":" REF("Tool") "},"                         \
    "\"tool_choice\":{\"oneOf\":[{\"type\":\"null\"}," REF("ToolChoice") "]},"                     \
    "\"thinking\":" REF("ThinkingConfig") ",\"output_config\":{\"type\":[\"object\",\"null\"],"         \
    "\"properties\":{\"effort\":" OR_NULL ",\"format\":" REF("Format") "}},\"output_format\":" REF("Format")

const char anthropic_message_input[] =
    "{\"type\":\"object\",\"properties\":{" COMMON ","
    "\"max_tokens\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000000},"
    "\"temperature\":{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1},"
    "\"top_p\":{\"type\":[\"number\",\"null\"],\"minimum\":0,\"maximum\":1},"
    "\"top_k\":{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"maximum\":1000000000},"
    "\"stop_sequences\":{\"type\":[\"array\",\"null\"],\"items\":" STRING "},"
    "\"stream\":" BOOLEAN ",\"metadata\":{\"type\":[\"object\",\"null\"],\"properties\":{\"user_id\":" OR_NULL
    ",\"conversation\":{\"type\":[\"string\",\"null\"],\"minLength\":1,\"description\":\"A conversation's id, "
    "or \\\"new\\\": where the pipeline keeps history.\"}}}},"
    "\"required\":[\"model\",\"messages\",\"max_tokens\"]," DEFINITIONS "}";

const char anthropic_count_input[] =
    "{\"type\":\"object\",\"properties\":{" COMMON "},\"required\":[\"model\",\"messages\"]," DEFINITIONS "}";

/* --- the answer ------------------------------------------------------------------------------- */

#define ANSWER_BLOCKS                                                                              \
    "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"text\"},\"text\":" STRING   \
    ",\"citations\":{\"type\":\"null\"}},\"required\":[\"type\",\"text\"]},"                        \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"thinking\"},\"thinking\":" STRING   \
    ",\"signature\":" STRING "},\"required\":[\"type\",\"thinking\",\"signature\"]},"               \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"redacted_thinking\"},\"data\":" STRING  \
    "},\"required\":[\"type\",\"data\"]},"                                                          \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"tool_use\"},\"id\":" STRING         \
    ",\"name\":" STRING ",\"input\":{\"type\":\"object\"},\"signature\":" STRING                   \
    "},\"required\":[\"type\",\"id\",\"name\",\"input\"]}]}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"

const char anthropic_message_output[] =
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"description\":\"msg_ and the turn's "
    "id.\"},\"type\":{\"const\":\"message\"},\"role\":{\"const\":\"assistant\"},\"model\":" STRING
    ",\"content\":{\"type\":\"array\",\"items\":" ANSWER_BLOCKS "},\"container\":{\"type\":\"null\"},"
    "\"stop_reason\":{\"enum\":[\"end_turn\",\"max_tokens\",\"stop_sequence\",\"tool_use\",\"refusal\"]},"
    "\"stop_sequence\":" OR_NULL ",\"stop_details\":{\"type\":[\"object\",\"null\"]},"
    "\"usage\":{\"type\":\"object\",\"properties\":{\"input_tokens\":" COUNT ",\"output_tokens\":" COUNT
    ",\"cache_read_input_tokens\":" COUNT ",\"cache_creation_input_tokens\":" COUNT
    ",\"output_tokens_details\":{\"type\":\"object\",\"properties\":{\"thinking_tokens\":" COUNT "}}},"
    "\"required\":[\"input_tokens\",\"output_tokens\"]},"
    "\"sources\":{\"type\":\"array\",\"items\":{\"type\":\"object\"},\"description\":\"What was found in "
    "documents, as the native API tells it.\"},\"patchbay\":{\"type\":\"object\",\"properties\":{"
    "\"turn\":" STRING ",\"llm\":" OR_NULL ",\"model\":" OR_NULL ",\"fallback\":{\"type\":\"boolean\"}}}},"
    "\"required\":[\"id\",\"type\",\"role\",\"model\",\"content\",\"stop_reason\",\"usage\"]}";

const char anthropic_count_output[] =
    "{\"type\":\"object\",\"properties\":{\"input_tokens\":" COUNT "},\"required\":[\"input_tokens\"]}";

/* --- examples --------------------------------------------------------------------------------- */

const char anthropic_message_asked[] =
    "{\"model\": \"support\", \"max_tokens\": 1024, \"system\": \"Answer in one sentence.\", "
    "\"messages\": [{\"role\": \"user\", \"content\": \"What is a plugin?\"}]}";

const char anthropic_message_answered[] =
    "{\"id\": \"msg_0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"type\": \"message\", \"role\": \"assistant\", "
    "\"model\": \"support\", \"content\": [{\"type\": \"text\", \"text\": \"A part that does one thing.\", "
    "\"citations\": null}], \"container\": null, \"stop_reason\": \"end_turn\", \"stop_sequence\": null, "
    "\"stop_details\": null, \"usage\": {\"input_tokens\": 21, \"output_tokens\": 8, "
    "\"cache_read_input_tokens\": 0, \"cache_creation_input_tokens\": 0, "
    "\"output_tokens_details\": {\"thinking_tokens\": 0}}, "
    "\"patchbay\": {\"turn\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"llm\": \"main\", "
    "\"model\": \"gpt-4o-mini\", \"fallback\": false}}";

const char anthropic_count_asked[] =
    "{\"model\": \"support\", \"messages\": [{\"role\": \"user\", \"content\": \"What is a plugin?\"}]}";

/* --- words ------------------------------------------------------------------------------------ */

const char anthropic_message_text[] =
    "`model` names a pipeline. Members without a counterpart in the other dialects (`thinking`, `top_k`, "
    "`cache_control`, `service_tier` …, and the header `anthropic-beta` as `anthropic_beta`) go unchanged to a model of "
    "Anthropic's dialect; for any other they are ignored and named in the header `Patchbay-Ignored`.\n\n"
    "With `\"stream\": true` the answer is the stream `message_start`, `content_block_start`, `content_block_delta`, "
    "`content_block_stop` …, `message_delta`, `message_stop`; `ping` while nothing comes, `error` when it fails on the "
    "way. Replies have `sources` (when there are any) and `patchbay` beside the standard members; a stream has them in "
    "`message_delta`. Input of a `tool_use` that is no JSON object is `{\"INVALID_JSON\": \"…\"}`.\n\n"
    "`Idempotency-Key` and `Patchbay-Conversation` work as everywhere. Errors are "
    "`{\"type\": \"error\", \"error\": {\"type\", \"message\", \"details\"}, \"request_id\"}`; `details.errors` lists every "
    "field at fault.";

const char anthropic_count_text[] =
    "An estimate, because only a model knows its tokens and a pipeline may ask several: a token for every four bytes of "
    "text, tool definitions and schemas included; 4 for each message and tool; 1,600 for an image or a file at a URL; a "
    "token for every 32 bytes of a PDF. What the pipeline adds itself (its prompt, passages of documents, history) is "
    "not in it.";

const int32_t anthropic_message_errors[] = {
    PB_NOT_FOUND, PB_CONFLICT, PB_UNPROCESSABLE, PB_RATE_LIMITED, PB_CANCELLED, PB_BAD_UPSTREAM,
    PB_TIMEOUT, PB_NO_MEMORY, 0};
const int32_t anthropic_count_errors[] = {PB_NOT_FOUND, 0};
