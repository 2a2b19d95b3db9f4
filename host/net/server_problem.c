/* server_problem.c - answers of the server's own: problem documents (RFC 9457), phrases, the date.
 */
#include "net/server_internal.h"

#include <patchbay/json.h>
#include <stdio.h>
#include <time.h>

static const struct phrase {
    int status;
    const char *phrase;
    pb_status kind; /* whose page the problem's type names */
} phrases[] = {
    {200, "OK", PB_OK},
    {201, "Created", PB_OK},
    {202, "Accepted", PB_OK},
    {204, "No Content", PB_OK},
    {206, "Partial Content", PB_OK},
    {301, "Moved Permanently", PB_OK},
    {302, "Found", PB_OK},
    {303, "See Other", PB_OK},
    {304, "Not Modified", PB_OK},
    {307, "Temporary Redirect", PB_OK},
    {308, "Permanent Redirect", PB_OK},
    {400, "Bad Request", PB_INVALID},
    {401, "Unauthorized", PB_UNAUTHENTICATED},
    {403, "Forbidden", PB_FORBIDDEN},
    {404, "Not Found", PB_NOT_FOUND},
    {405, "Method Not Allowed", PB_METHOD},
    {406, "Not Acceptable", PB_NOT_ACCEPTABLE},
    {408, "Request Timeout", PB_TIMEOUT},
    {409, "Conflict", PB_CONFLICT},
    {410, "Gone", PB_NOT_FOUND},
    {411, "Length Required", PB_INVALID},
    {412, "Precondition Failed", PB_CHANGED},
    {413, "Content Too Large", PB_TOO_LARGE},
    {414, "URI Too Long", PB_TOO_LARGE},
    {415, "Unsupported Media Type", PB_UNSUPPORTED},
    {416, "Range Not Satisfiable", PB_INVALID},
    {417, "Expectation Failed", PB_UNSUPPORTED},
    {422, "Unprocessable Content", PB_UNPROCESSABLE},
    {429, "Too Many Requests", PB_RATE_LIMITED},
    {431, "Request Header Fields Too Large", PB_TOO_LARGE},
    {499, "Client Closed Request", PB_CANCELLED},
    {500, "Internal Server Error", PB_INTERNAL},
    {501, "Not Implemented", PB_UNSUPPORTED},
    {502, "Bad Gateway", PB_BAD_UPSTREAM},
    {503, "Service Unavailable", PB_UNAVAILABLE},
    {504, "Gateway Timeout", PB_TIMEOUT},
    {505, "HTTP Version Not Supported", PB_UNSUPPORTED},
    {507, "Insufficient Storage", PB_NO_SPACE},
};

static const struct phrase *look_up(int status)
{
    static const struct phrase unknown = {0, "Status", PB_INTERNAL};

    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return &phrases[i];
    return &unknown;
}

const char *problem_phrase(int status)
{
    return look_up(status)->phrase;
}

pb_str problem_date(void)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char text[48];
    static time_t second;
    static size_t size;
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != second || !size) {
        second = now.tv_sec;
        gmtime_r(&second, &tm);
        size = (size_t)snprintf(
            text, sizeof text, "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n",
            days + tm.tm_wday % 7 * 3, (unsigned)tm.tm_mday % 100, months + tm.tm_mon % 12 * 3,
            (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
            (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    }
    return pb_str_make(text, size);
}

/* `sentence` is one of ours: plain ASCII that needs no escapes. */
size_t problem_refusal(int status, const char *sentence, char id[REQUEST_ID_SIZE],
                       char out[PROBLEM_SIZE])
{
    const struct phrase *phrase = look_up(status);
    char body[PROBLEM_SIZE / 2];

    request_id_new(id);
    int size =
        snprintf(body, sizeof body,
                 "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\","
                 "\"instance\":\"%.*s\"}",
                 pb_status_name(phrase->kind), pb_status_title(phrase->kind), status, sentence,
                 REQUEST_ID_SIZE, id);

    size = snprintf(out, PROBLEM_SIZE,
                    "HTTP/1.1 %d %s\r\n%sContent-Type: application/problem+json\r\n"
                    "X-Request-Id: %.*s\r\nX-Content-Type-Options: nosniff\r\n"
                    "Content-Length: %d\r\n%sConnection: close\r\n\r\n%s",
                    status, phrase->phrase, problem_date().data, REQUEST_ID_SIZE, id, size,
                    status == 503 ? "Retry-After: 1\r\n" : "", body);
    return size < PROBLEM_SIZE ? (size_t)size : PROBLEM_SIZE - 1;
}

static void add_member(pb_buf *buf, const char *name, pb_str text)
{
    pb_buf_printf(buf, ",\"%s\":", name);
    pb_json_quote(buf, text);
}

/* The same for a request that has a task: with its id, the field at fault, Retry-After. */
pb_status problem_respond(pb_request *request, int status, const pb_error *error)
{
    pb_buf buf = {0};
    char after[24];
    pb_header headers[3] = {{PB_LIT("Content-Type"), PB_LIT("application/problem+json")},
                            {PB_LIT("X-Request-Id"), request->id}};
    size_t count = 2;
    pb_str detail =
        error->sentence.size ? error->sentence : pb_str_of(pb_status_title(error->status));

    pb_buf_printf(&buf, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d",
                  pb_status_name(error->status), pb_status_title(error->status), status);
    add_member(&buf, "detail", detail);
    add_member(&buf, "instance", request->id);
    if (error->pointer.size) {
        pb_buf_printf(&buf, ",\"errors\":[{\"pointer\":");
        pb_json_quote(&buf, error->pointer);
        add_member(&buf, "detail", detail);
        pb_buf_add(&buf, pb_lit("}]"));
    }
    if (error->retry_after > 0) {
        long long seconds = (long long)((error->retry_after + PB_SECOND - 1) / PB_SECOND);
        int size = snprintf(after, sizeof after, "%lld", seconds);
        headers[count++] = (pb_header){PB_LIT("Retry-After"), {after, (size_t)size}};
        pb_buf_printf(&buf, ",\"retry_after\":%lld", seconds);
    }
    pb_buf_byte(&buf, '}');
    return pb_respond(request, status, headers, count, pb_buf_str(&buf));
}
