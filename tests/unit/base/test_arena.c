/* The arena: growth in place, marks, the limit. */
#include "base/arena.h"

#include "suite.h"
#include <stdlib.h>
#include <string.h>

START_TEST(marks_release_what_came_after)
{
    struct arena arena;
    arena_init(&arena, 0);
    char *kept = arena_alloc(&arena, 100);
    strcpy(kept, "kept");
    struct arena_mark mark = arena_mark_now(&arena);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
    arena_release(&arena, mark);
    ck_assert_str_eq(kept, "kept");
    ck_assert_uint_eq(arena.total, 1024);
    arena_fini(&arena);
}
END_TEST

START_TEST(the_newest_grows_in_place)
{
    struct arena arena;
    arena_init(&arena, 0);
    char *first = arena_alloc(&arena, 16);
    memcpy(first, "0123456789abcdef", 16);
    char *grown = arena_grow(&arena, first, 16, 64);
    ck_assert_ptr_eq(first, grown);
    arena_alloc(&arena, 16);
    char *moved = arena_grow(&arena, grown, 64, 128);
    ck_assert_ptr_ne(moved, grown);
    ck_assert_int_eq(memcmp(moved, "0123456789abcdef", 16), 0);
    for (int i = 16; i < 128; i++)
        ck_assert_int_eq(moved[i], 0);
    arena_fini(&arena);
}
END_TEST

START_TEST(the_limit_holds)
{
    struct arena arena;
    arena_init(&arena, 10000);
    size_t got = 0;
    while (arena_alloc(&arena, 100))
        got += 100;
    ck_assert_uint_gt(got, 7000);
    ck_assert_uint_le(arena.total, 10000);
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX - 5));
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    return suite_run("arena",
                     (const TTest *const[]){marks_release_what_came_after,
                                            the_newest_grows_in_place, the_limit_holds, NULL});
}
