/* The scanner: a real clamd with signatures of our own, where it is installed; and a server in its
 * place that behaves badly. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/classifier.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_clamav;

static pb_harness *harness;
static char folder[] = "/tmp/patchbay-clamav-XXXXXX", path[108];
static pid_t server;
static pb_classify_request request;
static char found[200], sentence[1100];

static void open_scanner(const char *options)
{
    char yaml[600];

    (void)snprintf(yaml, sizeof yaml, "classifiers: {viruses: {use: clamav, socket: \"%s\"%s}}\n",
                   path, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_clamav);
    pb_harness_virtual_time(harness, false);
}

static pb_status classify_on_task(void *arg)
{
    pb_labels labels = {.size = sizeof labels};

    (void)arg;
    found[0] = '\0';
    pb_status status =
        pb_classify(pb_harness_instance(harness, "classifier", "viruses"), &request, &labels);
    if (status == PB_OK && labels.count)
        (void)snprintf(found, sizeof found, "%.*s %g %lld", PB_ARG(labels.items[0]->name),
                       labels.items[0]->score, (long long)labels.items[0]->offset);
    return status;
}

static pb_status scan(const char *bytes, size_t size)
{
    pb_str why;

    request =
        (pb_classify_request){.size = sizeof request, .bytes = {(const uint8_t *)bytes, size}};
    pb_status status = pb_harness_run(harness, classify_on_task, NULL, &why);
    (void)snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(why));
    return status;
}

#define refuses(got, status, part)                                                                 \
    do {                                                                                           \
        pb_status refused_ = (got);                                                                \
        ck_assert_msg(refused_ == (status) && strstr(sentence, part), "%s: '%s', not '%s'",        \
                      pb_status_name(refused_), sentence, part);                                   \
    } while (0)

static bool healthy(void)
{
    pb_content answer = pb_harness_call(harness, "GET", "/readyz", NULL, NULL);

    return answer.status == 200;
}

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/clamd", folder);
}

static void end(void)
{
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    server = 0;
    if (harness)
        pb_harness_free(harness);
    harness = NULL;
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- the real one -------------------------------------------------------------------------------
 */

