/* resolver.c - see resolver.h. The loop owns the names; a job wanders from it to a thread and back
 * by loop_post. Threads are detached: one that hangs in getaddrinfo must not hold up an exit. */
#include "net/resolver.h"

#include "base/list.h"
#include "runtime/task.h"
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { THREADS = 4, NAMES = 512, STACK = 256 * 1024 };
#define KEEP_ANSWER (30 * PB_SECOND)
#define KEEP_FAILURE (1 * PB_SECOND)

struct name {
    struct list_link link;    /* the newest used first */
    struct list_link lookers; /* struct looker of the tasks that wait */
    struct resolver_answer answer;
    pb_duration until;
    int error; /* EAI_… */
    bool looking;
    size_t size;
    char text[];
};

/* The answer goes to the task at once: the name may be gone when the task runs. */
struct looker {
    struct list_link link;
    struct waiter waiter;
    struct resolver_answer *out;
    int error;
};

struct job {
    struct list_link link;
    struct name *name;
    unsigned life;
    struct resolver_answer answer;
    int error;
    char text[];
};

static struct list_link names = {&names, &names};
static size_t name_count, lookups;

/* Shared with the threads, under the mutex. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t work, ended;
    struct list_link jobs;
    int threads, idle, queued;
    unsigned life; /* counts resolver_fini: older threads and jobs end silently */
    resolver_fn *resolve;
    void (*release)(struct addrinfo *);
} shared = {.mutex = PTHREAD_MUTEX_INITIALIZER,
            .work = PTHREAD_COND_INITIALIZER,
            .ended = PTHREAD_COND_INITIALIZER,
            .jobs = {&shared.jobs, &shared.jobs}};

/* --- on the threads --------------------------------------------------------------------------- */

static int by_system(const char *name, struct addrinfo **out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    return getaddrinfo(name, NULL, &hints, out);
}

static bool fits(const struct addrinfo *info)
{
    return (info->ai_family == AF_INET && info->ai_addrlen == sizeof(struct sockaddr_in)) ||
           (info->ai_family == AF_INET6 && info->ai_addrlen == sizeof(struct sockaddr_in6));
}

/* The next of `family` (or, with `other`, of another one) at or behind `info`. */
static const struct addrinfo *next_of(const struct addrinfo *info, int family, bool other)
{
    while (info && (!fits(info) || (info->ai_family == family) == other))
        info = info->ai_next;
    return info;
}

/* Keeps the system's order of preference, but lets the two families take turns. */
static void mix(const struct addrinfo *list, struct resolver_answer *out)
{
    int family = list ? list->ai_family : 0;
    const struct addrinfo *same = next_of(list, family, false);
    const struct addrinfo *other = next_of(list, family, true);

    out->count = 0;
    while ((same || other) && out->count < RESOLVER_ADDRESSES) {
        bool turn = out->count % 2 == 0 ? same != NULL : other == NULL;
        const struct addrinfo *info = turn ? same : other;
        memset(&out->addresses[out->count], 0, sizeof out->addresses[0]);
        memcpy(&out->addresses[out->count++], info->ai_addr, info->ai_addrlen);
        if (turn)
            same = next_of(info->ai_next, family, false);
        else
            other = next_of(info->ai_next, family, true);
    }
}

static void answered(void *arg);

static void work(struct job *job, resolver_fn *resolve, void (*release)(struct addrinfo *))
{
    struct addrinfo *list = NULL;

    job->error = resolve(job->text, &list);
    if (job->error == 0) {
        mix(list, &job->answer);
        if (job->answer.count == 0)
            job->error = EAI_NONAME;
    }
    if (list)
        release(list);
}

static void *thread_main(void *arg)
{
    unsigned life = (unsigned)(uintptr_t)arg;

    pthread_mutex_lock(&shared.mutex);
    while (shared.life == life) {
        struct list_link *link = list_pop(&shared.jobs);
        if (!link) {
            shared.idle++;
            pthread_cond_wait(&shared.work, &shared.mutex);
            shared.idle--;
            continue;
        }
        struct job *job = list_entry(link, struct job, link);
        shared.queued--;
        resolver_fn *resolve = shared.resolve ? shared.resolve : by_system;
        void (*release)(struct addrinfo *) = shared.resolve ? shared.release : freeaddrinfo;
        pthread_mutex_unlock(&shared.mutex);
        work(job, resolve, release);
        pthread_mutex_lock(&shared.mutex);
        if (shared.life == life)
            loop_post(answered, job); /* under the mutex: the loop is there until resolver_fini */
        else
            free(job);
    }
    shared.threads--;
    pthread_cond_signal(&shared.ended);
    pthread_mutex_unlock(&shared.mutex);
    return NULL;
}

/* With the mutex held. Signals are the loop thread's alone. */
static bool start_thread(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    if (pthread_attr_init(&attr) != 0)
        return false;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attr, thread_main, (void *)(uintptr_t)shared.life);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error == 0)
        shared.threads++;
    return error == 0;
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void answered(void *arg)
{
    struct job *job = arg;
    struct name *name = job->name;
    struct list_link *link;

    if (job->life == shared.life) {
        name->answer = job->answer;
        name->error = job->error;
        name->until = loop_now() + (job->error ? KEEP_FAILURE : KEEP_ANSWER);
        name->looking = false;
        while ((link = list_pop(&name->lookers))) {
            struct looker *looker = list_entry(link, struct looker, link);
            *looker->out = job->answer;
            looker->error = job->error;
            waiter_wake(&looker->waiter);
        }
    }
    free(job);
}

