/* manifest.c - see manifest.h. The manifest's text:
 *
 *     PATCHBAY/1 abi=0 level=1 name=shout version=1.0.0 license=MIT NUL
 *     PATCHBAY/component stage/1:shout NUL …
 *
 * Empty lines (the linker's padding) are skipped. The licence comes last: it may hold blanks.
 */
#include "plugin/manifest.h"

#include "plugin/kinds.h"
#include "plugin/manifest_elf.h"

#include <ctype.h>
#include <patchbay/memory.h>
#include <stdlib.h>

enum { LONGEST_NAME = 64 };

static bool is_name(pb_str name)
{
    if (name.size == 0 || name.size > LONGEST_NAME || !isalnum((unsigned char)name.data[0]))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!isalnum((unsigned char)name.data[i]) && !strchr("._-", name.data[i]))
            return false;
    return true;
}

static bool is_printable(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isprint((unsigned char)text.data[i]))
            return false;
    return text.size > 0 && text.size <= 4 * LONGEST_NAME;
}

static bool is_number(pb_str text, uint32_t *out)
{
    uint32_t value = 0;

    if (text.size == 0 || text.size > 6)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!isdigit((unsigned char)text.data[i]))
            return false;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

/* Takes "key=" and the value up to the next blank (or the end, for the last) off `line`. */
static bool take_word(pb_str *line, const char *key, bool last, pb_str *value)
{
    pb_str name = pb_str_of(key);

    if (!pb_str_starts(*line, name))
        return false;
    pb_str rest = pb_str_slice(*line, name.size, line->size);
    size_t end = last ? rest.size : pb_str_find(rest, ' ');
    *value = pb_str_slice(rest, 0, end);
    *line = pb_str_slice(rest, end + 1, rest.size);
    return value->size > 0;
}

static pb_status parse_head(pb_str line, struct manifest *out)
{
    pb_str prefix = pb_lit("PATCHBAY/"), format, abi, level;
    uint32_t number;

    if (!pb_str_starts(line, prefix))
        return pb_fail(PB_INVALID, "its manifest is broken: it does not begin with 'PATCHBAY/'");
    line = pb_str_slice(line, prefix.size, line.size);
    size_t end = pb_str_find(line, ' ');
    format = pb_str_slice(line, 0, end);
    line = pb_str_slice(line, end + 1, line.size);
    if (!is_number(format, &number))
        return pb_fail(PB_INVALID, "its manifest is broken: no format number behind 'PATCHBAY/'");
    if (number != 1)
        return pb_fail(PB_UNSUPPORTED,
                       "its manifest has format %u, this host reads format 1: update Patchbay",
                       number);
    if (!take_word(&line, "abi=", false, &abi) || !is_number(abi, &out->abi))
        return pb_fail(PB_INVALID, "its manifest is broken: 'abi=' with a number is missing");
    if (!take_word(&line, "level=", false, &level) || !is_number(level, &out->level))
        return pb_fail(PB_INVALID, "its manifest is broken: 'level=' with a number is missing");
    if (!take_word(&line, "name=", false, &out->name) || !is_name(out->name))
        return pb_fail(PB_INVALID, "its manifest is broken: 'name=' with letters, digits, '-', '_' "
                                   "or '.' is missing");
    if (!take_word(&line, "version=", false, &out->version) || !is_printable(out->version))
        return pb_fail(PB_INVALID, "its manifest is broken: 'version=' is missing");
    if (!take_word(&line, "license=", true, &out->license) || !is_printable(out->license))
        return pb_fail(PB_INVALID, "its manifest is broken: 'license=' is missing");
    return PB_OK;
}

static pb_status parse_component(pb_str line, struct manifest *out)
{
    pb_str prefix = pb_lit("PATCHBAY/component ");

    if (out->count == MANIFEST_COMPONENTS)
        return pb_fail(PB_INVALID, "its manifest names more than %d components",
                       MANIFEST_COMPONENTS);
    struct manifest_component *component = &out->components[out->count];
    if (!pb_str_starts(line, prefix))
        return pb_fail(PB_INVALID, "its manifest is broken: line %zu is no component",
                       out->count + 2);
    line = pb_str_slice(line, prefix.size, line.size);
    size_t slash = pb_str_find(line, '/'), colon = pb_str_find(line, ':');
    if (slash >= colon || colon == line.size)
        return pb_fail(PB_INVALID, "its manifest is broken: component %zu is not 'kind/revision:"
                                   "name'", out->count + 1);
    component->kind = pb_str_slice(line, 0, slash);
    component->name = pb_str_slice(line, colon + 1, line.size);
    if (!is_name(component->kind) || !is_name(component->name) ||
        !is_number(pb_str_slice(line, slash + 1, colon - slash - 1), &component->revision) ||
        component->revision == 0)
        return pb_fail(PB_INVALID, "its manifest is broken: component %zu has a bad kind, revision "
                                   "or name", out->count + 1);
    for (size_t i = 0; i < out->count; i++)
        if (pb_str_equal(out->components[i].kind, component->kind) &&
            pb_str_equal(out->components[i].name, component->name))
            return pb_fail(PB_INVALID, "its manifest names component %.*s/%.*s twice",
                           PB_ARG(component->kind), PB_ARG(component->name));
    out->count++;
    return PB_OK;
}

