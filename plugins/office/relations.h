/* relations.h - what a part of an OOXML package points to: pictures, slides, sheets, styles. */
#ifndef OFFICE_RELATIONS_H
#define OFFICE_RELATIONS_H

#include "names.h"
#include "package.h"

struct relation {
    pb_str type;   /* without what is in front of the last slash: "slide" */
    pb_str target; /* a part of the archive */
};

struct relations {
    struct package *package;
    const char *base;
    struct names by_id;
    struct names by_type; /* the first of each */
};

/* Those of the part `base`; of "" those of the package. None is fine. */
pb_status relations_read(struct relations *relations, struct package *package, const char *base);
void relations_fini(struct relations *relations);
/* The part of the first of this type, or NULL. */
const char *relations_target(struct relations *relations, const char *type);

#endif
