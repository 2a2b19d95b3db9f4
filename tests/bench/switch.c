/* switch.c - prints what one coroutine switch costs, in nanoseconds. */
#include "runtime/coroutine.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 5000000 };

static struct coroutine thread;

static void body(struct coroutine *self)
{
    for (;;)
        coroutine_switch(self, &thread);
}

int main(void)
{
    struct timespec begin, end;

    coroutine_of_thread(&thread);
    struct coroutine *other = coroutine_new(&thread, coroutine_stack_size(), 0, body);
    if (!other)
        return 1;
    coroutine_switch(&thread, other);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < ROUNDS; i++)
        coroutine_switch(&thread, other);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n", ((double)(end.tv_sec - begin.tv_sec) * 1e9 +
                      (double)(end.tv_nsec - begin.tv_nsec)) / (2.0 * ROUNDS));
    return 0;
}
