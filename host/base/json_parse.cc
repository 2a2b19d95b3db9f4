/* json_parse.cc - text to pb_json, by simdjson.
 *
 * simdjson validates the text and decodes its strings; the tree is then built from the places of
 * its structural characters, which it found anyway. The text is copied into the scope once, and
 * strings and numbers of the tree point into that copy, each ended by a NUL where a delimiter stood.
 */
#include "base/json.h"

extern "C" {
#include "base/scope.h"
#include "base/str.h"
}
#include <simdjson.h>
#include <stdlib.h>

namespace {

const size_t FIRST_CAPACITY = 16 * 1024; /* of the parser: texts up to this never make it grow */
const size_t KEPT_CAPACITY = 256 * 1024; /* a larger parser is freed after its text */
const uint32_t PAIRWISE = 8;             /* objects up to this size compare every pair of names */

simdjson::dom::parser *parser;
bool chosen; /* the implementation */

/* One list of members by name, for objects with many. Never used across a call that parks. */
const pb_json **names;
size_t names_size;

struct builder {
    char *text;                   /* the scope's copy */
    const uint32_t *at;           /* offsets of the structural characters */
    size_t count;                 /* of them */
    const uint8_t *strings;       /* what simdjson decoded, in the text's order */
    pb_json *node;                /* the next free one */
    pb_json *open[JSON_DEPTH];    /* containers around the current place */
    unsigned depth;
    pb_json *root;
    pb_str key; /* of the value to come */
};

void choose_implementation()
{
    const char *wanted = chosen ? nullptr : getenv("PATCHBAY_CPU");
    chosen = true;
    if (!wanted)
        return;
    const char *name = strcmp(wanted, "plain") == 0    ? "fallback"
                       : strcmp(wanted, "avx2") == 0   ? "haswell"
                       : strcmp(wanted, "avx512") == 0 ? "icelake"
                                                       : "";
    const simdjson::implementation *one = simdjson::get_available_implementations()[name];
    if (one && one->supported_by_runtime_system())
        simdjson::get_active_implementation() = one;
}

bool prepare(size_t size)
{
    choose_implementation();
    if (!parser)
        parser = new (std::nothrow) simdjson::dom::parser();
    if (!parser)
        return false;
    if (parser->capacity() >= size)
        return true;
    size_t capacity = FIRST_CAPACITY;
    while (capacity < size)
        capacity *= 2;
    /* simdjson counts the document itself as a level */
    return parser->allocate(capacity, JSON_DEPTH + 1) == simdjson::SUCCESS &&
           parser->doc.allocate(capacity) == simdjson::SUCCESS;
}

bool is_number(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* --- building --------------------------------------------------------------------------------- */

/* A string: into the copy if it has no escapes, else decoded over its source, which is longer.
 * An escaped quote at the place of the end has a backslash before it; an end has not. */
pb_str take_string(struct builder *builder, uint32_t offset)
{
    uint32_t size;
    char *text = builder->text + offset + 1;

    memcpy(&size, builder->strings, sizeof size);
    const uint8_t *decoded = builder->strings + sizeof size;
    builder->strings = decoded + size + 1;
    if (text[size] != '"' || (size && text[size - 1] == '\\'))
        memcpy(text, decoded, size);
    text[size] = 0;
    return pb_str_make(text, size);
}

pb_str take_number(struct builder *builder, uint32_t offset)
{
    char *text = builder->text + offset;
    size_t size = 1;

    while (is_number(text[size]) || text[size] == '.' || text[size] == '+' ||
           (text[size] | 32) == 'e')
        size++;
    text[size] = 0;
    return pb_str_make(text, size);
}

pb_json *append(struct builder *builder, uint32_t type)
{
    pb_json *node = builder->node++;

    node->type = type;
    node->key = builder->key;
    builder->key = pb_str_make(nullptr, 0);
    if (!builder->depth) {
        builder->root = node;
        return node;
    }
    pb_json *parent = builder->open[builder->depth - 1];
    if (parent->last)
        parent->last->next = node;
    else
        parent->child = node;
    parent->last = node;
    parent->count++;
    return node;
}

/* The second of two members with one name, or NULL. */
const pb_json *find_twice(const pb_json *object)
{
    if (object->count <= PAIRWISE) {
        for (const pb_json *a = object->child; a; a = a->next)
            for (const pb_json *b = object->child; b != a; b = b->next)
                if (pb_str_equal(a->key, b->key))
                    return a;
        return nullptr;
    }
    size_t size = 32;
    while (size < (size_t)object->count * 2)
        size *= 2;
    memset(names, 0, size * sizeof *names);
    for (const pb_json *a = object->child; a; a = a->next) {
        size_t slot = (size_t)str_hash(a->key) & (size - 1);
        for (; names[slot]; slot = (slot + 1) & (size - 1))
            if (pb_str_equal(names[slot]->key, a->key))
                return a;
        names[slot] = a;
    }
    return nullptr;
}

/* Room for the largest object that so many structural characters can make. */
bool prepare_names(size_t structurals)
{
    size_t size = 32;
    while (size < structurals / 2)
        size *= 2;
    if (size <= names_size)
        return true;
    free(names);
    names = static_cast<const pb_json **>(malloc(size * sizeof *names));
    names_size = names ? size : 0;
    return names != nullptr;
}

void add_escaped(pb_buf *pointer, pb_str key)
{
    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] == '~' || key.data[i] == '/')
            pb_buf_add(pointer, key.data[i] == '~' ? pb_lit("~0") : pb_lit("~1"));
        else
            pb_buf_byte(pointer, key.data[i]);
}

