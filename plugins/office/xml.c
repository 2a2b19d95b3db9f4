/* xml.c - Expat on one part of an archive; see xml.h.
 *
 * A default handler makes Expat hand over references instead of unfolding them, so that declared
 * entities have no effect in text; declaring one at all ends the reading.
 */
#include "xml.h"
#include "xml_memory.h"

#include <patchbay/media.h>

#include <stdlib.h>

enum { DEPTH_MOST = 200, NAME_MOST = 200, TOKEN_MOST = 1 << 20 };

struct reading {
    struct xml_walk walk;
    XML_Parser parser;
    size_t silent;  /* bytes since the last event: a token without an end */
    bool malformed; /* what the fallback is for */
    bool tolerant;
    bool done; /* no more is wanted */
};

static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

static const struct xml_element *find(const struct xml_reader *reader, const char *name)
{
    const struct xml_element *at = reader->elements;

    while (at && at->name && strcmp(at->name, name) != 0)
        at++;
    return at && at->name ? at : NULL;
}

const char *xml_get(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (strcmp(local(attributes[0]), name) == 0)
            return attributes[1];
    return NULL;
}

int64_t xml_number(const char **attributes, const char *name, int64_t otherwise)
{
    const char *value = xml_get(attributes, name);
    char *end = NULL;
    long long number = value ? strtoll(value, &end, 10) : 0;

    return value && end != value ? number : otherwise;
}

bool xml_flag(const char **attributes, const char *name)
{
    const char *value = xml_get(attributes, name);

    return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0 &&
           strcmp(value, "off") != 0 && strcmp(value, "none") != 0;
}

/* --- events ----------------------------------------------------------------------------------- */

void xml_open(struct xml_walk *walk, const char *name, const char **attributes)
{
    const struct xml_element *element = find(walk->reader, local(name));

    if (++walk->depth > DEPTH_MOST || strlen(name) > NAME_MOST) {
        (void)job_fail(walk->job, PB_UNPROCESSABLE,
                       "its XML has elements nested more than %d deep, or names longer than that",
                       DEPTH_MOST);
        return;
    }
    if (walk->depth == 1 && !walk->reader->root.size)
        walk->reader->root = job_copy(walk->job, pb_str_of(local(name)));
    if (walk->skipped || !element)
        return;
    if (element->skip)
        walk->skipped = walk->depth;
    else if (element->open)
        element->open(walk->reader->self, attributes);
}

void xml_close(struct xml_walk *walk, const char *name)
{
    const struct xml_element *element = find(walk->reader, local(name));

    if (walk->skipped == walk->depth)
        walk->skipped = 0;
    else if (!walk->skipped && element && element->close)
        element->close(walk->reader->self);
    walk->depth--;
}

void xml_text(struct xml_walk *walk, pb_str text)
{
    if (!walk->skipped && walk->reader->text)
        walk->reader->text(walk->reader->self, text);
}

void xml_entity(struct xml_walk *walk, pb_str name)
{
    char bytes[4];
    uint32_t code = 0;

    if (name.size > 1 && name.data[0] == '#') {
        bool hex = (name.data[1] | 32) == 'x';
        char digits[12] = "";
        size_t size = name.size - 1 - hex;
        if (size < sizeof digits)
            memcpy(digits, name.data + 1 + hex, size);
        code = (uint32_t)strtoul(digits, NULL, hex ? 16 : 10);
    } else {
        code = entity_find(name);
    }
    if (code)
        xml_text(walk, pb_str_make(bytes, pb_utf8_write(code, bytes)));
}

/* --- Expat ------------------------------------------------------------------------------------ */

