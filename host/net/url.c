/* url.c - see url.h. One pass over the text checks every byte; the pieces are then cut out of it. */
#include "net/url.h"

#include <arpa/inet.h>
#include <sys/un.h>

enum { LONGEST = 16384, HOST_LONGEST = 253, LABEL_LONGEST = 63 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Every byte printable ASCII, every percent followed by two hex digits. */
static pb_status check_bytes(pb_str text)
{
    if (text.size > LONGEST)
        return pb_fail(PB_INVALID, "the URL is longer than %d bytes", LONGEST);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c <= ' ' || c > '~')
            return pb_fail(PB_INVALID, "the URL has white space, a control character or a byte "
                                       "beyond ASCII; write it as %%XX");
        if (strchr("\"<>\\^`{|}", c))
            return pb_fail(PB_INVALID, "the URL has the character '%c'; write it as %%%02X", c,
                           (unsigned)c);
        if (c == '%' && (text.size - i < 3 || !is_hex(text.data[i + 1]) || !is_hex(text.data[i + 2])))
            return pb_fail(PB_INVALID, "the URL has a percent without two hex digits behind it");
    }
    return PB_OK;
}

/* The size of "scheme:" at the start, or 0. */
static size_t scheme_size(pb_str text)
{
    size_t size = 0;

    while (size < text.size && (is_letter(text.data[size]) ||
                                (size && (is_digit(text.data[size]) || strchr("+-.", text.data[size])))))
        size++;
    return size && size < text.size && text.data[size] == ':' ? size + 1 : 0;
}

static pb_status take_scheme(pb_str *rest, struct url *out, bool *local)
{
    size_t size = scheme_size(*rest);
    pb_str scheme = pb_str_slice(*rest, 0, size);

    out->secure = pb_str_same(scheme, pb_lit("https:"));
    *local = pb_str_same(scheme, pb_lit("http+unix:"));
    if (!out->secure && !*local && !pb_str_same(scheme, pb_lit("http:")))
        return pb_fail(PB_INVALID, "the URL must begin with http:// or https://");
    *rest = pb_str_slice(*rest, size, rest->size);
    if (!pb_str_starts(*rest, pb_lit("//")))
        return pb_fail(PB_INVALID, "the URL must begin with http:// or https://");
    *rest = pb_str_slice(*rest, 2, rest->size);
    return PB_OK;
}

static pb_status take_port(pb_str digits, struct url *out)
{
    uint32_t port = 0;

    for (size_t i = 0; i < digits.size; i++) {
        if (!is_digit(digits.data[i]) || i == 5)
            return pb_fail(PB_INVALID, "the port of the URL must be a number from 1 to 65535");
        port = port * 10 + (uint32_t)(digits.data[i] - '0');
    }
    if (port < 1 || port > 65535)
        return pb_fail(PB_INVALID, "the port of the URL must be a number from 1 to 65535");
    out->port = (uint16_t)port;
    return PB_OK;
}

/* Is the last label a number (also 0x…)? Then the host must be a dotted quad: "127.1" and
 * "2130706433" are other names of addresses that some resolvers know. */
static bool looks_numeric(pb_str host)
{
    size_t start = host.size;

    while (start && host.data[start - 1] != '.')
        start--;
    pb_str last = pb_str_slice(host, start, host.size);
    if (last.size > 1 && last.data[0] == '0' && (last.data[1] | 32) == 'x')
        return true;
    for (size_t i = 0; i < last.size; i++)
        if (!is_digit(last.data[i]))
            return false;
    return true;
}

static pb_status check_name(pb_str host)
{
    size_t label = 0;

    for (size_t i = 0; i <= host.size; i++) {
        char c = i < host.size ? host.data[i] : '.';
        if (c == '.') {
            if (label == 0 || label > LABEL_LONGEST)
                return pb_fail(PB_INVALID, "the host of the URL is empty or has an empty or too "
                                           "long part between dots");
            label = 0;
        } else if (is_letter(c) || is_digit(c) || c == '-' || c == '_') {
            label++;
        } else {
            return pb_fail(PB_INVALID, "the host of the URL may have letters, digits, '-', '_' and "
                                       "dots only");
        }
    }
    return PB_OK;
}

