/* thunks.c - see thunks.h. A table like the host's, in which each function is a few instructions:
 * they keep the registers of the arguments, ask thunk_before() where to go on with this call, and
 * jump there. So no thunk knows its function's arguments, and calls may be added without a line
 * here.
 */
#include "thunks.h"

#include "plugin/loader.h"
#include "runtime/task.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define HAVE_THUNKS 1
#else
#define HAVE_THUNKS 0
#endif

/* The index counts up while the assembler reads this. */
#if defined(__x86_64__)
#define THUNK(level, result, name, arguments)                                                      \
    ".globl conform_thunk_" #name "\n.hidden conform_thunk_" #name "\n"                            \
    ".type conform_thunk_" #name ", @function\nconform_thunk_" #name ":\n"                         \
    "    movl $conform_index, %r11d\n    jmp conform_enter\n"                                      \
    ".set conform_index, conform_index + 1\n"
__asm__(".text\n.set conform_index, 0\n" PB_HOST_API(
    THUNK) ".type conform_enter, @function\n"
           "conform_enter:\n"
           "    pushq %rdi\n    pushq %rsi\n    pushq %rdx\n    pushq %rcx\n    pushq %r8\n    "
           "pushq %r9\n"
           "    subq $136, %rsp\n"
           "    movups %xmm0, 0(%rsp)\n    movups %xmm1, 16(%rsp)\n    movups %xmm2, 32(%rsp)\n"
           "    movups %xmm3, 48(%rsp)\n    movups %xmm4, 64(%rsp)\n    movups %xmm5, 80(%rsp)\n"
           "    movups %xmm6, 96(%rsp)\n    movups %xmm7, 112(%rsp)\n"
           "    movl %r11d, %edi\n"
           "    call thunk_before\n"
           "    movq %rax, %r11\n"
           "    movups 0(%rsp), %xmm0\n    movups 16(%rsp), %xmm1\n    movups 32(%rsp), %xmm2\n"
           "    movups 48(%rsp), %xmm3\n    movups 64(%rsp), %xmm4\n    movups 80(%rsp), %xmm5\n"
           "    movups 96(%rsp), %xmm6\n    movups 112(%rsp), %xmm7\n"
           "    addq $136, %rsp\n"
           "    popq %r9\n    popq %r8\n    popq %rcx\n    popq %rdx\n    popq %rsi\n    popq "
           "%rdi\n"
           "    jmp *%r11\n");
#elif defined(__aarch64__)
#define THUNK(level, result, name, arguments)                                                      \
    ".globl conform_thunk_" #name "\n.hidden conform_thunk_" #name "\n"                            \
    ".type conform_thunk_" #name ", %function\nconform_thunk_" #name ":\n"                         \
    "    mov w16, #conform_index\n    b conform_enter\n"                                           \
    ".set conform_index, conform_index + 1\n"
__asm__(".text\n.set conform_index, 0\n" PB_HOST_API(
    THUNK) ".type conform_enter, %function\n"
           "conform_enter:\n"
           "    stp x29, x30, [sp, #-224]!\n    mov x29, sp\n"
           "    stp x0, x1, [sp, #16]\n    stp x2, x3, [sp, #32]\n    stp x4, x5, [sp, #48]\n"
           "    stp x6, x7, [sp, #64]\n    str x8, [sp, #80]\n"
           "    stp q0, q1, [sp, #96]\n    stp q2, q3, [sp, #128]\n    stp q4, q5, [sp, #160]\n"
           "    stp q6, q7, [sp, #192]\n"
           "    mov w0, w16\n"
           "    bl thunk_before\n"
           "    mov x16, x0\n"
           "    ldp q0, q1, [sp, #96]\n    ldp q2, q3, [sp, #128]\n    ldp q4, q5, [sp, #160]\n"
           "    ldp q6, q7, [sp, #192]\n"
           "    ldr x8, [sp, #80]\n    ldp x6, x7, [sp, #64]\n    ldp x4, x5, [sp, #48]\n"
           "    ldp x2, x3, [sp, #32]\n    ldp x0, x1, [sp, #16]\n"
           "    ldp x29, x30, [sp], #224\n"
           "    br x16\n");
#endif

enum index {
#define INDEX(level, result, name, arguments) AT_##name,
    PB_HOST_API(INDEX)
#undef INDEX
        INDEXES
};

/* What is known of a function: by the type of its result, and the lists below. */
struct about {
    const char *name;
    bool status; /* gives a pb_status */
};

