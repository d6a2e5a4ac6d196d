// The door to libmicrohttpd: short answers to GET, on a thread of the library's own.

#pragma once

#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

#pragma clang assume_nonnull begin

// What a server bears, so that clients which do nothing, or too much, harm nobody else.
enum {
    // Connections at a time; more wait.
    CHTTP_CONNECTIONS_MAX = 64,
    // Connections of one address at a time; more are turned away.
    CHTTP_CONNECTIONS_PER_ADDRESS_MAX = 16,
    // Seconds after which a silent connection is closed.
    CHTTP_SILENCE_MAX = 3,
    // Bytes that a request and what is needed to read it may take.
    CHTTP_REQUEST_MAX = 8192,
};

typedef struct chttp_server chttp_server;

// Answers a path: the body as JSON, made by malloc (the door frees it), and the status. Called on
// the server's thread.
typedef char *_Nullable (*chttp_answer)(void *context, const char *path, int *status);

// Listens on a numeric address, on any free port if that is 0, and answers GET and HEAD from then
// on. Returns 0 and the server, or an error number.
int chttp_start(
    const char *host, uint16_t port, chttp_answer answer, void *context,
    chttp_server *_Nullable *_Nonnull server);

// The port it listens on.
uint16_t chttp_port(const chttp_server *server);

// Ends all connections and the thread; nothing is answered after it.
void chttp_stop(chttp_server *server);

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
