/* test_hostile.c - garbage on control.sock and on a worker's socket disturbs nobody and leaks
 * nothing. */
#include "cluster/run_dir.h"
#include "hub_role.h"

enum { HEAD = 40, BEHIND_VERSION = 6 };

static struct child hub, witness;

static void begin(void)
{
    fresh_run_dir();
    hub = start_hub();
    witness = start("node");
    hear_exactly(&witness, "joined guest");
    ask(&witness, "bus subscribe news", "subscribed");
    ask(&witness, "ask nothing", "answers 0");
}

static int descriptors(void)
{
    say(&hub, "descriptors");
    return atoi(hear(&hub));
}

/* Until the hub has cut us; what it says before is of no interest. */
static void until_cut(int fd)
{
    struct message message;

    while (message_receive(fd, &message) == MESSAGE_GOT)
        if (message.fd >= 0)
            close(message.fd);
    close(fd);
}

static void finish(void)
{
    say(&witness, "shared open bank 0 1");
    const char *heard = hear(&witness);
    while (strcmp(heard, "gap") == 0) /* anybody may say that something was lost */
        heard = hear(&witness);
    ck_assert_str_eq(heard, "opened");
    say(&hub, "publish news fine");
    hear_exactly(&witness, "bus news fine");
    end(&witness);
    hear_word(&hub, "gone peer");
    end(&hub);
    remove_run_dir();
}

/* The bytes of a message as they travel. */
static size_t bytes_of(const struct message *message, char *out, size_t size)
{
    int ends[2];

    ck_assert(message_pair(ends));
    ck_assert(message_send(ends[0], message));
    ssize_t got = recv(ends[1], out, size, 0);
    close(ends[0]);
    close(ends[1]);
    return (size_t)got;
}

static const struct message hello = {
    .kind = MESSAGE_HELLO, .a = HUB_GUEST, .name = PB_LIT("guest"), .fd = -1};

START_TEST(garbage_is_cut)
{
    static const size_t sizes[] = {1, 7, HEAD - 1, HEAD, HEAD + 1, 4096, 59990};
    char *noise = malloc(60000);
    int before = descriptors();

    for (size_t i = 0; i < 60000; i++)
        noise[i] = (char)(i * 2654435761u >> 13);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int fd = run_dir_connect(run_dir, true);
            ck_assert_int_ge(fd, 0);
            if (round > 0) { /* as a guest that goes mad */
                ck_assert(message_send(fd, &hello));
            }
            ck_assert_int_eq(send(fd, noise + round, sizes[i], 0), (ssize_t)sizes[i]);
            until_cut(fd);
            if (round > 0)
                hear_word(&hub, "gone peer");
        }
    free(noise);
    ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(every_broken_byte_of_a_message_is_survived)
{
    char text[256], broken[256];
    size_t size = bytes_of(&hello, text, sizeof text);
    int before = descriptors();

    for (size_t at = 0; at < size; at++) {
        int fd = run_dir_connect(run_dir, true);
        memcpy(broken, text, size);
        broken[at] = (char)(broken[at] ^ 0x55);
        ck_assert_int_eq(send(fd, broken, size, 0), (ssize_t)size);
        shutdown(fd, SHUT_WR); /* one that is still a hello ends here */
        until_cut(fd);
    }
    for (size_t cut = 1; cut < size; cut++) {
        int fd = run_dir_connect(run_dir, true);
        ck_assert_int_eq(send(fd, text, cut, 0), (ssize_t)cut);
        until_cut(fd);
    }
    while (true) { /* those that were guests are gone when their number is known again */
        say(&hub, "descriptors");
        const char *heard = hear(&hub);
        while (strncmp(heard, "gone", 4) == 0 || strncmp(heard, "a command", 9) == 0)
            heard = hear(&hub);
        if (atoi(heard) == before)
            break;
    }
}
END_TEST

START_TEST(another_version_is_turned_away)
{
    char text[256];
    size_t size = bytes_of(&hello, text, sizeof text);
    int fd = run_dir_connect(run_dir, true);

    ck_assert_int_eq(text[4], MESSAGE_VERSION);
    text[4] = MESSAGE_VERSION + 1;
    ck_assert_int_eq(send(fd, text, size, 0), (ssize_t)size);
    until_cut(fd);
}
END_TEST

