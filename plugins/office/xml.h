/* xml.h - parts of an archive as XML: a table of elements, each with what opens and closes it.
 *
 * Names are compared without their prefix. Nothing outside of the part is ever read, entities that
 * it declares are refused, elements nest 200 deep at most.
 */
#ifndef OFFICE_XML_H
#define OFFICE_XML_H

#include "package.h"

/* `attributes`: name, value, name, value, NULL. */
struct xml_element {
    const char *name;
    void (*open)(void *self, const char **attributes);
    void (*close)(void *self);
    bool skip; /* nothing inside of it is told */
};

/* How to read a part; `elements` ends with a NULL name. Without any, only `root` is read. */
struct xml_reader {
    void *self;
    const struct xml_element *elements;
    void (*text)(void *self, pb_str text);
    pb_str root; /* filled in: the outermost element's name, in the job */
};

pb_status xml_read(struct package *package, const char *path, struct xml_reader *reader);
/* The same for the XHTML of books: what is not well-formed is read as browsers would, roughly.
 * `restart` is called before a second reading. */
pb_status xml_read_tolerant(struct package *package, const char *path, struct xml_reader *reader,
                            void (*restart)(void *self));
/* The value of an attribute, by its name without prefix, or NULL. */
const char *xml_get(const char **attributes, const char *name);
/* As a number; `otherwise` when it is not there. */
int64_t xml_number(const char **attributes, const char *name, int64_t otherwise);
/* Is it there and neither "0" nor "false" nor "off" nor "none"? */
bool xml_flag(const char **attributes, const char *name);

/* --- for xml.c and tolerant.c ------------------------------------------------------------------
 */

struct xml_walk {
    struct job *job;
    struct xml_reader *reader;
    int depth;
    int skipped; /* the depth of the element that is skipped, or 0 */
};

/* `name` with its prefix. */
void xml_open(struct xml_walk *walk, const char *name, const char **attributes);
void xml_close(struct xml_walk *walk, const char *name);
void xml_text(struct xml_walk *walk, pb_str text);
/* One reference, "amp" or "#x41", as text. */
void xml_entity(struct xml_walk *walk, pb_str name);

/* Reads tag soup. */
void tolerant_read(struct xml_walk *walk, pb_str text);

/* The character that HTML calls by this name ("nbsp"), or 0. */
uint32_t entity_find(pb_str name);

#endif