static const struct about about[] = {
#define ABOUT(level, result, name, arguments)                                                      \
    {#name, _Generic((result *)0, pb_status * : true, default : false)},
    PB_HOST_API(ABOUT)
#undef ABOUT
};

static const char allocators[] = " alloc grow scope_begin signal_new ";

/* A status that is the callee's own (shield, join, run_as, fail), or a number that is none; a wait
 * that a thread of the plugin ends; and giving back. */
static const char never_fail[] = " fail shield join run_as signal_wait http_status db_dialect ";

/* Their comments name these failures and no others. */
static const struct {
    const char *names;
    pb_status status;
} own_failures[] = {{" sleep step bus_wait shared_lock ", PB_TIMEOUT},
                    {" json_parse ", PB_INVALID},
                    {" spawn subscribe turn_set_messages turn_set_param turn_set_variable "
                     "turn_set_header turn_set_passages turn_branch turn_keep ",
                     PB_NO_MEMORY}};

/* By the comments of the headers. */
static const char may_park[] =
    " sleep step join offload shield emit run_next run_next_with run_pipeline run_pipeline_with "
    "turn_run turn_cancel llm_generate tool_list tool_call authenticate operation_call http_open "
    "http_read request_body request_read respond respond_begin respond_write respond_end db_batch "
    "db_transaction db_backup db_restore db_migrate cache_get cache_set cache_add cache_increment "
    "cache_take cache_remove cache_remove_tag bus_wait lease_take turn_launch turn_follow "
    "signal_wait "
    "embed vectors_put vectors_search vectors_get vectors_relabel vectors_remove vectors_count "
    "blob_put blob_get blob_remove blob_url extract source_list source_fetch source_watch retrieve "
    "surround rerank classify process_run retriever_version transcribe synthesize speech_detect ";

static bool is_in(const char *list, const char *name)
{
    char word[64];

    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(list, word) != NULL;
}

/* --- what is disturbed --------------------------------------------------------------------------
 */

static struct {
    _Atomic int how;
    unsigned number;
    atomic_uint allocations, calls, parking, mallocs;
    _Atomic(const char *) struck; /* the name of the call that was disturbed */
    int64_t deadline;
    struct {
        bool allocates, fails, parks;
        pb_status status;
    } of[INDEXES];
    pb_host table;
} thunks;

bool thunks_work(void)
{
    return HAVE_THUNKS;
}

void disturb(enum disturbance how, unsigned number)
{
    thunks.allocations = thunks.calls = thunks.parking = thunks.mallocs = 0;
    thunks.struck = NULL;
    thunks.deadline = 0;
    thunks.number = number;
    thunks.how = number ? (int)how : UNDISTURBED;
}

bool disturbed(const char **name)
{
    const char *struck = thunks.struck;

    thunks.how = UNDISTURBED;
    if (name)
        *name = struck;
    return struck != NULL;
}

int64_t disturbed_deadline(void)
{
    int64_t number = thunks.deadline;

    thunks.deadline = 0;
    return number;
}

static bool is_now(enum disturbance how, atomic_uint *row)
{
    unsigned number = atomic_fetch_add(row, 1) + 1;

    return thunks.how == (int)how && number == thunks.number;
}

bool disturb_malloc(void)
{
    if (!is_now(FAIL_MALLOC, &thunks.mallocs))
        return false;
    thunks.struck = "malloc";
    return true;
}

#if HAVE_THUNKS
static pb_status failing_status;
static char failing_sentence[200];

static pb_status fail_now(void)
{
    return pb_fail(failing_status, "%s", failing_sentence);
}

static void *fail_allocation(void)
{
    (void)pb_fail(PB_NO_MEMORY, "conform: this allocation fails");
    return NULL;
}

static void end_the_task(unsigned index)
{
    thunks.struck = about[index].name;
    if (thunks.how == CANCEL)
        task_cancel(task_current(), "conform cancels this task");
    else
        thunks.deadline = pb_deadline_begin(1);
}

const void *thunk_before(unsigned index);

/* Where to go on with this call. On any thread of the plugin. */
const void *thunk_before(unsigned index)
{
    const void *const *functions = (const void *const *)(const void *)&host_table.alloc;
    const void *go_on = functions[index];

    if (thunks.of[index].allocates) {
        if (!is_now(FAIL_ALLOCATION, &thunks.allocations))
            return go_on;
        thunks.struck = about[index].name;
        return (const void *)(uintptr_t)fail_allocation;
    }
    if (thunks.of[index].fails && is_now(FAIL_CALL, &thunks.calls)) {
        thunks.struck = about[index].name;
        failing_status = thunks.of[index].status;
        (void)snprintf(failing_sentence, sizeof failing_sentence,
                       "conform: host call %u (pb_%s) fails", thunks.number, about[index].name);
        return (const void *)(uintptr_t)fail_now;
    }
    if (thunks.of[index].parks && task_current() &&
        (is_now(CANCEL, &thunks.parking) ||
         (thunks.how == TIME_OUT && thunks.parking == thunks.number && !thunks.struck)))
        end_the_task(index);
    return go_on;
}

#define DECLARE(level, result, name, arguments) result conform_thunk_##name arguments;
PB_HOST_API(DECLARE)
#undef DECLARE
#endif

void thunks_put(const pb_plugin *plugin)
{
    for (unsigned i = 0; i < INDEXES; i++) {
        const char *name = about[i].name;
        thunks.of[i].allocates = is_in(allocators, name);
        thunks.of[i].fails = about[i].status && !is_in(never_fail, name);
        thunks.of[i].parks = is_in(may_park, name);
        thunks.of[i].status = PB_UNAVAILABLE;
        for (size_t k = 0; k < sizeof own_failures / sizeof *own_failures; k++)
            if (is_in(own_failures[k].names, name))
                thunks.of[i].status = own_failures[k].status;
    }
#if HAVE_THUNKS
    thunks.table = (pb_host){.size = sizeof(pb_host),
                             .level = PB_API_LEVEL,
#define MEMBER(api_level, result, name, arguments) .name = conform_thunk_##name,
                             PB_HOST_API(MEMBER)
#undef MEMBER
    };
    *plugin->host = &thunks.table;
#else
    (void)plugin;
#endif
}