pb_status manifest_parse(pb_str section, struct manifest *out)
{
    pb_status status = PB_OK;
    bool head = false;

    *out = (struct manifest){0};
    if (section.size && section.data[section.size - 1] != 0)
        return pb_fail(PB_INVALID, "its manifest is broken: it does not end with a NUL");
    while (section.size && status == PB_OK) {
        size_t end = pb_str_find(section, 0);
        pb_str line = pb_str_slice(section, 0, end);
        section = pb_str_slice(section, end + 1, section.size);
        if (line.size == 0)
            continue;
        status = head ? parse_component(line, out) : parse_head(line, out);
        head = true;
    }
    if (status == PB_OK && !head)
        status = pb_fail(PB_INVALID, "its manifest is empty");
    if (status == PB_OK && out->count == 0)
        status = pb_fail(PB_INVALID, "its manifest names no component");
    return status;
}

/* Strings of a manifest end at a blank or '/' too: each gets a NUL of its own. */
static void terminate(struct manifest *manifest)
{
    pb_str *strings[] = {&manifest->name, &manifest->version, &manifest->license};

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        manifest->text[strings[i]->data - manifest->text + (ptrdiff_t)strings[i]->size] = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        pb_str kind = manifest->components[i].kind;
        manifest->text[kind.data - manifest->text + (ptrdiff_t)kind.size] = 0;
    }
}

static pb_status take_section(pb_status status, char *text, size_t size, struct manifest *out)
{
    if (status != PB_OK) {
        *out = (struct manifest){0};
        return status;
    }
    status = manifest_parse(pb_str_make(text, size), out);
    out->text = text;
    if (status == PB_OK)
        terminate(out);
    else
        manifest_fini(out);
    return status;
}

pb_status manifest_read(int fd, struct manifest *out)
{
    char *text = NULL;
    size_t size = 0;
    pb_status status = manifest_section_of_file(fd, &text, &size);

    return take_section(status, text, size, out);
}

pb_status manifest_read_bytes(pb_bytes file, struct manifest *out)
{
    char *text = NULL;
    size_t size = 0;
    pb_status status = manifest_section_of_bytes(file, &text, &size);

    return take_section(status, text, size, out);
}

pb_status manifest_check(const struct manifest *manifest)
{
    if (manifest->abi != PB_ABI_MAJOR)
        return pb_fail(PB_UNSUPPORTED,
                       "built for plugin ABI %u, this host has ABI %u: rebuild the plugin with the "
                       "SDK of Patchbay " PATCHBAY_VERSION,
                       manifest->abi, PB_ABI_MAJOR);
    if (manifest->level > PB_API_LEVEL || manifest->level == 0)
        return pb_fail(PB_UNSUPPORTED,
                       "needs API level %u, this host has level %u: update Patchbay, or build the "
                       "plugin with -DPB_API=%u",
                       manifest->level, PB_API_LEVEL, PB_API_LEVEL);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_component *component = &manifest->components[i];
        const struct kind *kind = kind_find(component->kind);
        if (!kind)
            return pb_fail(PB_UNSUPPORTED,
                           "component '%.*s' is of kind '%.*s', which this host does not know: "
                           "update Patchbay",
                           PB_ARG(component->name), PB_ARG(component->kind));
        if (kind->revision != component->revision)
            return pb_fail(PB_UNSUPPORTED,
                           "component '%.*s' has interface %.*s/%u, this host has %.*s/%u: %s",
                           PB_ARG(component->name), PB_ARG(component->kind), component->revision,
                           PB_ARG(component->kind), kind->revision,
                           component->revision > kind->revision ? "update Patchbay"
                                                          : "rebuild the plugin with its SDK");
    }
    return PB_OK;
}

void manifest_fini(struct manifest *manifest)
{
    free(manifest->text);
    *manifest = (struct manifest){0};
}
