/* url.c - URLs in one normal form, so that each page is seen once (RFC 3986: lower case, no port of
 * its scheme, no dot segments, no fragment, percent signs only where they are needed). */
#include "web.h"

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static bool unreserved(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* --- parts --------------------------------------------------------------------------------------
 */

/* "http" or "https", or absent for a reference without a scheme; false for another one. */
static bool take_scheme(pb_str *text, const char **scheme)
{
    size_t colon = pb_str_find(*text, ':');

    *scheme = NULL;
    for (size_t i = 0; i < colon; i++) {
        char c = lower(text->data[i]);
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return true; /* the colon stands elsewhere */
    }
    if (colon == text->size || !colon)
        return true;
    pb_str name = pb_str_slice(*text, 0, colon);
    *text = pb_str_slice(*text, colon + 1, text->size);
    *scheme = pb_str_same(name, pb_lit("https"))  ? "https"
              : pb_str_same(name, pb_lit("http")) ? "http"
                                                  : NULL;
    return *scheme && pb_str_starts(*text, pb_lit("//"));
}

/* Host and port, checked and in lower case. */
static bool take_authority(pb_str *text, const char *scheme, pb_buf *out)
{
    size_t end = 0;
    int64_t port = 0;

    while (end < text->size && !strchr("/?#", text->data[end]))
        end++;
    pb_str authority = pb_str_slice(*text, 0, end);
    *text = pb_str_slice(*text, end, text->size);
    bool v6 = authority.size && authority.data[0] == '[';
    size_t host = v6 ? pb_str_find(authority, ']') + 1 : pb_str_find(authority, ':');
    if (!authority.size || host > authority.size || !host)
        return false;
    for (size_t i = 0; i < host; i++) {
        char c = lower(authority.data[i]);
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                    c == '_' || (v6 && strchr("[]:", c) && c);
        if (!fine)
            return false;
        pb_buf_byte(out, c);
    }
    if (!v6 && out->size && out->data[out->size - 1] == '.')
        out->size--;
    pb_str rest = pb_str_slice(authority, host, authority.size);
    if (rest.size && rest.data[0] != ':')
        return false;
    for (size_t i = 1; i < rest.size; i++) {
        if (rest.data[i] < '0' || rest.data[i] > '9' || port > 65535)
            return false;
        port = port * 10 + (rest.data[i] - '0');
    }
    if (port > 65535)
        return false;
    if (port && port != (strcmp(scheme, "https") == 0 ? 443 : 80))
        pb_buf_printf(out, ":%lld", (long long)port);
    return true;
}

/* Bytes with the percent signs that they need and no others. */
static void add_encoded(pb_buf *out, pb_str text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '%' && i + 2 < text.size && is_hex(text.data[i + 1]) && is_hex(text.data[i + 2])) {
            c = (unsigned char)(hex(text.data[i + 1]) << 4 | hex(text.data[i + 2]));
            i += 2;
            if (unreserved(c)) {
                pb_buf_byte(out, (char)c);
                continue;
            }
        } else if (c > 0x20 && c < 0x7F && !strchr("\"<>\\^`{|}%", c)) {
            pb_buf_byte(out, (char)c);
            continue;
        }
        pb_buf_byte(out, '%');
        pb_buf_byte(out, digits[c >> 4]);
        pb_buf_byte(out, digits[c & 15]);
    }
}

/* A path without "." and ".." as parts, each part with a '/' behind it; `out` ends with the first
 * '/'. */
static void add_path(pb_buf *out, pb_str path)
{
    size_t root = out->size;

    while (path.size && !out->failed) {
        pb_str part = pb_str_slice(path, 0, pb_str_find(path, '/'));
        path = pb_str_slice(path, part.size + 1, path.size);
        bool up = pb_str_is(part, "..") || pb_str_same(part, pb_lit("%2e%2e")) ||
                  pb_str_same(part, pb_lit(".%2e")) || pb_str_same(part, pb_lit("%2e."));
        bool here = pb_str_is(part, ".") || pb_str_same(part, pb_lit("%2e"));
        if (up) {
            out->size -= out->size > root;
            while (out->size > root && out->data[out->size - 1] != '/')
                out->size--;
        } else if (!here) {
            add_encoded(out, part);
            pb_buf_byte(out, '/');
        }
    }
}

/* --- together ------------------------------------------------------------------------------------
 */

pb_str url_folder(const struct url *url)
{
    pb_str path = pb_str_slice(url->path, 0, pb_str_find(url->path, '?'));

    while (path.size > 1 && path.data[path.size - 1] != '/')
        path.size--;
    return path;
}

/* Path and query behind the origin that `out` holds. */
static void add_rest(pb_buf *out, const struct url *base, pb_str rest)
{
    size_t question = pb_str_find(rest, '?');
    pb_str path = pb_str_slice(rest, 0, question), query = pb_str_slice(rest, question, rest.size);
    pb_buf whole = {0};

    if (!path.size && base) {
        pb_buf_add(&whole, pb_str_slice(base->path, 0, pb_str_find(base->path, '?')));
        if (!query.size)
            query = pb_str_slice(base->path, pb_str_find(base->path, '?'), base->path.size);
    } else if (path.size && path.data[0] != '/' && base) {
        pb_buf_add(&whole, url_folder(base));
        pb_buf_add(&whole, path);
    } else {
        pb_buf_add(&whole, path.size ? path : pb_lit("/"));
    }
    pb_str all = pb_buf_str(&whole);
    bool folder = pb_str_ends(all, pb_lit("/")) || pb_str_ends(all, pb_lit("/.")) ||
                  pb_str_ends(all, pb_lit("/.."));
    pb_buf_byte(out, '/');
    add_path(out, pb_str_slice(all, all.size && all.data[0] == '/', all.size));
    if (!folder && out->size && out->data[out->size - 1] == '/')
        out->size--;
    add_encoded(out, query);
}

bool url_make(const struct url *base, pb_str reference, struct url *out)
{
    const char *scheme = NULL;
    pb_buf buf = {0};
    size_t origin, host;

    reference = pb_str_trim(reference);
    reference.size = pb_str_find(reference, '#');
    if (reference.size > URL_MOST || !take_scheme(&reference, &scheme) || (!scheme && !base))
        return false;
    bool other = scheme || pb_str_starts(reference, pb_lit("//"));
    if (other) {
        if (!scheme)
            scheme = pb_str_starts(base->text, pb_lit("https:")) ? "https" : "http";
        pb_buf_printf(&buf, "%s://", scheme);
        reference = pb_str_slice(reference, 2, reference.size);
        host = buf.size;
        if (!take_authority(&reference, scheme, &buf))
            return false;
    } else {
        pb_buf_add(&buf, base->origin);
        host =
            base->origin.size - (size_t)(base->origin.data + base->origin.size - base->host.data);
    }
    origin = buf.size;
    add_rest(&buf, other ? NULL : base, reference);
    pb_buf_byte(&buf, 0);
    if (buf.failed || buf.size > URL_MOST)
        return false;
    out->text = pb_str_make(buf.data, buf.size - 1);
    out->origin = pb_str_slice(out->text, 0, origin);
    out->path = pb_str_slice(out->text, origin, out->text.size);
    pb_str authority = pb_str_slice(out->text, host, origin - host);
    size_t bracket = authority.size && authority.data[0] == '[' ? pb_str_find(authority, ']') : 0;
    pb_str port = pb_str_slice(authority, bracket, authority.size);
    out->host = pb_str_slice(authority, 0, bracket + pb_str_find(port, ':'));
    return out->host.size > 0;
}
