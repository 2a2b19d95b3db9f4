/* Jobs are tried again, cancelled, taken over from the dead; sources are followed. */
#include "kit.h"

static const char *error_of(const char *id)
{
    return member(call("GET", path_of(id, ""), NULL, 200), "error");
}

START_TEST(what_may_succeed_later_is_tried_again)
{
    trap.fail = 3;
    trap.status = PB_UNAVAILABLE;
    const char *id = bring("name=a.txt", "about herons");
    ck_assert_int_eq(trap.runs, 4);
    ck_assert_int_eq(number(call("GET", "/v1/jobs", NULL, 200), "jobs/0/attempts"), 4);
    ck_assert_str_eq(found("herons"), "a.txt ");
    ck_assert_str_eq(error_of(id), "");
    trap.fail = 100;
    const char *lost = member(send_as(NULL, "name=b.txt", "about storks", 201), "id");
    ck_assert_str_eq(settle(lost), "failed");
    ck_assert_str_eq(error_of(lost), "told to fail");
    ck_assert_int_eq(trap.runs, 4 + 5);
    trap.fail = 1;
    trap.status = PB_UNPROCESSABLE; /* will not be otherwise */
    const char *bad = member(send_as(NULL, "name=c.txt", "about cranes", 201), "id");
    ck_assert_str_eq(settle(bad), "failed");
    ck_assert_int_eq(trap.runs, 4 + 5 + 1);
}
END_TEST

START_TEST(what_runs_can_be_cancelled)
{
    trap.hang = true;
    const char *id = member(send_as(NULL, "name=a.txt", "about newts", 201), "id");
    const char *next = member(send_as(NULL, "name=b.txt", "about toads", 201), "id");
    pass_time(PB_SECOND);
    ck_assert_str_eq(member(call("GET", "/v1/jobs?state=running", NULL, 200), "jobs/0/document"),
                     id);
    call_as(&other, "POST", path_of(id, "/cancel"), NULL, 403);
    call("POST", path_of(next, "/cancel"), NULL, 200); /* waits for its turn */
    ck_assert_str_eq(state_of(next), "failed");
    call("POST", path_of(id, "/cancel"), NULL, 200);
    ck_assert_str_eq(settle(id), "failed");
    ck_assert_str_eq(error_of(id), "it was cancelled");
    call("POST", path_of(id, "/cancel"), NULL, 409);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs WHERE state = 4"), 2);
    trap.hang = false;
    call("POST", path_of(id, "/reprocess"), NULL, 200);
    ck_assert_str_eq(settle(id), "ready");
}
END_TEST

START_TEST(one_that_is_deleted_while_it_comes_leaves_nothing)
{
    trap.hang = true;
    const char *id = member(send_as(NULL, "name=a.txt", "about efts", 201), "id");
    pass_time(PB_SECOND);
    call("DELETE", path_of(id, ""), NULL, 204);
    trap.hang = false;
    pass_time(20 * PB_SECOND);
    ck_assert_str_eq(found("efts"), "");
    ck_assert_int_eq(files(), 0);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs WHERE state < 2"), 0);
    ck_assert_int_eq(sql("SELECT count(*) FROM vector_documents WHERE state = 1"), 0);
}
END_TEST

/* In a process of its own, which ends when the passages are stored and nothing was written of it.
 */
