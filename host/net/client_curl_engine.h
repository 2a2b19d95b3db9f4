/* client_curl_engine.h - the table between client_curl.c and its engine, patchbay-curl.so.
 *
 * The engine knows libcurl and nothing of the host: sockets, timer and events go through callbacks.
 * All on the loop's thread.
 */
#ifndef HOST_NET_CLIENT_CURL_ENGINE_H
#define HOST_NET_CLIENT_CURL_ENGINE_H

#include <patchbay/types.h>
#include <sys/socket.h>

enum { CURL_ENGINE_VERSION = 1, CURL_SENTENCE_SIZE = 256 };
#define CURL_ENGINE_SYMBOL "patchbay_curl_engine"

struct curl_transfer;

enum curl_verdict { CURL_TAKEN, CURL_LATER, CURL_STOP };

/* What a transfer tells. `arg` is the request's. */
struct curl_events {
    /* One header; the first of an answer comes with `fresh`. False: give up. */
    bool (*header)(void *arg, pb_str name, pb_str value, bool fresh);
    bool (*header_done)(void *arg, int32_t status);
    enum curl_verdict (*body)(void *arg, pb_str bytes);
    /* The end, once. PB_OK, or what failed with libcurl's sentence. */
    void (*done)(void *arg, pb_status status, const char *sentence);
};

struct curl_request {
    const char *method, *url, *proxy, *ca_file; /* proxy and ca_file may be NULL */
    const char *const *headers;                 /* "Name: value", NULL at the end */
    const char *agent;
    pb_str body;       /* copied */
    long connect_ms;   /* to connect and shake hands */
    bool public_only;
    void *arg;
};

/* What the engine needs. `fd` is watched for reading (1) and writing (2), 0: no more. */
struct curl_host {
    void (*watch)(int fd, int events);
    void (*timer)(long ms); /* -1: none */
    bool (*is_public)(const struct sockaddr *address);
    struct curl_events events;
};

struct curl_engine {
    uint32_t version;
    uint32_t size;
    bool (*start)(const struct curl_host *host);
    struct curl_transfer *(*begin)(const struct curl_request *request);
    void (*resume)(struct curl_transfer *transfer);
    uint64_t (*sent)(struct curl_transfer *transfer); /* bytes of the request's body */
    void (*end)(struct curl_transfer *transfer);      /* also in the middle; frees it */
    void (*ready)(int fd, int events);                /* a watched descriptor */
    void (*fired)(void);                              /* the timer */
    void (*stop)(void);
};

#endif
