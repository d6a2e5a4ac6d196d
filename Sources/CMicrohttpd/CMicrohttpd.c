// libmicrohttpd behind a C interface without variadic functions.

#define _GNU_SOURCE
#include "CMicrohttpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct chttp_server {
    struct MHD_Daemon *daemon;
    chttp_answer answer;
    void *context;
    uint16_t port;
};

// Answers once and closes: whoever asks every few seconds needs no connection that stays.
static enum MHD_Result respond(struct MHD_Connection *connection, int status, char *body) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(
    void *context, struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **request) {
    (void)version;
    (void)upload;
    struct chttp_server *server = context;
    // The first call comes with the headers, the second when the request is whole.
    static char whole;
    if (*request == NULL) {
        *request = &whole;
        if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
            return MHD_YES;
        char *body = strdup("{\"error\":\"ask with GET\"}\n");
        return body == NULL ? MHD_NO : respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, body);
    }
    // A question has no body; the connection is closed.
    if (*upload_size != 0) return MHD_NO;
    int status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    char *body = server->answer(server->context, path, &status);
    return body == NULL ? MHD_NO : respond(connection, status, body);
}

// Sockets are our own, for the library does not say why it could not listen.
static int listen_on(const struct addrinfo *address, uint16_t *port) {
    int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int descriptor = socket(address->ai_family, type, 0);
    if (descriptor < 0) return -errno;
    // Not held up by the connections of the process before.
    int yes = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) != 0
        || listen(descriptor, CHTTP_CONNECTIONS_MAX) != 0
        || getsockname(descriptor, (struct sockaddr *)&bound, &length) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    // The port stands at the same place in both kinds of address.
    *port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return descriptor;
}

static int open_socket(const char *host, uint16_t port, uint16_t *bound) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo wish = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    if (getaddrinfo(host, service, &wish, &address) != 0) return -EADDRNOTAVAIL;
    int descriptor = listen_on(address, bound);
    freeaddrinfo(address);
    return descriptor;
}

int chttp_start(
    const char *host, uint16_t port, chttp_answer answer, void *context, chttp_server **server) {
    struct chttp_server *made = calloc(1, sizeof *made);
    if (made == NULL) return ENOMEM;
    made->answer = answer;
    made->context = context;
    int descriptor = open_socket(host, port, &made->port);
    if (descriptor < 0) {
        free(made);
        return -descriptor;
    }
    // The new thread inherits what is blocked here: signals are for the main thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    made->daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, on_request, made,
        MHD_OPTION_LISTEN_SOCKET, (MHD_socket)descriptor,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CHTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CHTTP_CONNECTIONS_PER_ADDRESS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CHTTP_SILENCE_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CHTTP_REQUEST_MAX,
        MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (made->daemon == NULL) {
        free(made);
        return EAGAIN;
    }
    *server = made;
    return 0;
}

uint16_t chttp_port(const chttp_server *server) { return server->port; }

void chttp_stop(chttp_server *server) {
    MHD_stop_daemon(server->daemon);
    free(server);
}
