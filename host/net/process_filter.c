/* process_filter.c - the system calls that a confined child has: those of a program that reads,
 * computes and prints. Everything else fails with EPERM, as a program can expect of any call.
 *
 * exec is allowed for the one pair of pointers that our own call passes; the new program does not
 * have them. Runs between fork and exec.
 */
#include "net/process.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE

static const int allowed[] = {
    /* files: where to, Landlock says */
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_preadv,
    SYS_write,
    SYS_writev,
    SYS_pwrite64,
    SYS_openat,
    SYS_close,
    SYS_close_range,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_chdir,
    SYS_fchdir,
    SYS_getdents64,
    SYS_lseek,
    SYS_dup,
    SYS_dup3,
    SYS_fcntl,
    SYS_statfs,
    SYS_fstatfs,
    SYS_fadvise64,
    SYS_readahead,
    SYS_pipe2,
    SYS_sendfile,
    SYS_copy_file_range,
    SYS_umask,
    /* memory */
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_mincore,
    SYS_msync,
    SYS_membarrier,
    /* threads and time */
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_getcpu,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_times,
    SYS_getrusage,
    SYS_sysinfo,
    SYS_uname,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    SYS_setitimer,
    SYS_getitimer,
    /* who and what it is */
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getgroups,
    SYS_getpgid,
    SYS_getsid,
    SYS_getpriority,
    SYS_getrandom,
    /* its own signals, waiting */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_wait4,
    SYS_waitid,
#ifdef __x86_64__ /* the older forms, which newer machines do not have */
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_getdents,
    SYS_dup2,
    SYS_pipe,
    SYS_poll,
    SYS_select,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_eventfd,
    SYS_getrlimit,
    SYS_arch_prctl,
    SYS_time,
    SYS_getpgrp,
    SYS_alarm,
#endif
};

enum { ROOM = 640 };

struct program {
    struct sock_filter code[ROOM];
    unsigned short size;
};

static void add(struct program *program, struct sock_filter instruction)
{
    if (program->size < ROOM)
        program->code[program->size++] = instruction;
}

static void load(struct program *program, size_t offset)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void finish(struct program *program, uint32_t action)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* The number of the call is loaded: unless it is this one, `skip` instructions are skipped. */
static void unless(struct program *program, int number, uint8_t skip)
{
    add(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, skip));
}

/* Half of an argument: 0 the low one. All machines above are little-endian. */
static size_t argument(int index, int half)
{
    return offsetof(struct seccomp_data, args) + 8 * (size_t)index + 4 * (size_t)half;
}

static void refuse(struct program *program, int error)
{
    finish(program, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* Allows a call when the low half of an argument is one of these. */
static void allow_when(struct program *program, int number, int index, const uint32_t *values,
                       uint8_t count)
{
    unless(program, number, (uint8_t)(2 * count + 2));
    load(program, argument(index, 0));
    for (uint8_t i = 0; i < count; i++) {
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1));
        finish(program, SECCOMP_RET_ALLOW);
    }
    refuse(program, EPERM);
}

/* Threads, but no processes: clone with the flag. clone3 hides its flags in memory; the C library
 * falls back to clone. */
static void allow_threads(struct program *program)
{
    unless(program, SYS_clone3, 1);
    refuse(program, ENOSYS);
    unless(program, SYS_clone, 4);
    load(program, argument(0, 0));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1));
    finish(program, SECCOMP_RET_ALLOW);
    refuse(program, EPERM);
}

/* Reading limits, not setting them: the pointer to new ones is NULL. */
static void allow_limits(struct program *program)
{
    unless(program, SYS_prlimit64, 6);
    for (int half = 0; half < 2; half++) {
        load(program, argument(2, half));
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0,
                                                  (uint8_t)(half == 0 ? 3 : 1)));
    }
    finish(program, SECCOMP_RET_ALLOW);
    refuse(program, EPERM);
}

static void allow_exec(struct program *program, const uintptr_t pointers[3])
{
    unless(program, SYS_execve, 14);
    for (uint8_t i = 0; i < 6; i++) {
        load(program, argument(i / 2, i % 2));
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                  (uint32_t)(pointers[i / 2] >> (32 * (i % 2))), 0,
                                                  (uint8_t)(11 - 2 * i)));
    }
    finish(program, SECCOMP_RET_ALLOW);
    refuse(program, EPERM);
}

bool process_filter(const char *path, char *const *argv, char *const *environment)
{
    static const uint32_t names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_CAPBSET_READ,
                                     0x53564d41 /* PR_SET_VMA: names of memory */};
    static const uint32_t controls[] = {TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, TCGETS};
    const uint32_t self = (uint32_t)getpid();
    const uintptr_t exec[3] = {(uintptr_t)path, (uintptr_t)argv, (uintptr_t)environment};
    struct program program = {.size = 0};

    load(&program, offsetof(struct seccomp_data, arch));
    unless(&program, (int)ARCHITECTURE, 1);
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
    finish(&program, SECCOMP_RET_KILL_PROCESS); /* calls of another machine have other numbers */
    load(&program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        unless(&program, allowed[i], 1);
        finish(&program, SECCOMP_RET_ALLOW);
    }
    /* Each of these ends when it is the one, so the number stays loaded for the next. */
    allow_threads(&program);
    allow_limits(&program);
    allow_exec(&program, exec);
    allow_when(&program, SYS_prctl, 0, names, sizeof names / sizeof *names);
    allow_when(&program, SYS_ioctl, 1, controls, sizeof controls / sizeof *controls);
    allow_when(&program, SYS_tgkill, 0, &self, 1); /* abort() */
    refuse(&program, EPERM);

    struct sock_fprog all = {program.size, program.code};
    return program.size < ROOM && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all, 0, 0) == 0;
}

#else

bool process_filter(const char *path, char *const *argv, char *const *environment)
{
    (void)path, (void)argv, (void)environment;
    errno = ENOSYS;
    return false;
}

#endif
