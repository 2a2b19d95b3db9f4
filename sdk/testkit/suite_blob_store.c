/* suite_blob_store.c - what every blob store must do: the sentences of blob_store.h and stream.h.
 */
#include "suite_kit.h"

#include "suite_stream.h"
#include <patchbay/auth.h>
#include <patchbay/blob_store.h>

/* --- calls ------------------------------------------------------------------------------------ */

static void put(pb_instance *store, pb_str key, pb_str bytes, size_t piece)
{
    struct suite_reader reader = suite_reader_of(bytes, piece);

    EXPECT_OK(pb_blob_put(store, key, (pb_str){0}, &reader.base), "put of %zu bytes", bytes.size);
    EXPECT(reader.ended, "put gave 'ok' before the reader's end, after %zu of %zu bytes", reader.at,
           bytes.size);
}

/* The whole blob, or absent. */
static pb_str get(pb_instance *store, pb_str key)
{
    struct suite_writer writer = suite_writer_of();
    pb_blob_info info = {.size = sizeof info};

    writer.info = &info;
    pb_status status = pb_blob_get(store, key, &info, &writer.base);
    if (status == PB_NOT_FOUND) {
        EXPECT_INT(writer.bytes.size, 0, "how many bytes get wrote of a blob that is not there");
        return (pb_str){0};
    }
    EXPECT_OK(status, "get of '%.*s'", PB_ARG(pb_str_slice(key, 0, 40)));
    EXPECT_INT(info.bytes, writer.bytes.size, "`bytes` of a blob");
    return pb_str_make(writer.bytes.data ? writer.bytes.data : "", writer.bytes.size);
}

static pb_str fresh(pb_instance *store, const char *name)
{
    pb_str key = pb_printf("suite/%s", name);

    EXPECT_OK(pb_blob_remove(store, key), "remove of '%s'", name);
    return key;
}

static void expect_is(pb_instance *store, pb_str key, pb_str bytes, const char *what)
{
    pb_str found = get(store, key);

    EXPECT(found.data, "%s is not there", what);
    EXPECT(pb_str_equal(found, bytes), "%s does not come back as it was put: %zu bytes of %zu",
           what, found.size, bytes.size);
}

/* --- there and back --------------------------------------------------------------------------- */

SUITE_CASE(keeps)
{
    static const struct {
        size_t size, piece;
    } cases[] = {{0, 1},     {1, 1},       {1000, 7},       {4096, 4096},
                 {4097, 13}, {65536, 999}, {300001, 65537}, {300001, 1 << 20}};
    pb_str key = fresh(instance, "kept");

    EXPECT(!get(instance, key).data, "a blob that was never put is there");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_str bytes = suite_bytes(cases[i].size, (uint32_t)i);
        put(instance, key, bytes, cases[i].piece); /* replaces the one before */
        expect_is(instance, key, bytes,
                  pb_printf("a blob of %zu bytes that came in pieces of %zu", cases[i].size,
                            cases[i].piece)
                      .data);
    }
    put(instance, key, pb_lit("short"), 5);
    expect_is(instance, key, pb_lit("short"), "a short blob in the place of a long one");
    EXPECT_OK(pb_blob_remove(instance, key), "remove");
    EXPECT(!get(instance, key).data, "a blob that was removed is there");
    EXPECT_OK(pb_blob_remove(instance, key), "remove of what is not there");
}

SUITE_CASE(describes)
{
    pb_str key = fresh(instance, "described"), bytes = suite_bytes(5000, 1);
    struct suite_reader reader = suite_reader_of(bytes, 100);
    struct suite_writer writer = suite_writer_of();
    pb_blob_info info = {.size = sizeof info};

    EXPECT_STATUS(pb_blob_get(instance, key, &info, NULL), PB_NOT_FOUND,
                  "get of the info of what is not there");
    EXPECT_OK(pb_blob_put(instance, key, pb_lit("application/pdf"), &reader.base), "put");
    EXPECT_OK(pb_blob_get(instance, key, &info, NULL), "get with a NULL writer");
    EXPECT_INT(info.bytes, 5000, "`bytes` without a writer");
    EXPECT(info.modified > 0 && info.modified <= pb_now() + 24 * 3600 * 1000LL,
           "`modified` is %lld, which is not about now", (long long)info.modified);
    if (info.type.data)
        EXPECT_STR(info.type, pb_lit("application/pdf"), "`type`");
    EXPECT_OK(pb_blob_get(instance, key, NULL, &writer.base), "get with a NULL info");
    EXPECT(pb_str_equal(pb_buf_str(&writer.bytes), bytes), "get with a NULL info writes it whole");
}

