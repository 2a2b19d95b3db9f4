/* scope.c - see scope.h. Also the host functions of memory.h: alloc, grow, scopes, fail, error. */
#include "base/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTER_SIZE = 256, INSTANCE_SIZE = 128 };

static struct arena main_arena;
static struct scope_context main_context = {.arena = &main_arena};
static pb_str (*running_name)(void);

static _Thread_local struct scope_context *current;

__attribute__((constructor)) static void begin(void)
{
    __asm__ volatile(""); /* clang would run this at compile time: for every thread then */
    current = &main_context;
}

struct scope_context *scope_current(void)
{
    return current;
}

struct scope_context *scope_switch(struct scope_context *context)
{
    struct scope_context *before = current;
    current = context;
    return before;
}

void scope_context_fini(struct scope_context *context)
{
    free(context->text);
    context->text = NULL;
}

struct arena *scope_arena_swap(struct arena *other)
{
    struct arena *before = current->arena;
    current->arena = other;
    return before;
}

void scope_instance_name_set(pb_str (*name_of_running)(void))
{
    running_name = name_of_running;
}

/* --- host functions --------------------------------------------------------------------------- */

/* Only memory of turns has a limit. */
static void *short_of_memory(void)
{
    char sentence[160] = "the machine has no memory for this request";

    if (!current)
        return NULL;
    if (current->arena->limit)
        (void)snprintf(sentence, sizeof sentence,
                       "this request needs more memory than is allowed: a turn has %zu KiB "
                       "(host.limits.turn_memory)",
                       current->arena->limit >> 10);
    host_fail(PB_NO_MEMORY, pb_str_of(sentence), (pb_str){0}, 0);
    return NULL;
}

void *host_alloc(size_t size)
{
    void *memory = current ? arena_alloc(current->arena, size) : NULL;
    return memory ? memory : short_of_memory();
}

void *host_grow(void *memory, size_t old_size, size_t new_size)
{
    void *grown = current ? arena_grow(current->arena, memory, old_size, new_size) : NULL;
    return grown ? grown : short_of_memory();
}

struct pb_scope {
    struct arena_mark mark;
    struct arena *arena;
};

pb_scope *host_scope_begin(void)
{
    if (!current)
        return NULL;
    struct arena_mark mark = arena_mark_now(current->arena);
    arena_fence(current->arena);
    pb_scope *scope = arena_alloc(current->arena, sizeof *scope);
    if (scope) {
        scope->mark = mark;
        scope->arena = current->arena;
    }
    return scope;
}

void host_scope_end(pb_scope *scope)
{
    if (scope)
        arena_release(scope->arena, scope->mark);
}

/* Copies `from` behind `at` in the error text; cut to `room` with its NUL. */
static pb_str keep(char *at, size_t room, pb_str from)
{
    if (!from.data)
        return (pb_str){0};
    size_t size = from.size < room - 1 ? from.size : room - 1;
    memmove(at, from.data, size);
    at[size] = 0;
    return (pb_str){at, size};
}

pb_status host_fail(pb_status status, pb_str sentence, pb_str pointer, pb_duration retry)
{
    struct scope_context *context = current;

    if (!context)
        return status;
    context->error = (pb_error){.size = sizeof(pb_error), .status = status, .retry_after = retry};
    if (status == PB_OK)
        return status;
    if (!context->text)
        context->text = malloc(PB_SENTENCE_SIZE + POINTER_SIZE + INSTANCE_SIZE);
    if (!context->text) {
        context->error.sentence = pb_lit("out of memory");
        return status;
    }
    char *text = context->text;
    context->error.sentence = keep(text, PB_SENTENCE_SIZE, sentence);
    context->error.pointer = keep(text + PB_SENTENCE_SIZE, POINTER_SIZE, pointer);
    if (running_name)
        context->error.instance =
            keep(text + PB_SENTENCE_SIZE + POINTER_SIZE, INSTANCE_SIZE, running_name());
    return status;
}

void scope_error_set(const pb_error *error)
{
    host_fail(error->status, error->sentence, error->pointer, error->retry_after);
    if (current && current->text && error->instance.data)
        current->error.instance = keep(current->text + PB_SENTENCE_SIZE + POINTER_SIZE,
                                       INSTANCE_SIZE, error->instance);
}

const pb_error *host_error(void)
{
    static const pb_error none = {.size = sizeof(pb_error)};
    return current ? &current->error : &none;
}
