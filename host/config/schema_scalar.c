/* schema_scalar.c - one scalar's text into a field's value, and the facets that bound it. */
#include "base/str.h"
#include "config/nearest.h"
#include "config/schema_internal.h"

#include <errno.h>
#include <regex.h>

enum { PATTERNS = 32 };

pb_field schema_field(const pb_field *entry)
{
    pb_field field = {0};

    memcpy(&field, entry, entry->size < sizeof field ? entry->size : sizeof field);
    return field;
}

pb_field schema_item(const pb_field *field)
{
    pb_field item = *field;

    item.kind = field->item;
    item.required = 0;
    item.max_length = 0; /* of the list */
    item.def = item.alias = NULL;
    return item;
}

size_t schema_size(uint32_t kind, const pb_field *field)
{
    switch (kind) {
    case PB_KIND_STR:
    case PB_KIND_PATH:
    case PB_KIND_DATA_PATH:
        return sizeof(pb_str);
    case PB_KIND_SECRET:
        return sizeof(pb_secret);
    case PB_KIND_INT:
    case PB_KIND_SIZE:
    case PB_KIND_DURATION:
        return sizeof(int64_t);
    case PB_KIND_FLOAT:
        return sizeof(double);
    case PB_KIND_BOOL:
        return sizeof(bool);
    case PB_KIND_ENUM:
        return sizeof(int32_t);
    case PB_KIND_REF:
    case PB_KIND_PIPELINE:
    case PB_KIND_JSON:
        return sizeof(void *);
    case PB_KIND_LIST:
        return sizeof(pb_list);
    case PB_KIND_MAP:
        return sizeof(pb_map);
    case PB_KIND_STRUCT:
        return field->item_size;
    default:
        return 0;
    }
}

bool schema_is_scalar(uint32_t kind)
{
    return (kind >= PB_KIND_STR && kind <= PB_KIND_REF);
}

/* --- patterns ----------------------------------------------------------------------------------- */

/* Patterns are compiled once and kept: operations match them for every call. Loop thread only. */
static regex_t *compiled(const char *pattern)
{
    static struct {
        char *text;
        regex_t regex;
    } kept[PATTERNS];
    static size_t next;
    size_t size = strlen(pattern) + 5;

    for (size_t i = 0; i < PATTERNS && kept[i].text; i++)
        if (strncmp(kept[i].text + 2, pattern, size - 5) == 0 && strlen(kept[i].text) == size - 1)
            return &kept[i].regex;
    char *whole = malloc(size);
    size_t slot = next++ % PATTERNS;
    if (!whole)
        return NULL;
    (void)snprintf(whole, size, "^(%s)$", pattern);
    if (kept[slot].text) {
        regfree(&kept[slot].regex);
        free(kept[slot].text);
        kept[slot].text = NULL;
    }
    if (regcomp(&kept[slot].regex, whole, REG_EXTENDED) != 0) {
        free(whole);
        return NULL;
    }
    kept[slot].text = whole;
    return &kept[slot].regex;
}

/* Of a copy that ends with a NUL: sanitizers look for it, REG_STARTEND or not. */
static bool matches(const char *pattern, pb_str text)
{
    regex_t *regex = compiled(pattern);
    regmatch_t part = {.rm_so = 0, .rm_eo = (regoff_t)text.size};
    pb_str whole = pb_copy(text.data ? text : pb_lit(""));

    return regex && whole.data && regexec(regex, whole.data, 1, &part, REG_STARTEND) == 0;
}

pb_str schema_text_wrong(const pb_field *field, pb_str text)
{
    if (field->max_length && text.size > (uint64_t)field->max_length)
        return pb_printf("too long, %zu bytes; expected at most %lld", text.size,
                         (long long)field->max_length);
    if (field->pattern && !matches(field->pattern, text))
        return pb_printf("does not have the right form; expected text like /%s/", field->pattern);
    return (pb_str){0};
}

/* --- numbers ------------------------------------------------------------------------------------ */

static pb_str bound(const pb_field *field, double value)
{
    if (field->kind == PB_KIND_DURATION)
        return schema_duration_text((pb_duration)(value * (double)PB_SECOND));
    if (field->kind == PB_KIND_SIZE)
        return schema_size_text((int64_t)value);
    return pb_printf("%.15g", value);
}

pb_str schema_range(const pb_field *field)
{
    bool low = field->min != 0, high = field->max != 0;

    if (field->kind != PB_KIND_INT && field->kind != PB_KIND_FLOAT &&
        field->kind != PB_KIND_SIZE && field->kind != PB_KIND_DURATION)
        return (pb_str){0};
    if (high)
        return pb_printf("%.*s to %.*s", PB_ARG(bound(field, field->min)),
                         PB_ARG(bound(field, field->max)));
    return low ? pb_printf("at least %.*s", PB_ARG(bound(field, field->min))) : (pb_str){0};
}