pb_status fail_twice(const struct builder *builder, const pb_json *member)
{
    pb_buf pointer = {nullptr, 0, 0, false};

    for (unsigned i = 1; i < builder->depth; i++) {
        const pb_json *parent = builder->open[i - 1];
        pb_buf_byte(&pointer, '/');
        if (parent->type == PB_JSON_OBJECT)
            add_escaped(&pointer, builder->open[i]->key);
        else
            pb_buf_printf(&pointer, "%u", parent->count - 1);
    }
    pb_buf_byte(&pointer, '/');
    add_escaped(&pointer, member->key);
    return host_fail(PB_INVALID, pb_lit("an object has two members of this name; keep one"),
                     utf8_cut(pb_buf_str(&pointer), 240), 0);
}

pb_status close_container(struct builder *builder)
{
    pb_json *top = builder->open[builder->depth - 1];
    const pb_json *twice =
        top->type == PB_JSON_OBJECT && top->count > 1 ? find_twice(top) : nullptr;

    if (twice)
        return fail_twice(builder, twice);
    builder->depth--;
    return PB_OK;
}

/* The text is known to be JSON: nothing but names and depth needs a check. */
pb_status build(struct builder *builder)
{
    char next = builder->text[builder->at[0]];

    for (size_t i = 0; i < builder->count; i++) {
        uint32_t offset = builder->at[i];
        char c = next; /* read before the NUL of a number may stand there */
        next = i + 1 < builder->count ? builder->text[builder->at[i + 1]] : 0;
        switch (c) {
        case ',':
        case ':':
            break;
        case '{':
        case '[': {
            if (builder->depth == JSON_DEPTH) /* simdjson does not count empty containers */
                return PB_TOO_LARGE;
            pb_json *node = append(builder, c == '{' ? PB_JSON_OBJECT : PB_JSON_ARRAY);
            builder->open[builder->depth++] = node;
            break;
        }
        case '}':
        case ']':
            if (pb_status status = close_container(builder))
                return status;
            break;
        case '"': {
            pb_str text = take_string(builder, offset);
            if (next == ':')
                builder->key = text;
            else
                append(builder, PB_JSON_STRING)->text = text;
            break;
        }
        case 't':
            append(builder, PB_JSON_TRUE);
            break;
        case 'f':
            append(builder, PB_JSON_FALSE);
            break;
        case 'n':
            append(builder, PB_JSON_NULL);
            break;
        default:
            append(builder, PB_JSON_NUMBER)->text = take_number(builder, offset);
        }
    }
    return PB_OK;
}