static void die_while_storing(const char *query, const char *text)
{
    int status = 0;

    close_harness();
    pid_t child = fork();
    if (child == 0) {
        open_harness();
        trap.die = true;
        (void)settle(member(send_as(NULL, query, text, 201), "id"));
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    open_harness();
}

START_TEST(a_dead_workers_job_goes_on)
{
    die_while_storing("name=a.txt", "about wombats");
    const char *id = member(call("GET", "/v1/documents", NULL, 200), "documents/0/id");
    ck_assert_str_eq(settle(id), "ready");
    ck_assert_str_eq(found("wombats"), "a.txt "); /* once */
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs"), 1);
    ck_assert_int_eq(sql("SELECT attempts FROM knowledge_jobs"), 2);
    ck_assert_int_eq(sql("SELECT count(*) FROM vector_documents WHERE state = 1"), 1);
}
END_TEST

START_TEST(a_document_that_ends_workers_is_given_up)
{
    more_options = ", attempts: 2";
    die_while_storing("name=a.txt", "about wombats");
    close_harness();
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        trap.die = true;
        open_harness();
        pass_time(30 * PB_SECOND);
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    open_harness();
    const char *id = member(call("GET", "/v1/documents", NULL, 200), "documents/0/id");
    ck_assert_str_eq(settle(id), "failed");
    ck_assert_str_eq(error_of(id), "the worker ended that ran it");
}
END_TEST

/* A text of so many paragraphs, with a word that no other has. */
static const char *long_text(const char *word, int paragraphs)
{
    size_t size = (size_t)paragraphs * 128;
    char *text = keep(size + 128), *at = text;

    for (int i = 0; i < paragraphs; i++)
        at += sprintf(at, "Paragraph %d says of the %s what has been said of it before.\n\n", i, word);
    return text;
}

START_TEST(a_document_that_is_too_large_is_refused_whole)
{
    close_harness();
    host_options = "host: {limits: {turn_memory: 64KiB}}\n";
    more_options = ", attempts: 2";
    open_harness();
    const char *id = bring("name=a.txt", "about okapis");
    int64_t passages = sql("SELECT count(*) FROM vector_passages");
    send_as(NULL, "name=a.txt", long_text("tapir", 600), 201); /* the next version of it */
    const char *other_id =
        member(send_as(NULL, "name=b.txt", long_text("gnu", 600), 201), "id");
    ck_assert_str_eq(settle(id), "failed");
    ck_assert_str_eq(settle(other_id), "failed");
    ck_assert_ptr_nonnull(strstr(error_of(other_id), "the document is too large"));
    ck_assert_ptr_nonnull(strstr(error_of(other_id), "64 KiB (host.limits.turn_memory)"));
    ck_assert_ptr_nonnull(strstr(error_of(id), "host.limits.turn_memory"));
    ck_assert_int_eq(sql("SELECT count(*) FROM vector_passages"), passages);
    ck_assert_int_eq(sql("SELECT count(*) FROM vector_documents"), 1);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs WHERE state = 3"), 2);
    ck_assert_str_eq(found("okapis"), "a.txt "); /* as it was */
    ck_assert_str_eq(found("gnu"), "");
    bring("name=c.txt", "about zebras"); /* the worker goes on */
    ck_assert_str_eq(found("zebras"), "c.txt ");
}
END_TEST

/* --- sources ---------------------------------------------------------------------------------- */

static void set_shelf(size_t count, const char *const (*items)[3])
{
    shelf.count = count;
    for (size_t i = 0; i < count; i++) {
        shelf.items[i].id = items[i][0];
        shelf.items[i].text = items[i][1];
        shelf.items[i].digest = items[i][2];
    }
}

static int64_t there(void)
{
    return sql("SELECT count(*) FROM knowledge_documents WHERE deleted IS NULL");
}

static void sync_now(void)
{
    call("POST", "/v1/knowledge/sync", "{}", 200);
    pass_time(20 * PB_SECOND);
}

START_TEST(a_source_is_followed)
{
    static const char *const first[][3] = {{"a.txt", "about lemurs", "1"},
                                           {"b.txt", "about tapirs", "1"},
                                           {"c.txt", "about okapis", "1"}};
    static const char *const second[][3] = {{"a.txt", "about lemurs", "1"},
                                            {"b.txt", "about tapirs no more but quaggas", "2"},
                                            {"d.txt", "about kiwis", "1"}};
    set_shelf(3, first);
    sync_now();
    ck_assert_int_eq(there(), 3);
    ck_assert_str_eq(found("tapirs"), "b.txt ");
    const pb_json *list = call("GET", "/v1/documents?collection=shelves&name=b.txt", NULL, 200);
    ck_assert_str_eq(member(list, "documents/0/source"), "shelf");
    ck_assert_str_eq(member(list, "documents/0/url"), "https://shelf.example/b.txt");
    ck_assert_str_eq(member(list, "documents/0/tags/0"), "shelved");
    int fetched = shelf.fetched;
    sync_now();
    ck_assert_int_eq(shelf.fetched, fetched); /* nothing changed */
    set_shelf(3, second);
    sync_now();
    ck_assert_int_eq(there(), 3);
    ck_assert_str_eq(found("okapis"), "");
    ck_assert_str_eq(found("kiwis"), "d.txt ");
    ck_assert_str_eq(found("quaggas"), "b.txt ");
    ck_assert_int_eq(sql("SELECT version FROM knowledge_documents WHERE source_id = 'b.txt'"), 2);
    ck_assert_int_eq(shelf.fetched, fetched + 2);
    int listed = shelf.listed;
    pass_time(3600 * PB_SECOND); /* at intervals too */
    ck_assert_int_ge(shelf.listed, listed + 3);
    call_as(&stranger, "POST", "/v1/knowledge/sync", "{}", 404);
}
END_TEST

struct telling {
    const char *id;
    bool removed;
};

static pb_status tell(void *arg)
{
    const struct telling *telling = arg;
    pb_source_entry entry = {.size = sizeof entry,
                             .removed = telling->removed,
                             .bytes = -1,
                             .id = pb_str_of(telling->id),
                             .name = pb_str_of(telling->id)};

    return shelf.changed(shelf.arg, &entry);
}

START_TEST(what_a_source_tells_is_taken_at_once)
{
    static const char *const one[][3] = {{"a.txt", "about gnus", NULL}};

    pass_time(PB_SECOND);
    ck_assert_ptr_nonnull(shelf.changed);
    set_shelf(1, one);
    ck_assert_int_eq(pb_harness_run(harness, tell, &(struct telling){"a.txt", false}, NULL), PB_OK);
    pass_time(20 * PB_SECOND);
    ck_assert_str_eq(found("gnus"), "a.txt ");
    shelf.count = 0;
    ck_assert_int_eq(pb_harness_run(harness, tell, &(struct telling){"a.txt", true}, NULL), PB_OK);
    ck_assert_str_eq(found("gnus"), "");
    ck_assert_int_eq(there(), 0);
}
END_TEST

START_TEST(a_document_comes_by_its_address)
{
    static const char *const one[][3] = {{"https://x.example/a.txt", "about ibexes", NULL}};

    set_shelf(1, one);
    const char *body = "{\"url\":\"https://x.example/a.txt\",\"tags\":[\"web\"]}";
    const pb_json *document = call("POST", "/v1/documents/add", body, 200);
    ck_assert_str_eq(settle(member(document, "id")), "ready");
    ck_assert_str_eq(member(document, "url"), "https://x.example/a.txt");
    ck_assert(pb_json_bool(pb_json_get(call("POST", "/v1/documents/add", body, 200), "duplicate"),
                           false));
    call("POST", "/v1/documents/add", "{\"url\":\"https://x.example/b.txt\"}", 404);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_may_succeed_later_is_tried_again,
                                  what_runs_can_be_cancelled,
                                  one_that_is_deleted_while_it_comes_leaves_nothing,
                                  a_dead_workers_job_goes_on,
                                  a_document_that_ends_workers_is_given_up,
                                  a_document_that_is_too_large_is_refused_whole,
                                  a_source_is_followed,
                                  what_a_source_tells_is_taken_at_once,
                                  a_document_comes_by_its_address,
                                  NULL};
    return suite_run_cases("jobs",
                           (TCase *const[]){suite_case("jobs", before, after, tests), NULL});
}
