/* properties.c - title, author, language: docProps/core.xml and meta.xml use the same words. */
#include "office.h"
#include "xml.h"

struct properties {
    struct job *job;
    int meta; /* of the running element, or -1 */
    char text[1024];
    size_t size;
};

static void on_text(void *self, pb_str text)
{
    struct properties *properties = self;
    size_t room = sizeof properties->text - properties->size;

    if (properties->meta < 0)
        return;
    if (text.size > room) /* long enough for any title; not in the middle of a character */
        text.size = 0;
    memcpy(properties->text + properties->size, text.data, text.size);
    properties->size += text.size;
}

static void on_end(void *self)
{
    struct properties *properties = self;

    if (properties->meta >= 0)
        job_note(properties->job, properties->meta,
                 pb_str_make(properties->text, properties->size));
    properties->meta = -1;
}

static void begin(void *self, int meta)
{
    struct properties *properties = self;

    properties->meta = meta;
    properties->size = 0;
}

#define PROPERTY(word, meta)                                                                       \
    static void on_##word(void *self, const char **attributes)                                     \
    {                                                                                              \
        (void)attributes;                                                                          \
        begin(self, meta);                                                                         \
    }
PROPERTY(title, META_TITLE)
PROPERTY(author, META_AUTHOR)
PROPERTY(language, META_LANGUAGE)
PROPERTY(subject, META_SUBJECT)
PROPERTY(keywords, META_KEYWORDS)
PROPERTY(description, META_DESCRIPTION)
PROPERTY(created, META_CREATED)
PROPERTY(modified, META_MODIFIED)

pb_status properties_read(struct package *package, const char *part)
{
    static const struct xml_element elements[] = {
        {.name = "title", .open = on_title, .close = on_end},
        {.name = "creator", .open = on_author, .close = on_end},
        {.name = "initial-creator", .open = on_author, .close = on_end},
        {.name = "language", .open = on_language, .close = on_end},
        {.name = "subject", .open = on_subject, .close = on_end},
        {.name = "keywords", .open = on_keywords, .close = on_end},
        {.name = "keyword", .open = on_keywords, .close = on_end},
        {.name = "description", .open = on_description, .close = on_end},
        {.name = "created", .open = on_created, .close = on_end},
        {.name = "creation-date", .open = on_created, .close = on_end},
        {.name = "modified", .open = on_modified, .close = on_end},
        {.name = "date", .open = on_modified, .close = on_end},
        {.name = NULL}};
    struct properties properties = {.job = package->job, .meta = -1};
    struct xml_reader reader = {.self = &properties, .elements = elements, .text = on_text};

    return package_has(package, part) ? xml_read(package, part, &reader) : package->job->status;
}
