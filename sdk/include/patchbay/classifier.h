/* classifier.h - text or bytes in, labels and spans out. */
#ifndef PATCHBAY_CLASSIFIER_H
#define PATCHBAY_CLASSIFIER_H

#include <patchbay/plugin.h>

#define PB_CLASSIFIER_REVISION 1

/* What to judge: text, or bytes with their type. Borrowed until classify returns. */
struct pb_classify_request {
    uint32_t size;
    uint32_t reserved;
    pb_str text;  /* or absent */
    pb_bytes bytes;
    pb_str type;  /* of the bytes */
};

/* One finding. */
struct pb_label {
    uint32_t size;
    uint32_t reserved;
    pb_str name;    /* "email", "toxic", "Win.Test.EICAR" */
    double score;   /* 0 to 1: how sure */
    int64_t offset; /* of a span, in bytes; -1: it concerns the whole */
    int64_t length; /* of a span, in bytes */
};

struct pb_labels {
    uint32_t size;
    uint32_t reserved;
    const pb_label *const *items; /* by offset */
    size_t count;
};

/* The interface. classify is required and may park. It fills `out` (size is set, the rest zero) in
 * the running scope; nothing found is PB_OK with no labels. PB_UNSUPPORTED: not this type of
 * content. A span never cuts a character. */
typedef struct pb_classifier {
    PB_LIFECYCLE
    pb_status (*classify)(void *self, const pb_classify_request *request, pb_labels *out);
} pb_classifier;

/* PB_CLASSIFIER("pii", struct pii, pii_options, .classify = pii_classify) */
#define PB_CLASSIFIER(name, owner, options, ...)                                                   \
    PB_COMPONENT(pb_classifier, "classifier", 1, name, owner, options, __VA_ARGS__)

/* For those that use one. Parks. */
static inline pb_status pb_classify(pb_instance *classifier, const pb_classify_request *request,
                                    pb_labels *out)
{
    return PB_CALL(classify)(classifier, request, out);
}

#endif
