/* schema.h - tables that describe a struct's fields: options in YAML, inputs and outputs in JSON.
 *
 * One table reads YAML and JSON into the struct, reports every problem with its place, writes the
 * struct as JSON, and prints itself as JSON Schema and help. A field of the wrong C type does not
 * compile. The option's name is the member's name; `.name = "try"` gives another.
 *
 *     macro        C type of the member   written as
 *     PB_STR       pb_str                 text
 *     PB_SECRET    pb_secret              text; never shown
 *     PB_INT       int64_t                12
 *     PB_FLOAT     double                 0.7
 *     PB_BOOL      bool                   true, false
 *     PB_SIZE      int64_t (bytes)        4096, 64KiB, 10MiB, 1GiB (also kB, MB, GB)
 *     PB_DURATION  pb_duration            250us, 50ms, 30s, 5m, 2h, 7d
 *     PB_ENUM      int32_t                one of .values; the index is stored
 *     PB_PATH      pb_str (absolute)      a path, relative to the file that names it
 *     PB_DATA_PATH pb_str (absolute)      a path, relative to the data folder
 *     PB_REF       pb_instance *          the name of an instance of kind .ref
 *     PB_PIPELINE  pb_pipeline *          a list of stages
 *     PB_LIST      pb_list                a list of the item kind (PB_KIND_…)
 *     PB_LIST_OF   pb_list of structs     a list of maps with a table of their own
 *     PB_MAP       pb_map                 a map of the item kind
 *     PB_MAP_OF    pb_map of structs      a map of maps with a table of their own
 *     PB_STRUCT    the struct             a map with a table of its own
 *     PB_JSON      const pb_json *        anything
 *
 * A field that is neither given nor has a default is zero: absent string, NULL, false, empty list.
 */
#ifndef PATCHBAY_SCHEMA_H
#define PATCHBAY_SCHEMA_H

#include <patchbay/types.h>

enum {
    PB_KIND_END = 0,
    PB_KIND_STR = 1,
    PB_KIND_SECRET = 2,
    PB_KIND_INT = 3,
    PB_KIND_FLOAT = 4,
    PB_KIND_BOOL = 5,
    PB_KIND_SIZE = 6,
    PB_KIND_DURATION = 7,
    PB_KIND_ENUM = 8,
    PB_KIND_PATH = 9,
    PB_KIND_DATA_PATH = 10,
    PB_KIND_REF = 11,
    PB_KIND_PIPELINE = 12,
    PB_KIND_LIST = 13,
    PB_KIND_MAP = 14,
    PB_KIND_STRUCT = 15,
    PB_KIND_JSON = 16,
};

/* One field. Walked by its own `size`, so that later fields may be longer. Facets are set by name
 * behind the macro's fixed arguments: PB_INT(struct x, count, .def = "3", .max = 9, .help = "…"). */
typedef struct pb_field pb_field;
struct pb_field {
    uint32_t size;
    uint32_t kind;
    uint32_t offset;
    uint32_t item;             /* PB_KIND_…: what a list or map holds */
    uint32_t item_size;        /* bytes of the struct, or of one struct of a list or map */
    uint32_t required;         /* 1: must be given */
    const char *member;        /* the C member's name; use pb_field_name() */
    const char *name;          /* the name in YAML and JSON where it is not the member's */
    const char *def;           /* the default, as it would be written in YAML; NULL: zero */
    const char *help;          /* one sentence for the person who configures it */
    double min;                /* numbers, sizes (bytes), durations (seconds): 0 unless told */
    double max;                /* the same; 0: no upper bound */
    int64_t max_length;        /* text: bytes; lists and maps: items; 0: no bound */
    const char *pattern;       /* text: POSIX extended regular expression that must match whole */
    const char *const *values; /* enum: the words, NULL at the end (PB_VALUES) */
    const char *alias;         /* a deprecated name that is still read, with a warning */
    const char *ref;           /* the kind that a reference names: "llm"; text: "pipeline" says
                                  that it is the name of a pipeline, which must be there; path:
                                  the option beside it, whose value `data` says that the path is
                                  relative to the data folder */
    const pb_field *fields;    /* the table of a struct, or of a list's or map's structs */
    const char *schema;        /* JSON: JSON Schema of what it is, for the reference; NULL: anything */
};

/* The next entry of a table; a table ends with kind PB_KIND_END. */
static inline const pb_field *pb_field_next(const pb_field *field)
{
    return (const pb_field *)(const void *)((const char *)field + field->size);
}

