/* test_hub.c - one hub a folder, its workers, listeners, questions and commands. */
#include "cluster/identity.h"
#include "cluster/run_dir.h"
#include "hub_role.h"
#include <arpa/inet.h>
#include <netinet/in.h>

/* A connection to a port of this machine; is it accepted by the kernel? */
static int connect_to(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

START_TEST(a_folder_has_one_hub)
{
    struct child hub = start_hub(), second = start("hub");
    char expected[256];
    struct stat stat_folder, stat_socket;
    char path[320];

    snprintf(expected, sizeof expected, "conflict: a server runs already on %.100s (process %d)",
             run_dir, (int)hub.pid);
    hear_exactly(&second, expected);
    hear_exactly(&second, "");
    snprintf(path, sizeof path, "%s/control.sock", run_dir);
    ck_assert_int_eq(stat(run_dir, &stat_folder), 0);
    ck_assert_int_eq(stat_folder.st_mode & 0777, 0700);
    ck_assert_int_eq(stat(path, &stat_socket), 0);
    ck_assert_int_eq(stat_socket.st_mode & 0777, 0600);
    end(&hub);
    ck_assert_int_ne(stat(path, &stat_socket), 0);
    hub = start_hub();
    end(&hub);
}
END_TEST

/* A child between fork and exec has all descriptors of its parent, but not its lock. */
START_TEST(a_child_does_not_keep_the_lock)
{
    int lock, ends[2];
    char byte;

    ck_assert(message_pair(ends));
    pid_t parent = fork();
    if (parent == 0) {
        if (run_dir_lock(run_dir, &lock) != PB_OK)
            _exit(1);
        if (fork() == 0)
            (void)!read(ends[1], &byte, 1); /* until the test says so */
        else
            (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    waitpid(parent, NULL, 0);
    struct child hub = start_hub();
    end(&hub);
    ck_assert_int_eq(write(ends[0], "x", 1), 1);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_long_folder_serves_too)
{
    char folder[sizeof run_dir], deep[sizeof run_dir];

    memcpy(folder, run_dir, sizeof run_dir);
    snprintf(deep, sizeof deep, "%.100s/%080d", folder, 1);
    snprintf(run_dir, sizeof run_dir, "%.200s/b", deep);
    struct child hub = start_hub(), guest = start("node");
    hear_exactly(&guest, "joined guest");
    end(&guest);
    end(&hub);
    remove_run_dir();
    rmdir(deep);
    memcpy(run_dir, folder, sizeof run_dir);
}
END_TEST

START_TEST(a_worker_tells_and_is_told)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);

    say(&one, "node ready");
    hear_exactly(&hub, "ready 1 as stage 'b' in main");
    say(&two, "node ready");
    hear_exactly(&hub, "ready 2 as stage 'b' in main");
    ask(&one, "node connections 5", "fewest 0");
    ask(&two, "node connections 7", "fewest 5");
    ask(&one, "node quarantined main", "no");
    ask(&hub, "quarantine main", "quarantined");
    ask(&one, "node quarantined main", "main does not serve");
    ask(&two, "node quarantined other", "no");
    say(&hub, "order 1 0");
    hear_exactly(&one, "drain");
    say(&hub, "order 2 1");
    hear_exactly(&two, "retire");
    say(&one, "node drained");
    hear_exactly(&hub, "drained 1");
    ask(&one, "bus subscribe cluster.gone", "subscribed");
    ask(&one, "ask nothing", "answers 0");
    say(&two, "node id");
    char id[80], expected[160];
    snprintf(id, sizeof id, "%.63s", hear(&two));
    ck_assert(identity_alive(pb_str_of(id)));
    say(&two, "node failed"); /* its last words count, although it kills itself */
    hear_exactly(&hub, "failed 2: the config is odd");
    hear_exactly(&hub, "ended 2");
    snprintf(expected, sizeof expected, "bus cluster.gone %s", id);
    hear_exactly(&one, expected);
    ck_assert(!identity_alive(pb_str_of(id)));
    end(&one);
    end(&hub);
}
END_TEST

START_TEST(workers_share_their_listeners)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    char text[64], again[64];

    say(&one, "listen web 127.0.0.1:0");
    int port = atoi(hear_word(&one, "port "));
    snprintf(again, sizeof again, "port %d", port);
    ask(&two, "listen web 127.0.0.1:0", again);
    say(&two, "listen other 127.0.0.1:0");
    ck_assert_int_ne(atoi(hear_word(&two, "port ")), port);
    snprintf(text, sizeof text, "listen web 127.0.0.1:%d", port); /* held, but under port 0 */
    say(&one, text);
    hear_word(&one, "conflict: 127.0.0.1:");
    ask(&one, "listen x nonsense",
        "invalid: 'nonsense' is no address; write it as 127.0.0.1:8080, "
        "[::1]:8080, unix:/path/to.sock or systemd:NAME");
    int client = connect_to(port);
    ck_assert_int_ge(client, 0);
    ask(&two, "accept 0", "accepted");
    close(client);
    kill_child(&one);
    hear_exactly(&hub, "ended 1");
    ask(&hub, "forget", "forgotten");
    client = connect_to(port); /* the other wants it */
    ck_assert_int_ge(client, 0);
    close(client);
    end(&two);
    hear_exactly(&hub, "ended 2");
    ask(&hub, "forget", "forgotten");
    ck_assert_int_lt(connect_to(port), 0);
    struct child guest = start("node");
    hear_exactly(&guest, "joined guest");
    say(&guest, "listen web 127.0.0.1:0"); /* a guest has its own */
    hear_word(&guest, "port ");
    end(&guest);
    end(&hub);
}
END_TEST

