/* What every blob store must do. The harness is a host in this program. */
#include <interface_case.h>
#include <patchbay/blob_store.h>

extern const pb_plugin patchbay_plugin_@ID@;

static void begin(void)
{
    interface_begin(pb_harness_new("blob_stores: {main: {use: @NAME@}}\n", &patchbay_plugin_@ID@),
                    "blob_store", "main");
}

/* --- what only this one does ------------------------------------------------------------------ */

static pb_status read_zeros(pb_reader *reader, pb_bytes *out)
{
    static const uint8_t zeros[100];

    (void)reader;
    *out = (pb_bytes){zeros, sizeof zeros};
    return PB_OK;
}

static pb_status put_without_end(void *store)
{
    pb_reader zeros = {.size = sizeof zeros, .read = read_zeros};

    return pb_blob_put(store, pb_lit("zeros"), (pb_str){0}, &zeros);
}

START_TEST(it_is_full_at_its_size)
{
    pb_harness *harness = pb_harness_new("blob_stores: {main: {use: @NAME@, size: 10KiB}}\n",
                                         &patchbay_plugin_@ID@);
    pb_instance *store = pb_harness_instance(harness, "blob_store", "main");
    pb_str sentence;

    ck_assert_int_eq(pb_harness_run(harness, put_without_end, store, &sentence), PB_NO_SPACE);
    ck_text(sentence, "the store has room for 10240 bytes");
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const own[] = {it_is_full_at_its_size, NULL};

    return suite_run_cases("@NAME@", (TCase *const[]){interface_case("blob_store", begin),
                                                      suite_case("own", NULL, NULL, own), NULL});
}
