/* epub.c - the chapters of a book in the order of its spine. */
#include "names.h"
#include "office.h"
#include "xml.h"

struct epub {
    struct job *job;
    struct package *package;
    pb_str book;        /* the part that lists the others */
    struct names parts; /* by their id */
    const char **spine;
    size_t count, room;
    int meta;
    char text[1024];
    size_t size;
};

struct item {
    pb_str path;
    bool chapter; /* XHTML, and not the table of contents */
};

static void on_book(void *self, const char **attributes)
{
    struct epub *epub = self;
    const char *path = xml_get(attributes, "full-path");

    if (path && !epub->book.size)
        epub->book = package_resolve(epub->job, "", pb_str_of(path));
}

/* Fonts may be garbled by these two and the text is still to be read. */
static void on_method(void *self, const char **attributes)
{
    struct epub *epub = self;
    const char *method = xml_get(attributes, "Algorithm");

    if (method && strcmp(method, "http://www.idpf.org/2008/embedding") != 0 &&
        strcmp(method, "http://ns.adobe.com/pdf/enc#RC") != 0)
        (void)job_fail(epub->job, PB_UNPROCESSABLE, "it is encrypted (digital rights management)");
}

static void on_item(void *self, const char **attributes)
{
    struct epub *epub = self;
    const char *id = xml_get(attributes, "id"), *path = xml_get(attributes, "href");
    const char *type = xml_get(attributes, "media-type");
    const char *properties = xml_get(attributes, "properties");
    struct item *item = id && path ? job_keep(epub->job, sizeof *item) : NULL;

    if (!item)
        return;
    item->path = package_resolve(epub->job, epub->book.data, pb_str_of(path));
    item->chapter = (!type || strstr(type, "html")) && (!properties || !strstr(properties, "nav"));
    names_add(&epub->parts, epub->job, pb_str_of(id), item);
}

static void on_chapter(void *self, const char **attributes)
{
    struct epub *epub = self;
    pb_str id = job_copy(epub->job, pb_str_of(xml_get(attributes, "idref")));

    if (!id.data)
        return;
    if (epub->count == epub->room) {
        size_t room = epub->room ? epub->room * 2 : 256;
        const char **spine = job_keep(epub->job, room * sizeof *spine);
        if (!spine)
            return;
        if (epub->count)
            memcpy(spine, epub->spine, epub->count * sizeof *spine);
        epub->spine = spine;
        epub->room = room;
    }
    epub->spine[epub->count++] = id.data;
}

/* --- metadata --------------------------------------------------------------------------------- */

static void on_text(void *self, pb_str text)
{
    struct epub *epub = self;

    if (epub->meta < 0 || text.size > sizeof epub->text - epub->size)
        return;
    memcpy(epub->text + epub->size, text.data, text.size);
    epub->size += text.size;
}

static void on_end(void *self)
{
    struct epub *epub = self;

    if (epub->meta >= 0)
        job_note(epub->job, epub->meta, pb_str_make(epub->text, epub->size));
    epub->meta = -1;
}

#define PROPERTY(word, number)                                                                     \
    static void on_##word(void *self, const char **attributes)                                     \
    {                                                                                              \
        struct epub *epub = self;                                                                  \
        (void)attributes;                                                                          \
        epub->meta = (number);                                                                     \
        epub->size = 0;                                                                            \
    }
PROPERTY(title, META_TITLE)
PROPERTY(creator, META_AUTHOR)
PROPERTY(language, META_LANGUAGE)
PROPERTY(subject, META_SUBJECT)
PROPERTY(description, META_DESCRIPTION)
PROPERTY(publisher, META_PUBLISHER)
PROPERTY(date, META_CREATED)

static pb_status read_book(struct epub *epub)
{
    static const struct xml_element elements[] = {
        {.name = "item", .open = on_item},
        {.name = "itemref", .open = on_chapter},
        {.name = "title", .open = on_title, .close = on_end},
        {.name = "creator", .open = on_creator, .close = on_end},
        {.name = "language", .open = on_language, .close = on_end},
        {.name = "subject", .open = on_subject, .close = on_end},
        {.name = "description", .open = on_description, .close = on_end},
        {.name = "publisher", .open = on_publisher, .close = on_end},
        {.name = "date", .open = on_date, .close = on_end},
        {.name = NULL}};
    struct xml_reader reader = {.self = epub, .elements = elements, .text = on_text};

    return xml_read(epub->package, epub->book.data, &reader);
}

static pb_status find_book(struct epub *epub)
{
    static const struct xml_element container[] = {{.name = "rootfile", .open = on_book},
                                                   {.name = NULL}};
    static const struct xml_element encryption[] = {{.name = "EncryptionMethod", .open = on_method},
                                                    {.name = NULL}};
    struct xml_reader reader = {.self = epub, .elements = container};

    if (xml_read(epub->package, "META-INF/container.xml", &reader) != PB_OK)
        return epub->job->status;
    reader.elements = encryption;
    if (package_has(epub->package, "META-INF/encryption.xml"))
        (void)xml_read(epub->package, "META-INF/encryption.xml", &reader);
    return epub->book.size ? epub->job->status
                           : job_fail(epub->job, PB_UNPROCESSABLE, "its container names no book");
}

pb_status epub_read(struct package *package)
{
    struct epub epub = {.job = package->job, .package = package, .meta = -1};

    if (find_book(&epub) == PB_OK)
        (void)read_book(&epub);
    for (size_t i = 0; i < epub.count && epub.job->status == PB_OK; i++) {
        const struct item *item = names_find(&epub.parts, epub.spine[i]);
        if (item && item->chapter && package_has(package, item->path.data))
            (void)xhtml_read(package, item->path.data);
    }
    names_fini(&epub.parts, epub.job);
    return epub.job->status;
}