/* A whole hello with `count` descriptors. */
static void send_descriptors(int fd, int count)
{
    char text[256];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * 64)];
    } control = {0};
    struct iovec part = {text, bytes_of(&hello, text, sizeof text)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);

    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    for (int i = 0; i < count; i++)
        memcpy(CMSG_DATA(item) + (size_t)i * sizeof(int), &(int){2}, sizeof(int));
    ck_assert_int_gt(sendmsg(fd, &header, 0), 0);
}

START_TEST(too_many_descriptors_are_closed)
{
    int before = descriptors();

    for (int count = 2; count <= 64; count *= 2) {
        int fd = run_dir_connect(run_dir, true);
        send_descriptors(fd, count);
        until_cut(fd);
    }
    ck_assert_int_eq(descriptors(), before);
    int fd = run_dir_connect(run_dir, true);
    send_descriptors(fd, 1); /* one that nobody wants */
    struct message message;
    ck_assert_int_eq(message_receive(fd, &message), MESSAGE_GOT);
    close(message.fd);
    ck_assert_int_eq(descriptors(), before + 1); /* ours only */
    close(fd);
    hear_word(&hub, "gone peer");
}
END_TEST

/* Every kind of message, with odd sizes and numbers and a descriptor that fits nothing. */
START_TEST(odd_messages_of_a_guest_are_survived)
{
    static char long_text[MESSAGE_TEXT];
    const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1 << 20};
    int before = descriptors();

    memset(long_text, 'x', sizeof long_text);
    for (int kind = 0; kind < MESSAGE_KINDS; kind++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            int fd = run_dir_connect(run_dir, true);
            struct message odd = {.kind = (uint16_t)kind,
                                  .number = 5,
                                  .a = numbers[i],
                                  .b = numbers[(i + 2) % 6],
                                  .name = pb_str_make(long_text, i % 2 ? 300 : 0),
                                  .body = pb_str_make(long_text, i % 3 ? 0 : 100000),
                                  .fd = i % 2 ? 2 : -1};
            ck_assert(message_send(fd, &hello));
            (void)message_send(fd, &odd);
            odd.name = pb_str_make("short", 5);
            (void)message_send(fd, &odd);
            shutdown(fd, SHUT_WR);
            until_cut(fd);
            hear_word(&hub, "gone peer");
        }
    ck_assert_int_eq(descriptors(), before + 1); /* shared memory "short" was a fair wish */
}
END_TEST

START_TEST(one_that_does_not_read_is_cut_and_holds_nobody_up)
{
    struct message question = {
        .kind = MESSAGE_ASK, .name = PB_LIT("echo"), .body = PB_LIT("big"), .fd = -1};
    struct child worker = start_worker(&hub, 1);
    int before = descriptors(), fd = run_dir_connect(run_dir, true);

    ck_assert(message_send(fd, &hello));
    for (int i = 0; i < 400; i++) {
        question.number = (uint64_t)i;
        if (!message_send(fd, &question))
            break;
        if (i % 50 == 0) { /* answered behind the 50 before: the worker keeps up */
            ask(&witness, "ask hello", "answer 1 says hello");
            hear_exactly(&witness, "answers 1");
        }
    }
    hear_word(&hub, "gone peer"); /* 32 MB waited for it: enough */
    ask(&witness, "ask hello", "answer 1 says hello");
    hear_exactly(&witness, "answers 1");
    close(fd);
    ck_assert_int_eq(descriptors(), before);
    end(&worker);
    hear_exactly(&hub, "ended 1");
}
END_TEST

