/* What every vector store must do. The harness is a host in this program. */
#include <interface_case.h>
#include <vector_store_kit.h>

extern const pb_plugin patchbay_plugin_@ID@;

static void begin(void)
{
    interface_begin(pb_harness_new("vector_stores: {main: {use: @NAME@}}\n", &patchbay_plugin_@ID@),
                    "vector_store", "main");
}

/* --- what only this one does ------------------------------------------------------------------ */

static void put_too_much(void)
{
    struct vs_document document = {.collection = "c", .id = "a", .text = "x", .count = 3};

    vs_put(&document);
    vs_put(&document); /* in its place */
    document.id = "b";
    EXPECT_STATUS(vs_try(&document), PB_NO_SPACE, "put of more than `most`");
    document.count = 2;
    vs_put(&document);
}

START_TEST(it_is_full_at_its_size)
{
    vs_harness = pb_harness_new("vector_stores: {main: {use: @NAME@, most: 5}}\n",
                                &patchbay_plugin_@ID@);
    vs_store = pb_harness_instance(vs_harness, "vector_store", "main");
    vs_in_task(put_too_much);
    pb_harness_free(vs_harness);
}
END_TEST

int main(void)
{
    const TTest *const own[] = {it_is_full_at_its_size, NULL};

    return suite_run_cases("@NAME@", (TCase *const[]){interface_case("vector_store", begin),
                                                      suite_case("own", NULL, NULL, own), NULL});
}