static int in_range(const pb_field *field, double value, pb_str *sentence)
{
    if (value >= field->min && (field->max == 0 || value <= field->max))
        return SCHEMA_FITS;
    pb_str range = schema_range(field);
    *sentence = range.data ? pb_printf("out of range; expected %.*s", PB_ARG(range))
                           : pb_lit("out of range; expected 0 or more");
    return SCHEMA_REFUSED;
}

/* A whole number as JSON writes it, 1e3 and 5.0 included. */
static bool whole_number(pb_str text, int64_t *out)
{
    if (!config_is_number(text))
        return false;
    if (str_to_int(text, out))
        return true;
    double value = strtod(text.data, NULL);
    if (value != floor(value) || fabs(value) > 9e15)
        return false;
    *out = (int64_t)value;
    return true;
}

static int read_int(const pb_field *field, pb_str text, int64_t *out, pb_str *sentence)
{
    if (whole_number(text, out))
        return in_range(field, (double)*out, sentence);
    if (text.size > 18 && config_is_number(text)) {
        *sentence = pb_lit("too large for a whole number");
        return SCHEMA_REFUSED;
    }
    return SCHEMA_OTHER_KIND;
}

static int read_float(const pb_field *field, pb_str text, double *out, pb_str *sentence)
{
    if (!config_is_number(text))
        return SCHEMA_OTHER_KIND;
    *out = strtod(text.data, NULL);
    if (isfinite(*out))
        return in_range(field, *out, sentence);
    *sentence = pb_lit("too large for a number");
    return SCHEMA_REFUSED;
}

static int read_size(const pb_field *field, pb_str text, int64_t *out, pb_str *sentence)
{
    if (!schema_size_read(text, out))
        return SCHEMA_OTHER_KIND;
    return in_range(field, (double)*out, sentence);
}

static int read_duration(const pb_field *field, pb_str text, pb_duration *out, pb_str *sentence)
{
    if (schema_duration_read(text, out))
        return in_range(field, (double)*out / (double)PB_SECOND, sentence);
    int64_t number;
    if (str_to_int(text, &number) && number > 0)
        *sentence = pb_printf("; did you mean '%llds'?", (long long)number);
    return SCHEMA_OTHER_KIND;
}

static int read_bool(pb_str text, bool *out, pb_str *sentence)
{
    static const char *const yes[] = {"yes", "on", "y"}, *const no[] = {"no", "off", "n"};

    *out = pb_str_is(text, "true");
    if (*out || pb_str_is(text, "false"))
        return SCHEMA_FITS;
    for (size_t i = 0; i < 3; i++) {
        if (pb_str_same(text, pb_str_of(yes[i])))
            *sentence = pb_lit("; write true");
        if (pb_str_same(text, pb_str_of(no[i])))
            *sentence = pb_lit("; write false");
    }
    return SCHEMA_OTHER_KIND;
}

static int read_enum(const pb_field *field, pb_str text, int32_t *out, pb_str *sentence)
{
    pb_str words[64];
    size_t count = 0;

    for (; field->values && field->values[count] && count < 64; count++) {
        words[count] = pb_str_of(field->values[count]);
        if (pb_str_equal(words[count], text)) {
            *out = (int32_t)count;
            return SCHEMA_FITS;
        }
    }
    pb_str match = nearest_match(text, words, count);
    if (match.data)
        *sentence = pb_printf("; did you mean '%.*s'?", PB_ARG(match));
    return SCHEMA_OTHER_KIND;
}

int schema_scalar(const pb_field *field, pb_str text, void *out, pb_str *sentence)
{
    *sentence = pb_lit("");
    switch (field->kind) {
    case PB_KIND_STR:
    case PB_KIND_SECRET: {
        pb_str wrong = schema_text_wrong(field, text);
        if (wrong.data) {
            *sentence = wrong;
            return SCHEMA_REFUSED;
        }
        *(pb_str *)out = text; /* a pb_secret is one too */
        return SCHEMA_FITS;
    }
    case PB_KIND_INT:
        return read_int(field, text, out, sentence);
    case PB_KIND_FLOAT:
        return read_float(field, text, out, sentence);
    case PB_KIND_BOOL:
        return read_bool(text, out, sentence);
    case PB_KIND_SIZE:
        return read_size(field, text, out, sentence);
    case PB_KIND_DURATION:
        return read_duration(field, text, out, sentence);
    case PB_KIND_ENUM:
        return read_enum(field, text, out, sentence);
    default:
        return SCHEMA_OTHER_KIND;
    }
}