static void write_file(const char *name, const char *text)
{
    char file_path[300];

    (void)snprintf(file_path, sizeof file_path, "%s/%s", folder, name);
    FILE *file = fopen(file_path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

/* In two pieces, so that nothing that scans this file finds it. */
static const char *eicar(void)
{
    static char text[80];

    (void)snprintf(text, sizeof text, "%s%s", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN",
                   "DARD-ANTIVIRUS-TEST-FILE!$H+H*");
    return text;
}

static bool reachable(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    bool yes = connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to) == 0;
    (void)close(fd);
    return yes;
}

static void start_clamd(void)
{
    char config[1000], signatures[400], hex[200], config_path[300];
    const char *text = eicar();

    for (size_t i = 0; text[i]; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
    (void)snprintf(signatures, sizeof signatures, "Test.Eicar:0:*:%s\n", hex);
    write_file("own.ndb", signatures);
    (void)snprintf(config, sizeof config,
                   "LocalSocket %s\nDatabaseDirectory %s\nForeground yes\nStreamMaxLength 1M\n"
                   "PidFile %s/pid\n",
                   path, folder, folder);
    write_file("clamd.conf", config);
    (void)snprintf(config_path, sizeof config_path, "--config-file=%s/clamd.conf", folder);
    server = fork();
    if (server == 0) {
        if (freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr))
            execl("/usr/sbin/clamd", "clamd", config_path, (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 1200 && !reachable(); tries++) {
        ck_assert_msg(waitpid(server, NULL, WNOHANG) == 0, "clamd ended");
        (void)poll(NULL, 0, 50);
    }
}

START_TEST(a_real_clamd_finds_what_it_knows)
{
    char *large = calloc(1, 3 << 20);

    make_folder();
    start_clamd();
    open_scanner("");
    ck_assert(healthy());
    ck_assert_int_eq(scan("harmless words", 14), PB_OK);
    ck_assert_str_eq(found, "");
    ck_assert_int_eq(scan(eicar(), strlen(eicar())), PB_OK);
    ck_assert_ptr_nonnull(strstr(found, "Eicar"));
    ck_assert_ptr_nonnull(strstr(found, " 1 -1"));
    ck_assert_int_eq(scan("", 0), PB_OK);
    /* Over StreamMaxLength it answers and hangs up while we still send. */
    refuses(scan(large, 3 << 20), PB_TOO_LARGE, "too large to be scanned");
    ck_assert_int_eq(scan(large, 1 << 19), PB_OK); /* and it goes on working */
    end();
    free(large);
}
END_TEST

/* --- a bad one ----------------------------------------------------------------------------------
 */

static int listen_there(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)(const void *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(fd, 10), 0);
    return fd;
}

/* Reads up to `least` bytes of each connection, answers with `size` bytes and hangs up; with NULL
 * it never answers. */
static void start_bad(size_t least, const char *answer, size_t size)
{
    int fd = listen_there();

    server = fork();
    for (int peer; server == 0 && (peer = accept(fd, NULL, NULL)) >= 0;) {
        static char bytes[65536];
        for (size_t got = 0; got < least;) {
            ssize_t more = read(peer, bytes, sizeof bytes);
            if (more <= 0)
                break;
            got += (size_t)more;
        }
        if (!answer)
            continue; /* and keeps it open */
        if (write(peer, answer, size) < 0)
            _exit(1);
        (void)close(peer);
    }
    if (server == 0)
        _exit(0);
    (void)close(fd);
}

START_TEST(nobody_there)
{
    make_folder();
    open_scanner("");
    refuses(scan("x", 1), PB_UNAVAILABLE, "cannot be reached");
    ck_assert(!healthy());
    end();
}
END_TEST

START_TEST(it_never_answers)
{
    make_folder();
    start_bad(1, NULL, 0);
    open_scanner(", timeout: 200ms");
    refuses(scan("x", 1), PB_TIMEOUT, "did not answer within 200 ms");
    end();
}
END_TEST

START_TEST(it_hangs_up)
{
    char *large = calloc(1, 4 << 20);

    make_folder();
    start_bad(1, "", 0);
    open_scanner("");
    refuses(scan(large, 4 << 20), PB_UNAVAILABLE, "without an answer");
    ck_assert(!healthy());
    end();
    free(large);
}
END_TEST

START_TEST(it_says_odd_things)
{
    static char endless[5000];

    memset(endless, 'x', sizeof endless);
    make_folder();
    start_bad(1, endless, sizeof endless);
    open_scanner("");
    refuses(scan("x", 1), PB_BAD_UPSTREAM, "could not scan");
    ck_assert(!healthy());
    end();
}
END_TEST

START_TEST(too_large_is_refused_or_passed)
{
    make_folder();
    open_scanner(", max_size: 4B");
    refuses(scan("12345", 5), PB_TOO_LARGE, "too large to be scanned");
    end();
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    make_folder();
    open_scanner(", max_size: 4B, oversize: pass");
    ck_assert_int_eq(scan("12345", 5), PB_OK);
    end();
}
END_TEST

START_TEST(over_tcp_a_host_is_looked_up)
{
    make_folder();
    open_scanner(", host: 127.0.0.1, port: 1, timeout: 2s"); /* nobody listens there */
    refuses(scan("x", 1), PB_UNAVAILABLE, "('127.0.0.1', port 1)");
    end();
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {"test.yaml:2:28: classifiers.a.socket: a path that begins",
                                         "test.yaml:3:6: classifiers.b: give the path", NULL};

    pb_harness_refuse("classifiers:\n"
                      "  a: {use: clamav, socket: \"there\"}\n"
                      "  b: {use: clamav, socket: \"\"}\n",
                      (const pb_plugin *const[]){&patchbay_plugin_clamav, NULL}, wanted);
}
END_TEST

int main(void)
{
    bool real = access("/usr/sbin/clamd", X_OK) == 0;
    int failed = suite_run(
        "clamav", (const TTest *const[]){nobody_there, it_never_answers, it_hangs_up,
                                         it_says_odd_things, too_large_is_refused_or_passed,
                                         over_tcp_a_host_is_looked_up, problems_have_their_line,
                                         real ? a_real_clamd_finds_what_it_knows : NULL, NULL});

    if (!real)
        printf("SKIPPED: clamd is not installed (apt install clamav-daemon)\n");
    return failed || real ? failed : 77;
}