/* The name in YAML and JSON. */
static inline const char *pb_field_name(const pb_field *field)
{
    return field->name ? field->name : field->member;
}

#ifndef __cplusplus
/* The member's offset; a member of another type than `type` does not compile. */
#define PB_OFFSET(owner, member, type)                                                             \
    ((uint32_t)_Generic(&((owner *)0)->member, type *: offsetof(owner, member)))

#define PB_FIELD(owner, field, type, fieldkind, ...)                                               \
    {                                                                                              \
        .size = (uint32_t)sizeof(pb_field), .kind = (fieldkind),                                   \
        .offset = PB_OFFSET(owner, field, type), .member = #field, __VA_ARGS__                     \
    }

#define PB_STR(owner, field, ...) PB_FIELD(owner, field, pb_str, PB_KIND_STR, __VA_ARGS__)
#define PB_SECRET(owner, field, ...) PB_FIELD(owner, field, pb_secret, PB_KIND_SECRET, __VA_ARGS__)
#define PB_INT(owner, field, ...) PB_FIELD(owner, field, int64_t, PB_KIND_INT, __VA_ARGS__)
#define PB_FLOAT(owner, field, ...) PB_FIELD(owner, field, double, PB_KIND_FLOAT, __VA_ARGS__)
#define PB_BOOL(owner, field, ...) PB_FIELD(owner, field, bool, PB_KIND_BOOL, __VA_ARGS__)
#define PB_SIZE(owner, field, ...) PB_FIELD(owner, field, int64_t, PB_KIND_SIZE, __VA_ARGS__)
#define PB_DURATION(owner, field, ...)                                                             \
    PB_FIELD(owner, field, pb_duration, PB_KIND_DURATION, __VA_ARGS__)
#define PB_ENUM(owner, field, ...) PB_FIELD(owner, field, int32_t, PB_KIND_ENUM, __VA_ARGS__)
#define PB_PATH(owner, field, ...) PB_FIELD(owner, field, pb_str, PB_KIND_PATH, __VA_ARGS__)
#define PB_DATA_PATH(owner, field, ...)                                                            \
    PB_FIELD(owner, field, pb_str, PB_KIND_DATA_PATH, __VA_ARGS__)
#define PB_JSON(owner, field, ...)                                                                 \
    PB_FIELD(owner, field, const pb_json *, PB_KIND_JSON, __VA_ARGS__)
#define PB_PIPELINE(owner, field, ...)                                                             \
    PB_FIELD(owner, field, pb_pipeline *, PB_KIND_PIPELINE, __VA_ARGS__)
/* PB_REF(struct generate, llm, "llm", .help = "…") */
#define PB_REF(owner, field, refkind, ...)                                                         \
    PB_FIELD(owner, field, pb_instance *, PB_KIND_REF, .ref = (refkind), __VA_ARGS__)
/* PB_LIST(struct http, auth, PB_KIND_REF, .ref = "auth", .help = "…") */
#define PB_LIST(owner, field, itemkind, ...)                                                       \
    PB_FIELD(owner, field, pb_list, PB_KIND_LIST, .item = (itemkind), __VA_ARGS__)
#define PB_MAP(owner, field, itemkind, ...)                                                        \
    PB_FIELD(owner, field, pb_map, PB_KIND_MAP, .item = (itemkind), __VA_ARGS__)
/* PB_LIST_OF(struct keys, keys, struct key, key_fields, .help = "…") */
#define PB_LIST_OF(owner, field, itemtype, table, ...)                                             \
    PB_FIELD(owner, field, pb_list, PB_KIND_LIST, .item = PB_KIND_STRUCT,                          \
             .item_size = (uint32_t)sizeof(itemtype), .fields = (table), __VA_ARGS__)
#define PB_MAP_OF(owner, field, itemtype, table, ...)                                              \
    PB_FIELD(owner, field, pb_map, PB_KIND_MAP, .item = PB_KIND_STRUCT,                            \
             .item_size = (uint32_t)sizeof(itemtype), .fields = (table), __VA_ARGS__)
/* PB_STRUCT(struct route, when, struct condition, condition_fields, .help = "…") */
#define PB_STRUCT(owner, field, itemtype, table, ...)                                              \
    PB_FIELD(owner, field, itemtype, PB_KIND_STRUCT, .item_size = (uint32_t)sizeof(itemtype),      \
             .fields = (table), __VA_ARGS__)
#define PB_VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PB_END                                                                                     \
    {                                                                                              \
        .size = (uint32_t)sizeof(pb_field), .kind = PB_KIND_END                                    \
    }
#endif

#endif