START_TEST(a_fixed_port_is_one_listener_whatever_its_key)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    char text[64], answer[64];

    int probe = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    bind(probe, (struct sockaddr *)&at, sizeof at);
    getsockname(probe, (struct sockaddr *)&at, &size);
    close(probe); /* free a moment ago */
    snprintf(text, sizeof text, "listen old 127.0.0.1:%d", ntohs(at.sin_port));
    snprintf(answer, sizeof answer, "port %d", ntohs(at.sin_port));
    ask(&one, text, answer);
    snprintf(text, sizeof text, "listen new 127.0.0.1:%d", ntohs(at.sin_port));
    ask(&two, text, answer); /* a renamed transport of the next generation */
    snprintf(answer, sizeof answer, "conflict: 127.0.0.1:%d is in use already", ntohs(at.sin_port));
    ask(&one, text, answer); /* two transports of one configuration */
    end(&one);
    end(&two);
    end(&hub);
}
END_TEST

START_TEST(questions_reach_all_other_workers)
{
    struct child hub = start_hub();
    struct child one = start_worker(&hub, 1), two = start_worker(&hub, 2);
    struct child three = start_worker(&hub, 3), guest = start("node");

    hear_exactly(&guest, "joined guest");
    ask(&one, "bus subscribe x", "subscribed");
    say(&one, "ask hello");
    const char *first = hear_word(&one, "answer ");
    bool two_was_first = *first == '2';
    hear_exactly(&one, two_was_first ? "answer 3 says hello" : "answer 2 says hello");
    hear_exactly(&one, "answers 2");
    say(&guest, "ask big");
    for (int i = 0; i < 3; i++)
        hear_exactly(&guest, "answer of 131072 bytes");
    hear_exactly(&guest, "answers 3");
    ask(&one, "ask nothing", "answers 0");
    say(&three, "ask hang"); /* answered by nobody, until both are dead */
    kill_child(&one);
    kill_child(&two);
    hear_exactly(&three, "answers 0");
    ask(&three, "ask hello", "answers 0"); /* there is nobody else: guests do not answer */
    end(&three);
    end(&guest);
    end(&hub);
}
END_TEST

struct heard {
    size_t size;
    int descriptors;
    char beginning[32];
};

