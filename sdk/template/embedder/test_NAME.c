/* What is near to what. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <math.h>
#include <patchbay/embedder.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("embedders: {words: {use: @NAME@}}\n", &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* Two texts, and how near they are (cosine) and how long the first one's vector is. */
struct pair {
    const char *one, *other;
    double near, length;
    char model[64];
};

static pb_status embed(void *arg)
{
    struct pair *pair = arg;
    pb_instance *words = pb_harness_instance(harness, "embedder", "words");
    size_t dimensions = pb_embed_dimensions(words);
    float *vectors = PB_NEW_ARRAY(float, 2 * dimensions);
    const pb_str texts[] = {pb_str_of(pair->one), pb_str_of(pair->other)};
    pb_status status = pb_embed(words, PB_EMBED_DOCUMENT, texts, 2, vectors);

    for (size_t i = 0; i < dimensions; i++) {
        pair->near += (double)vectors[i] * (double)vectors[dimensions + i];
        pair->length += (double)vectors[i] * (double)vectors[i];
    }
    (void)snprintf(pair->model, sizeof pair->model, "%.*s", PB_ARG(pb_embed_model(words)));
    return status;
}

static struct pair compare(const char *one, const char *other)
{
    struct pair pair = {.one = one, .other = other};

    ck_assert_int_eq(pb_harness_run(harness, embed, &pair, NULL), PB_OK);
    return pair;
}

START_TEST(vectors_have_length_one)
{
    struct pair pair = compare("The quick brown fox", "The quick brown fox");

    ck_assert_double_eq_tol(pair.length, 1, 1e-5);
    ck_assert_double_eq_tol(pair.near, 1, 1e-5);
    ck_assert_double_eq_tol(compare("", "fox").length, 0, 1e-9);
    ck_assert_double_eq_tol(compare("the of and", "fox").length, 0, 1e-9);
    ck_assert_str_eq(pair.model, "@NAME@/1-256-0.3");
}
END_TEST

START_TEST(what_is_alike_is_near)
{
    double same = compare("The engine overheats", "engines that overheat").near;
    double alike = compare("The thermometer broke", "a thermostat is broken").near;
    double other = compare("The engine overheats", "Invoices are paid monthly").near;

    ck_assert_msg(same > 0.7 && alike > 0.1 && fabs(other) < 0.1, "%g, %g, %g", same, alike, other);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {vectors_have_length_one, what_is_alike_is_near, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("texts", begin, end, tests), NULL});
}
