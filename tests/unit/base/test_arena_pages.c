/* Arenas in pages of their own: what ended is inaccessible, and known. */
#include "base/arena.h"
#include "base/arena_pages.h"

#include "suite.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static uint32_t running;
static struct arena arena;

static uint32_t owner(void)
{
    return running;
}

static void begin(void)
{
    running = 7;
    arena_pages_use(owner);
    arena_init(&arena, 0);
}

static void end(void)
{
    arena_fini(&arena);
    arena_pages_use(NULL);
}

static struct arena_found found(const void *address)
{
    struct arena_found out = {0};

    ck_assert(arena_pages_find(address, &out));
    return out;
}

START_TEST(an_address_is_known_with_its_owner)
{
    char *mine = arena_alloc(&arena, 100);
    running = 8;
    char *other = arena_alloc(&arena, 20);
    int on_stack = 0;

    ck_assert_uint_eq(found(mine).owner, 7);
    ck_assert_uint_eq(found(mine + 99).owner, 7);
    ck_assert_uint_eq(found(other).owner, 8);
    ck_assert_uint_eq(found(other).size, 32);
    ck_assert(!found(other).over);
    struct arena_found out;
    ck_assert(!arena_pages_find(&on_stack, &out));
    ck_assert(!arena_pages_find(NULL, &out));
}
END_TEST

START_TEST(what_grows_in_place_is_known_to_its_end)
{
    char *text = arena_alloc(&arena, 10);

    ck_assert_ptr_eq(arena_grow(&arena, text, 10, 200), text);
    ck_assert_uint_eq(found(text + 199).owner, 7);
    ck_assert_uint_eq(found(text).size, 208);
}
END_TEST

START_TEST(what_ended_is_still_known)
{
    char *text = arena_alloc(&arena, 100);
    char *big = arena_alloc(&arena, 1 << 20);

    arena_fini(&arena);
    ck_assert(found(text).over);
    ck_assert_uint_eq(found(text).owner, 7);
    ck_assert(found(big + (1 << 20) - 1).over);
}
END_TEST

START_TEST(the_quarantine_is_bounded)
{
    char *first = arena_alloc(&arena, 100);
    char *again = NULL;

    arena_fini(&arena);
    for (int i = 0; i < 5000 && again != first; i++) {
        again = arena_alloc(&arena, 100);
        for (int j = 0; j < 100; j++)
            ck_assert_int_eq(again[j], 0);
        memset(again, 'x', 100);
        arena_fini(&arena);
    }
    ck_assert_ptr_eq(again, first);
}
END_TEST

START_TEST(those_who_came_before_stay_what_they_are)
{
    struct arena before;

    arena_pages_use(NULL);
    arena_init(&before, 0);
    char *text = arena_alloc(&before, 10);
    arena_pages_use(owner);
    strcpy(text, "text");
    char *grown = arena_grow(&before, text, 10, 500);
    ck_assert_ptr_eq(grown, text);
    ck_assert_str_eq(grown, "text");
    ck_assert_int_eq(arena_alloc(&before, 5000) != NULL, true);
    ck_assert_str_eq(grown, "text");
    arena_fini(&before);
}
END_TEST

/* Behind a mark that was fenced nothing of what came after can be touched. */
START_TEST(a_fault_after_a_release)
{
    char *kept = arena_alloc(&arena, 100);
    struct arena_mark mark = arena_mark_now(&arena);

    arena_fence(&arena);
    char *volatile gone = arena_alloc(&arena, 100);
    arena_release(&arena, mark);
    kept[0] = 'k';
    ck_assert_uint_eq(found(kept).owner, 7);
    gone[0] = 'g';
}
END_TEST

static bool has_pages(void)
{
    begin();
    (void)arena_alloc(&arena, 1);
    bool has = arena_pages_own(arena.head);
    end();
    return has;
}

int main(void)
{
    const char *fork = getenv("CK_FORK");

    if (!has_pages()) /* AddressSanitizer finds the same by itself */
        return 0;
    TCase *cases = suite_case("pages", begin, end,
                              (const TTest *const[]){an_address_is_known_with_its_owner,
                                                     what_grows_in_place_is_known_to_its_end,
                                                     what_ended_is_still_known,
                                                     the_quarantine_is_bounded,
                                                     those_who_came_before_stay_what_they_are, NULL});
    if (!fork || strcmp(fork, "no") != 0) /* its end is that of its process */
        tcase_add_test_raise_signal(cases, a_fault_after_a_release, SIGSEGV);
    return suite_run_cases("arena_pages", (TCase *const[]){cases, NULL});
}