/* --- what breaks off -------------------------------------------------------------------------- */

static void put_broken(pb_instance *store, pb_str key, size_t size, pb_status why)
{
    struct suite_reader reader = suite_reader_of(suite_bytes(size + 1, 9), 1000);

    reader.fail_at = size;
    reader.fail_with = why;
    EXPECT_STATUS(pb_blob_put(store, key, (pb_str){0}, &reader.base), why,
                  "put from a reader that fails after %zu bytes", size);
    EXPECT_INT(reader.reads_after_end, 0, "how often put reads on after the reader has failed");
    pb_error_clear();
}

SUITE_CASE(nothing_half)
{
    static const size_t sizes[] = {0, 1000, 150000};
    pb_str key = fresh(instance, "half");

    for (size_t i = 0; i < 3; i++) {
        put_broken(instance, key, sizes[i], i == 1 ? PB_CANCELLED : PB_BAD_UPSTREAM);
        EXPECT(!get(instance, key).data, "a blob is there whose reader failed after %zu bytes",
               sizes[i]);
    }
    put(instance, key, pb_lit("old"), 3);
    for (size_t i = 0; i < 3; i++) {
        put_broken(instance, key, sizes[i], PB_BAD_UPSTREAM);
        expect_is(instance, key, pb_lit("old"), "a blob whose replacement broke off");
    }
}

SUITE_CASE(writer_fails)
{
    pb_str key = fresh(instance, "written"), bytes = suite_bytes(300000, 3);

    put(instance, key, bytes, 65536);
    for (int n = 1; n <= 2; n++) {
        struct suite_writer writer = suite_writer_of();
        writer.fail_at = n;
        EXPECT_STATUS(pb_blob_get(instance, key, NULL, &writer.base), PB_CONFLICT,
                      "get into a writer that fails with 'conflict' at write %d", n);
        EXPECT_INT(writer.writes, n, "how often get writes to a writer that failed at write %d", n);
        pb_error_clear();
        if (pb_str_equal(pb_buf_str(&writer.bytes), bytes))
            break;
    }
    expect_is(instance, key, bytes, "a blob after a get that broke off");
}

SUITE_CASE(reads_to_the_end_only)
{
    pb_str key = fresh(instance, "end");
    struct suite_reader reader = suite_reader_of(suite_bytes(3000, 4), 1000);

    reader.reuses = true; /* a piece is valid until the next read */
    EXPECT_OK(pb_blob_put(instance, key, (pb_str){0}, &reader.base), "put");
    EXPECT_INT(reader.reads_after_end, 0, "how often put reads on after the empty piece");
    expect_is(instance, key, suite_bytes(3000, 4),
              "a blob whose reader gives each piece in the same memory");
}

/* --- seen by others --------------------------------------------------------------------------- */

struct looking {
    struct suite_reader reader;
    pb_instance *store;
    pb_str key;
    const char *before; /* or NULL */
};

static pb_status look(pb_reader *base, pb_bytes *out)
{
    struct looking *looking = (struct looking *)(void *)base;
    pb_str found = get(looking->store, looking->key);

    EXPECT_STR(found, looking->before ? pb_str_of(looking->before) : (pb_str){0},
               "what others see of a blob while another is put in its place");
    return suite_read(base, out);
}

SUITE_CASE(seen_when_whole)
{
    struct looking looking = {.store = instance, .key = fresh(instance, "seen")};
    pb_str bytes = suite_bytes(200000, 5);

    for (int round = 0; round < 2; round++) {
        looking.reader = suite_reader_of(bytes, 50000);
        looking.reader.base.read = look;
        EXPECT_OK(pb_blob_put(instance, looking.key, (pb_str){0}, &looking.reader.base), "put");
        expect_is(instance, looking.key, bytes, "a blob");
        looking.before = "before";
        put(instance, looking.key, pb_lit("before"), 6);
    }
}