/* A worker that is cut comes back by itself; nobody is told, nothing changes. */
START_TEST(a_worker_that_is_cut_comes_back)
{
    static char text[MESSAGE_TEXT];
    struct message question = {
        .kind = MESSAGE_ASK, .name = PB_LIT("other"), .body = {text, 128 << 10}, .fd = -1};
    struct child worker = start_worker(&hub, 1);
    int fd = run_dir_connect(run_dir, true);

    say(&worker, "listen web 127.0.0.1:0");
    int port = atoi(hear_word(&worker, "port "));
    ask(&worker, "bus subscribe news", "subscribed");
    say(&worker, "lease take poller 0");
    hear_word(&worker, "token ");
    kill(worker.pid, SIGSTOP);
    ck_assert(message_send(fd, &hello));
    for (int i = 0; i < 300; i++) {
        question.number = (uint64_t)i;
        ck_assert(message_send(fd, &question));
    }
    say(&witness, "lease wait poller 0");
    hear_word(&witness, "token "); /* lost with its socket */
    kill(worker.pid, SIGCONT);
    hear_exactly(&worker, "disconnected");
    const char *heard = hear(&worker);
    while (strcmp(heard, "reconnected") != 0) {
        ck_assert_str_eq(heard, "gap");
        heard = hear(&worker);
    }
    say(&worker, "listen web 127.0.0.1:0");
    heard = hear(&worker);
    while (strcmp(heard, "gap") == 0)
        heard = hear(&worker);
    ck_assert_int_eq(atoi(heard + strlen("port ")), port);
    ask(&worker, "lease held poller 0", "lost");
    say(&hub, "publish news again");
    hear_exactly(&worker, "bus news again");
    hear_exactly(&witness, "bus news again");
    close(fd);
    hear_word(&hub, "gone peer");
    end(&worker);
    hear_exactly(&hub, "ended 1");
}
END_TEST

START_TEST(strangers_that_say_nothing_are_few)
{
    int fds[64], before = descriptors();
    char byte;

    for (int i = 0; i < 64; i++)
        fds[i] = run_dir_connect(run_dir, true);
    while (descriptors() < before + 64)
        ;
    int one_more = run_dir_connect(run_dir, true);
    ck_assert_int_eq(recv(one_more, &byte, 1, 0), 0); /* turned away at once */
    close(one_more);
    ask(&hub, "advance 6000", "advanced");
    for (int i = 0; i < 64; i++) { /* the others in the end */
        ck_assert_int_eq(recv(fds[i], &byte, 1, 0), 0);
        close(fds[i]);
    }
    ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(a_false_orphan_takes_no_cell_of_another)
{
    struct child worker = start_worker(&hub, 1);
    struct message_hello body = {.slot = 1, .generation = 1, .cell = 0, .ready = 1};
    struct message orphan = {.kind = MESSAGE_HELLO,
                             .a = HUB_WORKER,
                             .name = PB_LIT("x"),
                             .body = pb_str_make((const char *)&body, sizeof body),
                             .fd = 2};
    int fd = run_dir_connect(run_dir, true);

    say(&worker, "node ready");
    hear_word(&hub, "ready 1");
    ck_assert(message_send(fd, &orphan));
    ck_assert(message_send(fd, &(struct message){.kind = MESSAGE_ANNOUNCED, .fd = -1}));
    struct message message;
    ck_assert_int_eq(message_receive(fd, &message), MESSAGE_GOT);
    ck_assert_int_eq(message.kind, MESSAGE_WELCOME);
    ck_assert_int_eq(message.a, 1); /* cell 0 is the worker's */
    close(message.fd);
    hear_word(&hub, "adopted 1 of 1");
    orphan.body.size--;
    int other = run_dir_connect(run_dir, true);
    ck_assert(message_send(other, &orphan));
    until_cut(other);
    ask(&worker, "node connections 5", "fewest 5");
    close(fd); /* the hub sees that the test itself lives on, and waits */
    end(&worker);
    hear_exactly(&hub, "ended 1");
}
END_TEST

static int run_tests(void)
{
    return suite_run_cases(
        "hostile",
        (TCase *const[]){
            suite_case("hostile", begin, finish,
                       (const TTest *const[]){
                           garbage_is_cut, every_broken_byte_of_a_message_is_survived,
                           another_version_is_turned_away, too_many_descriptors_are_closed,
                           odd_messages_of_a_guest_are_survived,
                           one_that_does_not_read_is_cut_and_holds_nobody_up,
                           a_worker_that_is_cut_comes_back, strangers_that_say_nothing_are_few,
                           a_false_orphan_takes_no_cell_of_another, NULL}),
            NULL});
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, run_tests);
}