static void hear_command(void *arg, pb_str text, int fd)
{
    struct heard *heard = arg;

    for (size_t i = 0; i < text.size && heard->size + i < sizeof heard->beginning - 1; i++)
        heard->beginning[heard->size + i] = text.data[i];
    heard->size += text.size;
    heard->descriptors += fd >= 0;
}

START_TEST(a_command_gets_its_answer)
{
    static const char *const words[] = {"reload", "now"};
    struct heard heard = {0};

    ck_assert_int_eq(hub_command(run_dir, words, 2, hear_command, &heard), -1);
    ck_assert_int_eq(host_error()->status, PB_UNAVAILABLE);
    struct child hub = start_hub();
    ck_assert_int_eq(hub_command(run_dir, words, 2, hear_command, &heard), 7);
    ck_assert_uint_eq(heard.size, 6 + 10 + 299999);
    ck_assert_int_eq(heard.descriptors, 1);
    ck_assert_int_eq(memcmp(heard.beginning, "hello reload\0nowyyy", 18), 0);
    hear_word(&hub, "gone peer");
    pid_t pid = fork();
    if (pid == 0)
        _exit(hub_command(run_dir, (const char *const[]){"later"}, 1, hear_command, &heard) == -1);
    hear_exactly(&hub, "a command waits");
    kill_child(&hub); /* the server dies before it answers */
    int status;
    waitpid(pid, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

START_TEST(without_a_folder_a_process_is_alone)
{
    char before[sizeof run_dir];

    memcpy(before, run_dir, sizeof before);
    strcpy(run_dir, "none");
    struct child alone = start("node");
    memcpy(run_dir, before, sizeof before);
    hear_exactly(&alone, "joined alone");
    ask(&alone, "bus subscribe news", "subscribed");
    say(&alone, "bus publish news hello");
    hear_exactly(&alone, "bus news hello");
    ask(&alone, "ask hello", "answers 0");
    ask(&alone, "shared open bank 0 1", "opened");
    ask(&alone, "shared add bank 0 5", "sum 5");
    say(&alone, "lease take x 0");
    hear_word(&alone, "token ");
    ask(&alone, "lease held x 0", "held");
    ask(&alone, "node connections 3", "fewest 3");
    ask(&alone, "node quarantined main", "no");
    end(&alone);
}
END_TEST

START_TEST(a_name_of_a_process_is_its_own)
{
    char id[IDENTITY_SIZE], text[80];

    ck_assert(pb_node_alive(pb_node_id()));
    ck_assert_uint_lt(pb_node_id().size, 64);
    pid_t pid = fork();
    if (pid == 0)
        pause();
    ck_assert(identity_of(pid, id));
    ck_assert(pb_node_alive(pb_str_of(id)));
    snprintf(text, sizeof text, "%d-1-%s", (int)pid, strrchr(id, '-') + 1);
    ck_assert(!pb_node_alive(pb_str_of(text))); /* the number is used again: another process */
    snprintf(text, sizeof text, "%.*s-00000000", (int)(strrchr(id, '-') - id), id);
    ck_assert(!pb_node_alive(pb_str_of(text))); /* before a restart of the machine */
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    ck_assert(!pb_node_alive(pb_str_of(id))); /* a zombie */
    waitpid(pid, NULL, 0);
    ck_assert(!pb_node_alive(pb_str_of(id)));
    ck_assert(!pb_node_alive(pb_lit("")));
    ck_assert(!pb_node_alive(pb_lit("alone")));
    ck_assert(!pb_node_alive(pb_lit("99999999999999999999-1-x")));
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "hub",
        (TCase *const[]){
            suite_case(
                "hub", fresh_run_dir, remove_run_dir,
                (const TTest *const[]){
                    a_folder_has_one_hub, a_child_does_not_keep_the_lock, a_long_folder_serves_too,
                    a_worker_tells_and_is_told, workers_share_their_listeners,
                    a_fixed_port_is_one_listener_whatever_its_key,
                    questions_reach_all_other_workers, a_command_gets_its_answer,
                    without_a_folder_a_process_is_alone, a_name_of_a_process_is_its_own, NULL}),
            NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
