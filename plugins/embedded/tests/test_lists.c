/* Inverted lists under conditions: vectors in clusters, a condition that has nothing to do with them,
 * and one that leaves out the very cluster a question is near to. What is found is compared with all.
 */
#include "kit.h"

enum { CLUSTERS = 30, EACH = 40, DOCUMENTS = 150, WIDE = 32, ASKED = 60, TOP = 10 };

static float centres[CLUSTERS][WIDE], vectors[DOCUMENTS * EACH][WIDE];
static uint32_t seed = 4711;

static float chance(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (float)(1 << 24) - 0.5F;
}

static void near(float *out, const float *centre, float noise)
{
    float sum = 0;

    for (int i = 0; i < WIDE; i++) {
        out[i] = (centre ? centre[i] : 0) + noise * chance();
        sum += out[i] * out[i];
    }
    for (int i = 0; i < WIDE; i++)
        out[i] /= sqrtf(sum);
}

static int cluster_of(int document)
{
    return document % CLUSTERS;
}

/* `n` says nothing about the cluster, `c` does. */
static void put_one(int number)
{
    pb_scope *scope = pb_scope_begin();
    const pb_vector_item *items[EACH];
    const pb_json *metadata = vs_json(pb_printf("{\"n\":%d,\"c\":%d}", number / CLUSTERS % 5,
                                                cluster_of(number) % 5)
                                          .data);
    pb_vector_put put = {.size = sizeof put,
                         .collection = PB_LIT("c"),
                         .document_id = pb_printf("d%d", number),
                         .access = vs_public,
                         .access_count = 1,
                         .items = items,
                         .count = EACH};

    for (int i = 0; i < EACH; i++) {
        pb_vector_item *item = PB_NEW(pb_vector_item);
        pb_passage *passage = pb_passage_new(pb_lit("text"));
        passage->id = pb_printf("%d", number * EACH + i);
        passage->index = i;
        passage->document_id = put.document_id;
        passage->metadata = metadata;
        near(vectors[number * EACH + i], centres[cluster_of(number)], 0.3F);
        *item = (pb_vector_item){.size = sizeof *item,
                                 .dimensions = WIDE,
                                 .vector = vectors[number * EACH + i],
                                 .passage = passage};
        items[i] = item;
    }
    ck_assert_int_eq(pb_vectors_put(vs_store, &put), PB_OK);
    pb_scope_end(scope);
}

static bool passes(int row, const char *field, int below)
{
    int document = row / EACH;

    return (*field == 'n' ? document / CLUSTERS % 5 : cluster_of(document) % 5) < below;
}

static float product(const float *a, const float *b)
{
    float sum = 0;

    for (int i = 0; i < WIDE; i++)
        sum += a[i] * b[i];
    return sum;
}

/* How many rows that pass are nearer than this score. */
static int nearer(const float *query, const char *field, int below, double score)
{
    int count = 0;

    for (int row = 0; row < DOCUMENTS * EACH; row++)
        count += passes(row, field, below) && product(query, vectors[row]) > score + 1e-6;
    return count;
}

/* How many of those found are among the true first, of ASKED * TOP. */
static int right(const char *field, int below)
{
    int count = 0;

    for (int i = 0; i < ASKED; i++) {
        pb_scope *scope = pb_scope_begin();
        float vector[WIDE];
        pb_filter filter = {.size = sizeof filter,
                            .type = PB_FILTER_LESS,
                            .field = pb_str_of(field),
                            .value = pb_json_number(below)};
        pb_vector_query query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
        pb_passages out = {.size = sizeof out};
        near(vector, centres[i % CLUSTERS], 0.3F);
        query.vector = vector;
        query.dimensions = WIDE;
        query.filter = &filter;
        ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
        ck_assert_uint_eq(out.count, TOP);
        for (size_t k = 0; k < out.count; k++) {
            int row = atoi(out.items[k]->id.data);
            ck_assert(passes(row, field, below));
            count += nearer(vector, field, below, product(vector, vectors[row])) < TOP;
        }
        pb_scope_end(scope);
    }
    return count;
}

static pb_status look(void *arg)
{
    int least = ASKED * TOP * 99 / 100;

    (void)arg;
    for (int i = 0; i < CLUSTERS; i++)
        near(centres[i], NULL, 1);
    for (int i = 0; i < DOCUMENTS; i++)
        put_one(i);
    for (int below = 1; below < 6; below++) { /* a fifth to all */
        ck_assert_int_ge(right("n", below), least);
        ck_assert_int_ge(right("c", below), least);
    }
    return PB_OK;
}

START_TEST(nearest_lists_hold_what_matches)
{
    ck_assert_int_eq(pb_harness_run(vs_harness, look, NULL, NULL), PB_OK);
}
END_TEST

static void before_lists(void)
{
    options = ", tail: 1000, lists_above: 500, rescore: 2";
    before();
}

static void before_fixed(void)
{
    options = ", tail: 1000, lists_above: 500, rescore: 2, probes: 30";
    before();
}

int main(void)
{
    const TTest *const tests[] = {nearest_lists_hold_what_matches, NULL};
    return suite_run_cases(
        "lists", (TCase *const[]){suite_case("of themselves", before_lists, after, tests),
                                  suite_case("so many", before_fixed, after, tests), NULL});
}
