/* documents.h - `patchbay documents`: what its files share. All functions park. */
#ifndef HOST_APP_DOCUMENTS_H
#define HOST_APP_DOCUMENTS_H

#include "app/api.h"
#include "app/progress.h"
#include <patchbay/json.h>

struct documents {
    const struct invocation *invocation;
    struct terminal terminal;
    struct progress progress;
};

/* One of the verbs, for completion; false behind the last. `options`: "--name VALUE", then its help,
 * NULL at the end. */
struct documents_verb {
    const char *name, *summary;
    const char *const *options;
};
bool documents_verb(size_t index, struct documents_verb *out);

/* The value of --name, or NULL. */
const char *documents_option(const struct documents *documents, const char *name);

/* documents_add.c */
pb_status documents_add(struct documents *documents);
pb_status documents_reprocess(struct documents *documents);

/* documents_upload.c: sends a file under this name; *out is the document that it became. */
pb_status documents_upload(struct documents *documents, pb_str path, pb_str name,
                           const pb_json **out);

/* documents_find.c: the id of what was typed: an id, its last characters, or a document's name. */
pb_status documents_find(struct documents *documents, const char *typed, pb_str *id);
/* The next page: NULL at the end. *cursor begins absent. */
pb_status documents_page(struct documents *documents, pb_str filter, pb_str *cursor,
                         const pb_json **out);

/* documents_search.c */
pb_status documents_search(struct documents *documents);

/* documents_show.c */
pb_status documents_list(struct documents *documents);
pb_status documents_show(struct documents *documents);
pb_status documents_remove(struct documents *documents);
pb_status documents_download(struct documents *documents);

#endif