static void replace_and_read(void *shared, int number)
{
    pb_str key = pb_lit("suite/fought_for");
    size_t size = 20000 + 1000 * (size_t)(number % 4);

    for (int i = 0; i < 3; i++) {
        put(shared, key, suite_bytes(size, (uint32_t)number % 4), 7000);
        pb_str found = get(shared, key);
        size_t whose = found.size / 1000 - 20;
        EXPECT(found.data && whose < 4 && pb_str_equal(found, suite_bytes(found.size, whose)),
               "a blob that several put at once is none of theirs: it has %zu bytes", found.size);
    }
}

SUITE_CASE(at_once)
{
    suite_at_once(16, replace_and_read, instance);
}

/* --- keys ------------------------------------------------------------------------------------- */

SUITE_CASE(keys)
{
    static const pb_str plain[] = {
        PB_LIT("suite/a"),        PB_LIT("suite/a/b"),     PB_LIT("suite/a.b"), PB_LIT("suite/A"),
        PB_LIT("suite/..."),      PB_LIT("suite/.hidden"), PB_LIT("suite/-rf"), PB_LIT("suite/a_b"),
        PB_LIT("suite/a/b.part"), PB_LIT("suite/nul")};
    enum { PLAIN = sizeof plain / sizeof *plain, ALL = PLAIN + 3 };
    pb_str all[ALL];
    char *text = pb_alloc(3 * 512);

    memset(text, 'k', 1536);
    text[1023] = 'j';
    for (size_t i = 255; i < 512; i += 128)
        text[1024 + i] = '/';
    text[1535] = 'k';
    for (size_t i = 0; i < ALL; i++)
        all[i] = i < PLAIN ? plain[i] : pb_str_make(text + (i - PLAIN) * 512, 512);
    for (size_t i = 0; i < ALL; i++)
        put(instance, all[i], pb_printf("%zu", i), 1);
    for (size_t i = 0; i < ALL; i++)
        EXPECT_STR(get(instance, all[i]), pb_printf("%zu", i), "the blob of key %zu, '%.*s'", i,
                   PB_ARG(pb_str_slice(all[i], 0, 30)));
    EXPECT_OK(pb_blob_remove(instance, all[0]), "remove of 'suite/a'");
    EXPECT_STR(get(instance, all[1]), pb_lit("1"), "the blob of 'suite/a/b' after that");
    for (size_t i = 1; i < ALL; i++)
        EXPECT_OK(pb_blob_remove(instance, all[i]), "remove of key %zu", i);
}

SUITE_CASE(keys_that_leave)
{
    static const pb_str wrong[] = {PB_LIT(""),       PB_LIT("../x"),  PB_LIT("/etc/passwd"),
                                   PB_LIT("a/../b"), PB_LIT("a/./b"), PB_LIT("a//b"),
                                   PB_LIT("a/"),     PB_LIT(".."),    PB_LIT("a\\b"),
                                   PB_LIT("a\0b"),   PB_LIT("a b")};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct suite_reader reader = suite_reader_of(pb_lit("x"), 1);
        EXPECT_STATUS(pb_blob_put(instance, wrong[i], (pb_str){0}, &reader.base), PB_INVALID,
                      "put of the key '%.*s'", PB_ARG(wrong[i]));
        EXPECT_STATUS(pb_blob_get(instance, wrong[i], NULL, NULL), PB_INVALID,
                      "get of the key '%.*s'", PB_ARG(wrong[i]));
        EXPECT_STATUS(pb_blob_remove(instance, wrong[i]), PB_INVALID, "remove of the key '%.*s'",
                      PB_ARG(wrong[i]));
    }
}

/* A tenant's name comes from whoever says who asks: it need not be fit for a path. */
static const char *const tenants_of_all_sorts[] = {"suite-a", "..",     ".",
                                                   "suite b", "%2e%2e", "suite-\xc3\xa9"};