/* Values among the structural characters: all but brackets that close, commas, colons and names. */
size_t count_values(const char *text, const uint32_t *at, size_t count)
{
    size_t others = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)text[at[i]];
        others += (c == ',') + 2 * (c == ':') + ((c | 0x20) == '}'); /* ']' too */
    }
    return count - others;
}

/* --- parsing ---------------------------------------------------------------------------------- */

pb_status out_of_memory()
{
    return host_fail(PB_NO_MEMORY, pb_lit("not enough memory to read this JSON"),
                     pb_str_make(nullptr, 0), 0);
}

pb_status explain(const struct json_fault *fault)
{
    if (fault->too_deep)
        return pb_fail(PB_TOO_LARGE, "JSON is nested deeper than %d levels (line %zu, column %zu)",
                       JSON_DEPTH, fault->line, fault->column);
    return pb_fail(PB_INVALID, "not valid JSON at line %zu, column %zu: %s", fault->line,
                   fault->column, fault->sentence ? fault->sentence : "cannot be read");
}

/* simdjson refuses numbers beyond 64 bits and beyond a double, which are JSON, and whose text is
 * all that we keep: each is replaced by a zero for the check, and stands again when it is done. */
simdjson::error_code parse_large_numbers(char *copy, pb_str text)
{
    for (uint32_t i = 0; i < parser->implementation->n_structural_indexes; i++) {
        char *at = copy + parser->implementation->structural_indexes[i];
        if (is_number(*at)) {
            memset(at, ' ', json_number_size(pb_str_make(at, (size_t)(copy + text.size - at))));
            *at = '0';
        }
    }
    simdjson::error_code error = parser->parse(copy, text.size, false).error();
    memcpy(copy, text.data, text.size);
    return error;
}

pb_status parse(pb_str text, const pb_json **out)
{
    if (!prepare(text.size))
        return out_of_memory();
    char *copy = static_cast<char *>(host_alloc(text.size + simdjson::SIMDJSON_PADDING));
    if (!copy)
        return PB_NO_MEMORY;
    memcpy(copy, text.data, text.size);
    simdjson::error_code error = parser->parse(copy, text.size, false).error();
    if (error) {
        struct json_fault fault = json_fault_find(text);
        if (fault.sentence || parse_large_numbers(copy, text) != simdjson::SUCCESS)
            return explain(&fault);
    }

    struct builder builder = {};
    builder.text = copy;
    builder.at = parser->implementation->structural_indexes.get();
    builder.count = parser->implementation->n_structural_indexes;
    builder.strings = parser->doc.string_buf.get();
    size_t values = count_values(copy, builder.at, builder.count);
    builder.node = static_cast<pb_json *>(host_alloc(values * sizeof(pb_json)));
    if (!builder.node)
        return PB_NO_MEMORY;
    if (!prepare_names(builder.count))
        return out_of_memory();
    pb_status status = build(&builder);
    if (status == PB_TOO_LARGE) {
        struct json_fault fault = json_fault_find(text);
        return explain(&fault);
    }
    if (status == PB_OK)
        *out = builder.root;
    return status;
}

} // namespace

pb_status host_json_parse(pb_str text, const pb_json **out)
{
    *out = nullptr;
    if (!scope_current())
        return PB_INTERNAL; /* a helper thread: it has no scope, and the parser is not its own */
    if (!text.size)
        return host_fail(PB_INVALID, pb_lit("JSON was expected, but the text is empty"),
                         pb_str_make(nullptr, 0), 0);
    if (text.size > UINT32_MAX / 2)
        return host_fail(PB_TOO_LARGE, pb_lit("this JSON is larger than 2 GiB"),
                         pb_str_make(nullptr, 0), 0);
    pb_status status = parse(text, out);
    if (text.size > KEPT_CAPACITY)
        json_fini();
    return status;
}

const char *json_implementation(void)
{
    static char name[32];
    choose_implementation();
    snprintf(name, sizeof name, "%s", simdjson::get_active_implementation()->name().c_str());
    return name;
}

void json_fini(void)
{
    delete parser;
    parser = nullptr;
    chosen = false;
    free(names);
    names = nullptr;
    names_size = 0;
}