static pb_str lower(pb_str text)
{
    size_t i = 0;

    while (i < text.size && !(text.data[i] >= 'A' && text.data[i] <= 'Z'))
        i++;
    if (i == text.size)
        return text;
    char *copy = pb_alloc(text.size + 1);
    for (i = 0; copy && i < text.size; i++)
        copy[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] + 32)
                                                             : text.data[i];
    return pb_str_make(copy, copy ? text.size : 0);
}

static pb_status take_host(pb_str host, struct url *out)
{
    char literal[HOST_LONGEST + 1];
    unsigned char address[16];

    if (host.size > 1 && host.data[host.size - 1] == '.')
        host.size--;
    if (host.size > HOST_LONGEST)
        return pb_fail(PB_INVALID, "the host of the URL is longer than %d bytes", HOST_LONGEST);
    if (host.size)
        memcpy(literal, host.data, host.size);
    literal[host.size] = 0;
    if (out->v6) {
        if (inet_pton(AF_INET6, literal, address) != 1)
            return pb_fail(PB_INVALID, "the URL has no IPv6 address between [ and ]");
    } else {
        pb_status status = check_name(host);
        if (status != PB_OK)
            return status;
        out->v4 = inet_pton(AF_INET, literal, address) == 1;
        if (!out->v4 && looks_numeric(host))
            return pb_fail(PB_INVALID, "the host of the URL ends in a number and is no IPv4 address");
    }
    out->host = lower(host);
    return out->host.data ? PB_OK : PB_NO_MEMORY;
}

static pb_status take_authority(pb_str authority, struct url *out)
{
    pb_str host = authority, port = {0};
    pb_status status = PB_OK;

    if (pb_str_find(authority, '@') < authority.size)
        return pb_fail(PB_INVALID, "the URL must not have a user name or password");
    if (pb_str_starts(authority, pb_lit("["))) {
        size_t end = pb_str_find(authority, ']');
        out->v6 = true;
        host = pb_str_slice(authority, 1, end - 1);
        port = pb_str_slice(authority, end + 1, authority.size);
        if (end == authority.size || (port.size && port.data[0] != ':'))
            return pb_fail(PB_INVALID, "the URL has no IPv6 address between [ and ]");
    } else {
        size_t colon = pb_str_find(authority, ':');
        host = pb_str_slice(authority, 0, colon);
        port = pb_str_slice(authority, colon, authority.size);
    }
    out->port = out->secure ? 443 : 80;
    if (port.size > 1)
        status = take_port(pb_str_slice(port, 1, port.size), out);
    return status == PB_OK ? take_host(host, out) : status;
}

