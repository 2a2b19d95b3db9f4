/* The map and the buffer: against a plain model, with every order of removal that chance makes. */
#include "base/buf.h"
#include "base/map.h"
#include "suite.h"

#include <stdlib.h>

enum { NAMES = 300 };

START_TEST(it_agrees_with_a_plain_array)
{
    struct map map = {0};
    char names[NAMES][16];
    void *model[NAMES] = {0};
    size_t count = 0;
    unsigned seed = 1;

    for (int i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], "n%d", i);
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1103515245 + 12345;
        int i = (int)(seed >> 16) % NAMES;
        bool fill = step / 2000 % 2 == 0 ? (seed >> 8 & 3) != 0 : (seed >> 8 & 3) == 0;
        if (fill) {
            void *value = names[(i + step) % NAMES];
            ck_assert(map_put(&map, pb_str_of(names[i]), value));
            count += !model[i];
            model[i] = value;
        } else {
            ck_assert_ptr_eq(map_remove(&map, pb_str_of(names[i])), model[i]);
            count -= model[i] != NULL;
            model[i] = NULL;
        }
        ck_assert_uint_eq(map.count, count);
        if (step % 37 == 0)
            for (int j = 0; j < NAMES; j++)
                ck_assert_ptr_eq(map_get(&map, pb_str_of(names[j])), model[j]);
    }
    map_fini(&map);
    ck_assert_ptr_null(map_get(&map, pb_lit("n1")));
}
END_TEST

START_TEST(an_empty_map_has_nothing)
{
    struct map map = {0};
    ck_assert_ptr_null(map_get(&map, pb_lit("a")));
    ck_assert_ptr_null(map_remove(&map, pb_lit("a")));
    ck_assert(map_put(&map, pb_str_make(NULL, 0), &map));
    ck_assert_ptr_eq(map_get(&map, pb_lit("")), &map);
    map_fini(&map);
}
END_TEST

START_TEST(a_buffer_grows_and_gives_way)
{
    struct buf buf = {0};
    for (int i = 0; i < 1000; i++)
        ck_assert(buf_add(&buf, pb_lit("0123456789")));
    ck_assert(buf_add(&buf, pb_lit("x=42")));
    ck_assert_uint_eq(buf.size, 10004);
    buf_drop(&buf, 9995);
    ck_text(buf_str(&buf), "56789x=42");
    buf_drop(&buf, 100);
    ck_assert_uint_eq(buf.size, 0);
    buf_clear(&buf, 100000);
    ck_assert_uint_ge(buf.capacity, 10004);
    buf_clear(&buf, 100);
    ck_assert_uint_eq(buf.capacity, 0);
    ck_assert_ptr_null(buf_room(&buf, SIZE_MAX));
    ck_assert(buf_add(&buf, pb_lit("again")));
    ck_text(buf_str(&buf), "again");
    buf_fini(&buf);
    ck_assert_ptr_null(buf.data);
}
END_TEST

int main(void)
{
    return suite_run("map", (const TTest *[]){it_agrees_with_a_plain_array,
                                              an_empty_map_has_nothing,
                                              a_buffer_grows_and_gives_way, NULL});
}