static void settle(struct reading *reading)
{
    reading->silent = 0;
    reading->done = !reading->walk.reader->elements && reading->walk.reader->root.size;
    if (reading->walk.job->status != PB_OK || reading->done)
        (void)XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL on_open(void *arg, const char *name, const char **attributes)
{
    struct reading *reading = arg;

    if (reading->walk.job->status == PB_OK)
        xml_open(&reading->walk, name, attributes);
    settle(reading);
}

static void XMLCALL on_close(void *arg, const char *name)
{
    struct reading *reading = arg;

    if (reading->walk.job->status == PB_OK)
        xml_close(&reading->walk, name);
    settle(reading);
}

static void XMLCALL on_text(void *arg, const char *data, int size)
{
    struct reading *reading = arg;

    if (reading->walk.job->status == PB_OK)
        xml_text(&reading->walk, pb_str_make(data, (size_t)size));
    settle(reading);
}

/* Comments, declarations, and references that Expat does not know. */
static void XMLCALL on_other(void *arg, const char *data, int size)
{
    struct reading *reading = arg;

    if (size > 2 && data[0] == '&' && reading->walk.job->status == PB_OK)
        xml_entity(&reading->walk, pb_str_make(data + 1, (size_t)size - 2));
    settle(reading);
}

static void XMLCALL on_declared(void *arg, const char *name, int parameter, const char *value,
                                int size, const char *base, const char *system, const char *id,
                                const char *notation)
{
    struct reading *reading = arg;

    (void)name, (void)parameter, (void)value, (void)size;
    (void)base, (void)system, (void)id, (void)notation;
    if (reading->tolerant)
        reading->malformed = true;
    else
        (void)job_fail(reading->walk.job, PB_UNPROCESSABLE,
                       "its XML declares entities, which no office program writes");
    (void)XML_StopParser(reading->parser, XML_FALSE);
}

static bool take(void *arg, const char *data, size_t size, bool last)
{
    struct reading *reading = arg;
    struct job *job = reading->walk.job;

    reading->silent += size;
    if (reading->silent > TOKEN_MOST) {
        (void)job_fail(job, PB_UNPROCESSABLE, "its XML has a tag longer than a megabyte");
        return false;
    }
    xml_memory_of(job);
    enum XML_Status status = XML_Parse(reading->parser, data, (int)size, last);
    xml_memory_of(NULL);
    if (status == XML_STATUS_OK || job->status != PB_OK || reading->done)
        return status == XML_STATUS_OK && !reading->done;
    if (reading->tolerant)
        reading->malformed = true;
    else
        (void)job_fail(job, PB_UNPROCESSABLE, "a part of it is not well-formed XML (line %lu)",
                       XML_GetCurrentLineNumber(reading->parser));
    return false;
}

static pb_status read_strictly(struct package *package, const char *path, struct reading *reading)
{
    struct job *job = package->job;

    xml_memory_of(job);
    reading->parser = xml_memory_parser();
    xml_memory_of(NULL);
    if (!reading->parser)
        return job_fail(job, PB_NO_MEMORY, "the memory for it is short");
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_open, on_close);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetDefaultHandler(reading->parser, on_other);
    XML_SetEntityDeclHandler(reading->parser, on_declared);
    (void)package_read(package, path, take, reading);
    xml_memory_of(job);
    XML_ParserFree(reading->parser);
    xml_memory_of(NULL);
    return job->status;
}

pb_status xml_read(struct package *package, const char *path, struct xml_reader *reader)
{
    struct reading reading = {.walk = {.job = package->job, .reader = reader}};

    return read_strictly(package, path, &reading);
}

/* --- the second try --------------------------------------------------------------------------- */

struct whole {
    struct job *job;
    char *text;
    size_t size, room;
};

static bool gather(void *arg, const char *data, size_t size, bool last)
{
    struct whole *whole = arg;

    (void)last;
    if (size > whole->room - whole->size) {
        size_t room = whole->room ? whole->room * 2 : 65536;
        char *text = job_grow(whole->job, whole->text, whole->room, room);
        if (!text)
            return false;
        whole->text = text;
        whole->room = room;
    }
    if (size)
        memcpy(whole->text + whole->size, data, size);
    whole->size += size;
    return true;
}

pb_status xml_read_tolerant(struct package *package, const char *path, struct xml_reader *reader,
                            void (*restart)(void *self))
{
    struct reading reading = {.walk = {.job = package->job, .reader = reader}, .tolerant = true};
    struct whole whole = {.job = package->job};

    if (read_strictly(package, path, &reading) != PB_OK || !reading.malformed)
        return package->job->status;
    restart(reader->self);
    if (package_read(package, path, gather, &whole) == PB_OK) {
        struct xml_walk walk = {.job = package->job, .reader = reader};
        tolerant_read(&walk, pb_str_make(whole.text, whole.size));
    }
    job_release(package->job, whole.room);
    free(whole.text);
    return package->job->status;
}