static int hex_value(char c)
{
    return is_digit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* "%2Frun%2Fweb.sock" */
static pb_status take_socket(pb_str text, struct url *out)
{
    char *path = pb_alloc(text.size + 1);
    size_t size = 0;

    if (!path)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < text.size; i++) {
        path[size] = text.data[i];
        if (text.data[i] == '%') {
            path[size] = (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
            i += 2;
        }
        size++;
    }
    if (size < 2 || memchr(path, 0, size) || (path[0] != '/' && path[0] != '@') ||
        size >= sizeof((struct sockaddr_un *)0)->sun_path)
        return pb_fail(PB_INVALID, "the URL has no path of a Unix socket; write it as "
                                   "http+unix://%%2Frun%%2Fweb.sock/");
    out->local = pb_str_make(path, size);
    out->host = pb_lit("localhost");
    out->port = 80;
    return PB_OK;
}

pb_status url_parse(pb_str text, struct url *out)
{
    size_t end = 0;
    bool local = false;
    pb_status status = check_bytes(text);

    memset(out, 0, sizeof *out);
    if (status == PB_OK)
        status = take_scheme(&text, out, &local);
    if (status != PB_OK)
        return status;
    text.size = pb_str_find(text, '#');
    while (end < text.size && text.data[end] != '/' && text.data[end] != '?')
        end++;
    pb_str authority = pb_str_slice(text, 0, end);
    status = local ? take_socket(authority, out) : take_authority(authority, out);
    if (status != PB_OK)
        return status;
    out->target = pb_str_slice(text, end, text.size);
    if (out->target.size == 0)
        out->target = pb_lit("/");
    else if (out->target.data[0] == '?')
        out->target = pb_printf("/%.*s", PB_ARG(out->target));
    return out->target.data ? PB_OK : PB_NO_MEMORY;
}

/* By hand: this is on the path of every request. */
size_t url_authority(const struct url *url, char *out)
{
    char digits[8];
    size_t size = 0, count = 0;

    if (url->v6)
        out[size++] = '[';
    memcpy(out + size, url->host.data, url->host.size);
    size += url->host.size;
    if (url->v6)
        out[size++] = ']';
    if (url->port != (url->secure ? 443 : 80)) {
        for (unsigned port = url->port; port; port /= 10)
            digits[count++] = (char)('0' + port % 10);
        out[size++] = ':';
        while (count)
            out[size++] = digits[--count];
    }
    out[size] = 0;
    return size;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->secure == b->secure && a->port == b->port && pb_str_equal(a->host, b->host) &&
           pb_str_equal(a->local, b->local);
}

/* Copies the path, which begins with '/', without its "." and ".." segments. */
static void add_path(pb_buf *buf, pb_str path)
{
    size_t root = buf->size;

    while (path.size) {
        size_t end = 1 + pb_str_find(pb_str_slice(path, 1, path.size), '/');
        pb_str segment = pb_str_slice(path, 0, end);
        bool up = pb_str_is(segment, "/..");

        path = pb_str_slice(path, end, path.size);
        if (!up && !pb_str_is(segment, "/.")) {
            pb_buf_add(buf, segment);
            continue;
        }
        while (up && buf->size > root && buf->data[--buf->size] != '/')
            ;
        if (path.size == 0)
            pb_buf_byte(buf, '/');
    }
}

pb_status url_resolve(const struct url *base, pb_str reference, pb_str *out)
{
    char authority[URL_AUTHORITY];
    pb_buf buf = {0};
    pb_str path = pb_str_slice(base->target, 0, pb_str_find(base->target, '?'));
    const char *scheme = base->secure ? "https:" : "http:";
    pb_status status = check_bytes(reference);

    if (status != PB_OK)
        return status;
    reference.size = pb_str_find(reference, '#');
    if (scheme_size(reference)) {
        *out = pb_copy(reference);
        return out->data ? PB_OK : PB_NO_MEMORY;
    }
    if (base->local.size) /* whose localhost that would be is not said */
        return pb_fail(PB_INVALID, "a redirect over a Unix socket must be absolute");
    if (pb_str_starts(reference, pb_lit("//"))) {
        *out = pb_printf("%s%.*s", scheme, PB_ARG(reference));
        return out->data ? PB_OK : PB_NO_MEMORY;
    }
    size_t query = pb_str_find(reference, '?');
    pb_str relative = pb_str_slice(reference, 0, query);
    pb_buf_printf(&buf, "%s//%.*s", scheme, (int)url_authority(base, authority), authority);
    if (relative.size == 0) {
        pb_buf_add(&buf, reference.size ? path : base->target);
    } else if (relative.data[0] == '/') {
        add_path(&buf, relative);
    } else {
        while (path.size && path.data[path.size - 1] != '/')
            path.size--;
        pb_str joined = pb_printf("%.*s%.*s", PB_ARG(path), PB_ARG(relative));
        add_path(&buf, joined);
    }
    pb_buf_add(&buf, pb_str_slice(reference, query, reference.size));
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}
