/* error.c - errors as OpenAI's clients read them. */
#include "openai/openai.h"

/* What OpenAI's clients know: its types and codes for what it has, our slugs for the rest. */
static void openai_kind(pb_status status, const char **type, const char **code)
{
    *code = pb_status_name(status);
    switch (status) {
    case PB_UNAUTHENTICATED:
        *type = "invalid_request_error";
        *code = "invalid_api_key";
        return;
    case PB_FORBIDDEN:
        *type = "permission_error";
        return;
    case PB_RATE_LIMITED:
        *type = "rate_limit_error";
        *code = "rate_limit_exceeded";
        return;
    case PB_INVALID:
        *type = "invalid_request_error";
        *code = NULL;
        return;
    default:
        *type = pb_status_http(status) < 500 ? "invalid_request_error" : "server_error";
    }
}

/* Some clients (LiteLLM) find a wrong key by OpenAI's own words alone. */
static pb_str openai_sentence(const pb_error *error)
{
    pb_str sentence = error->sentence.size ? error->sentence
                                           : pb_str_of(pb_status_title(error->status));

    return error->status == PB_UNAUTHENTICATED
               ? pb_printf("Incorrect API key provided, or none: %.*s", PB_ARG(sentence))
               : sentence;
}

void openai_error_members(pb_json_writer *writer, const struct exchange *exchange,
                          const pb_error *error)
{
    const char *type, *code;

    openai_kind(error->status, &type, &code);
    pb_jw_member(writer, "code", exchange->code.size ? exchange->code : pb_str_of(code));
    pb_jw_member(writer, "message", openai_sentence(error));
    pb_jw_member(writer, "param", pointer_as_param(error->pointer));
}

void openai_error_write(pb_json_writer *writer, const struct exchange *exchange,
                        const pb_error *error)
{
    const char *type, *code;

    openai_kind(error->status, &type, &code);
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type",
                 exchange->late ? pb_lit("invalid_request_error") : pb_str_of(type));
    openai_error_members(writer, exchange, error);
    pb_jw_close(writer, '}');
}

static void write_document(pb_json_writer *writer, const struct exchange *exchange,
                           const pb_error *error, int32_t status)
{
    (void)status;
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "error");
    openai_error_write(writer, exchange, error);
    pb_jw_close(writer, '}');
}

const struct dialect openai_dialect = {
    .params = true, .type = "application/json", .error = write_document};