static bool begin(struct name *name)
{
    struct job *job = calloc(1, sizeof *job + name->size + 1);

    if (!job)
        return false;
    job->name = name;
    memcpy(job->text, name->text, name->size + 1);
    list_init(&job->link);
    pthread_mutex_lock(&shared.mutex);
    job->life = shared.life;
    bool served = shared.queued < shared.idle || shared.threads >= THREADS || start_thread() ||
                  shared.threads > 0;
    if (served) {
        shared.queued++;
        list_append(&shared.jobs, &job->link);
        pthread_cond_signal(&shared.work);
    }
    pthread_mutex_unlock(&shared.mutex);
    if (!served) {
        free(job);
        return false;
    }
    lookups++;
    name->looking = true;
    return true;
}

static void forget(struct name *name)
{
    list_remove(&name->link);
    free(name);
    name_count--;
}

/* Makes room by dropping the longest unused one that nobody waits for. */
static void evict(void)
{
    for (struct list_link *at = names.prev; at != &names; at = at->prev) {
        struct name *name = list_entry(at, struct name, link);
        if (!name->looking && list_empty(&name->lookers)) {
            forget(name);
            return;
        }
    }
}

static struct name *find(pb_str text)
{
    struct name *name = NULL;

    for (struct list_link *at = names.next; at != &names; at = at->next) {
        name = list_entry(at, struct name, link);
        if (pb_str_equal(pb_str_make(name->text, name->size), text))
            break;
        name = NULL;
    }
    if (!name) {
        if (name_count >= NAMES)
            evict();
        name = calloc(1, sizeof *name + text.size + 1);
        if (!name)
            return NULL;
        memcpy(name->text, text.data, text.size);
        name->size = text.size;
        list_init(&name->link);
        list_init(&name->lookers);
        name_count++;
    }
    list_remove(&name->link);
    list_append(names.next, &name->link); /* before the first */
    return name;
}

static void with_ports(struct resolver_answer *answer, uint16_t port)
{
    for (size_t i = 0; i < answer->count; i++) {
        union resolver_address *address = &answer->addresses[i];
        if (address->any.sa_family == AF_INET)
            address->v4.sin_port = htons(port);
        else
            address->v6.sin6_port = htons(port);
    }
}

static void literal(const struct url *url, struct resolver_answer *out)
{
    char text[64] = {0};
    union resolver_address *address = &out->addresses[0];

    memset(address, 0, sizeof *address);
    memcpy(text, url->host.data, url->host.size < sizeof text ? url->host.size : sizeof text - 1);
    if (url->v4)
        uv_ip4_addr(text, url->port, &address->v4);
    else
        uv_ip6_addr(text, url->port, &address->v6);
    out->count = 1;
}

pb_status resolver_lookup(const struct url *url, pb_duration limit, struct resolver_answer *out)
{
    struct looker looker = {.out = out};

    if (url->v4 || url->v6) {
        literal(url, out);
        return PB_OK;
    }
    struct name *name = find(url->host);
    if (!name)
        return pb_fail(PB_NO_MEMORY, "there is no memory to look up '%.*s'", PB_ARG(url->host));
    if (!name->looking && name->until <= loop_now() && !begin(name))
        return pb_fail(PB_UNAVAILABLE, "no thread can be started to look up '%.*s'",
                       PB_ARG(url->host));
    if (name->looking) {
        list_init(&looker.link);
        list_append(&name->lookers, &looker.link);
        pb_status status = task_wait_for(&looker.waiter, limit);
        list_remove(&looker.link);
        if (status != PB_OK)
            return status;
    } else {
        *out = name->answer;
        looker.error = name->error;
    }
    if (looker.error == EAI_AGAIN || looker.error == EAI_SYSTEM || looker.error == EAI_MEMORY)
        return pb_fail(PB_UNAVAILABLE, "the name '%.*s' cannot be looked up now", PB_ARG(url->host));
    if (looker.error)
        return pb_fail(PB_UNAVAILABLE, "there is no host named '%.*s'", PB_ARG(url->host));
    with_ports(out, url->port);
    return PB_OK;
}

size_t resolver_lookups(void)
{
    return lookups;
}

void resolver_override(resolver_fn *resolve, void (*release)(struct addrinfo *))
{
    pthread_mutex_lock(&shared.mutex);
    shared.resolve = resolve;
    shared.release = release;
    pthread_mutex_unlock(&shared.mutex);
}

void resolver_fini(void)
{
    struct list_link *link;

    pthread_mutex_lock(&shared.mutex);
    shared.life++;
    shared.queued = 0;
    while ((link = list_pop(&shared.jobs)))
        free(list_entry(link, struct job, link));
    pthread_cond_broadcast(&shared.work);
    while (shared.idle > 0)
        pthread_cond_wait(&shared.ended, &shared.mutex);
    pthread_mutex_unlock(&shared.mutex);
    while ((link = list_pop(&names))) {
        list_append(&names, link);
        forget(list_entry(link, struct name, link));
    }
}