static pb_status put_as(void *arg)
{
    put(arg, pb_lit("suite/tenant"), pb_principal_running()->tenant, 3);
    return PB_OK;
}

static pb_status get_as(void *arg)
{
    EXPECT_STR(get(arg, pb_lit("suite/tenant")), pb_principal_running()->tenant,
               "the blob of a tenant");
    EXPECT_OK(pb_blob_remove(arg, pb_lit("suite/tenant")), "remove");
    return PB_OK;
}

SUITE_CASE(tenants)
{
    enum { COUNT = sizeof tenants_of_all_sorts / sizeof *tenants_of_all_sorts };

    for (size_t i = 0; i < COUNT; i++)
        suite_as(tenants_of_all_sorts[i], put_as, instance);
    for (size_t i = 0; i < COUNT; i++)
        suite_as(tenants_of_all_sorts[i], get_as, instance);
}

/* --- cancelling, links, copies ---------------------------------------------------------------- */

static pb_status put_slowly(void *arg)
{
    struct suite_reader reader = suite_reader_of(suite_bytes(100000, 6), 1000);

    reader.pause = PB_MILLISECOND;
    return pb_blob_put(arg, pb_lit("suite/cancelled"), (pb_str){0}, &reader.base);
}

SUITE_CASE(cancelled)
{
    pb_str key = fresh(instance, "cancelled");

    EXPECT_STATUS(suite_cancelled(put_slowly, instance), PB_CANCELLED, "a put that was cancelled");
    pb_error_clear();
    EXPECT(!get(instance, key).data, "a blob is there whose put was cancelled");
    put(instance, key, pb_lit("after"), 5);
    expect_is(instance, key, pb_lit("after"), "a blob that was put after one was cancelled");
}

SUITE_CASE(links)
{
    pb_str key = fresh(instance, "linked"), url = {0};

    put(instance, key, pb_lit("linked"), 6);
    pb_status status = pb_blob_url(instance, key, pb_now() + 60 * 1000, &url);
    if (status == PB_UNSUPPORTED)
        EXPECT_SKIP("it gives no links");
    EXPECT_OK(status, "url");
    EXPECT(pb_str_contains(url, pb_lit("://")), "url gave '%.*s', which is no address",
           PB_ARG(url));
}

SUITE_CASE(copies)
{
    const pb_blob_store *interface = suite_interface(instance);
    pb_str first = fresh(instance, "first"), later = fresh(instance, "later");
    pb_str folder = suite_path("suite-blobs"), bytes = suite_bytes(70000, 7);
    void *self = suite_self(instance);

    if (!interface->backup || !interface->restore)
        EXPECT_SKIP("it has no backup");
    put(instance, first, bytes, 70000);
    EXPECT_OK(interface->backup(self, folder), "backup");
    put(instance, first, pb_lit("changed"), 7);
    put(instance, later, pb_lit("came later"), 10);
    for (int round = 0; round < 2; round++) {
        EXPECT_OK(interface->restore(self, folder), "restore");
        expect_is(instance, first, bytes, "a blob that was restored");
        EXPECT(!get(instance, later).data, "a blob is there that came after the backup");
    }
    EXPECT_STATUS(interface->restore(self, suite_path("suite-nowhere")), PB_NOT_FOUND,
                  "restore from a folder that is not there");
    expect_is(instance, first, bytes, "a blob after a restore that failed");
}

const struct pb_suite_case suite_blob_store[] = {
    {"get gives what put stored, in pieces of any size", 0, keeps},
    {"info is told with and without a writer", 0, describes},
    {"a reader that fails leaves nothing", 0, nothing_half},
    {"a writer's failure is returned at once", 6, writer_fails},
    {"put reads to the end and no further", 1, reads_to_the_end_only},
    {"a blob is seen when it is whole", 0, seen_when_whole},
    {"16 tasks replace one blob at once", 3, at_once},
    {"keys do not meet", 0, keys},
    {"keys that leave the store are refused", 0, keys_that_leave},
    {"tenants of any name never meet", 0, tenants},
    {"a put that was cancelled leaves nothing", 6, cancelled},
    {"links are addresses", 0, links},
    {"restore brings back what backup copied", 0, copies},
    {.name = NULL},
};
