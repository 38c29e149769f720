/* An HTTP/1.1 file server for benchmarks: byte ranges, keep-alive, a fixed delay for each port, and counters.
 *
 *     range_server FOLDER LATENCY_MS...
 *
 * listens on 127.0.0.1, on a free port for each latency, and prints the ports in that order on one line. Every answer
 * waits its port's latency first. GET /.counters answers {"requests": N, "bytes": N, "connections": N} and sets all
 * three to 0; `bytes` are those of bodies handed to the socket. One thread and epoll: it is never the bottleneck.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REQUEST_BYTES = 16384, MAX_HEADER_BYTES = 1024, MAX_PORTS = 16, MAX_EVENTS = 256, SEND_BYTES = 256 * 1024 };

struct connection {
    int socket;
    struct port *port;
    bool is_listener;
    char request[MAX_REQUEST_BYTES + 1];
    size_t request_bytes;
    bool is_busy;     /* an answer waits for its time or is being sent */
    bool wants_write; /* registered for EPOLLOUT */
    bool closes;      /* the client asked for no keep-alive */
    char header[MAX_HEADER_BYTES];
    size_t header_bytes, header_sent;
    int file; /* -1: no body, or a body inside `header` */
    off_t offset, left;
    double due_s;
    struct connection *next; /* in the port's queue */
};

/* All answers of a port wait equally long, so they leave in the order in which they came. */
struct port {
    int latency_ms;
    struct connection *first, *last;
};

static const char *folder;
static int epoll_fd;
static struct port ports[MAX_PORTS];
static int port_count;
static long long requests, body_bytes, connections;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void watch(struct connection *connection, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (connection->wants_write ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll_fd, operation, connection->socket, &event);
}

static void set_wants_write(struct connection *connection, bool wants_write)
{
    if (connection->wants_write != wants_write) {
        connection->wants_write = wants_write;
        watch(connection, EPOLL_CTL_MOD);
    }
}

static void drop(struct connection *connection)
{
    struct port *port = connection->port;
    struct connection *before = NULL;
    for (struct connection *one = port->first; one != NULL; before = one, one = one->next) {
        if (one == connection) {
            if (before != NULL)
                before->next = one->next;
            else
                port->first = one->next;
            if (port->last == one)
                port->last = before;
            break;
        }
    }
    if (connection->file >= 0)
        close(connection->file);
    close(connection->socket);
    free(connection);
}

/* The value of a header line, up to its end; NULL when there is none. */
static const char *header_value(const char *request, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strchr(request, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            while (*line == ' ')
                line++;
            return line;
        }
    }
    return NULL;
}

static void decode_percent(char *text)
{
    char *out = text;
    for (; *text != '\0'; text++) {
        if (text[0] == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2])) {
            char digits[3] = {text[1], text[2], '\0'};
            *out++ = (char)strtol(digits, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* Sets [*start, *stop) from a Range header; false when it lies beyond the end (416). */
static bool parse_range(const char *value, off_t size, off_t *start, off_t *stop)
{
    char *after;
    value += strlen("bytes=");
    if (*value == '-') {
        off_t suffix = strtoll(value + 1, NULL, 10);
        *start = suffix < size ? size - suffix : 0;
        return size > 0;
    }
    *start = strtoll(value, &after, 10);
    if (*after == '-' && isdigit((unsigned char)after[1])) {
        off_t last = strtoll(after + 1, NULL, 10);
        if (last + 1 < *stop)
            *stop = last + 1;
    }
    return *start < size;
}

static void answer_text(struct connection *connection, const char *status, const char *body)
{
    int length = snprintf(connection->header, sizeof connection->header,
                          "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    connection->header_bytes = (size_t)length;
}

static void answer_file(struct connection *connection, const char *request, char *name, bool head_only)
{
    char path[4096];
    struct stat status;
    decode_percent(name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (strstr(name, "..") != NULL || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        answer_text(connection, "404 Not Found", "");
        return;
    }
    off_t size = status.st_size, start = 0, stop = size;
    char content_range[96] = "";
    const char *range = header_value(request, "Range");
    bool is_partial = range != NULL && strncmp(range, "bytes=", 6) == 0;
    if (is_partial && !parse_range(range, size, &start, &stop)) {
        connection->header_bytes = (size_t)snprintf(
            connection->header, sizeof connection->header,
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%lld\r\nContent-Length: 0\r\n\r\n",
            (long long)size);
        return;
    }
    if (is_partial)
        snprintf(content_range, sizeof content_range, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)start,
                 (long long)stop - 1, (long long)size);
    connection->header_bytes = (size_t)snprintf(
        connection->header, sizeof connection->header,
        "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\nETag: \"%llx-%llx\"\r\n"
        "%sContent-Length: %lld\r\n\r\n",
        is_partial ? "206 Partial Content" : "200 OK", (unsigned long long)status.st_ino,
        (unsigned long long)size, content_range, (long long)(stop - start));
    if (!head_only) {
        connection->file = open(path, O_RDONLY | O_CLOEXEC);
        connection->offset = start;
        connection->left = connection->file < 0 ? 0 : stop - start;
    }
}

static bool take_request(struct connection *connection);

/* Sends what the socket takes; false when the connection is gone. */
static bool send_answer(struct connection *connection)
{
    while (connection->header_sent < connection->header_bytes) {
        ssize_t sent = send(connection->socket, connection->header + connection->header_sent,
                            connection->header_bytes - connection->header_sent,
                            MSG_NOSIGNAL | (connection->left > 0 ? MSG_MORE : 0));
        if (sent < 0 && errno == EAGAIN) {
            set_wants_write(connection, true);
            return true;
        }
        if (sent <= 0) {
            drop(connection);
            return false;
        }
        connection->header_sent += (size_t)sent;
    }
    while (connection->left > 0) {
        size_t length = connection->left < SEND_BYTES ? (size_t)connection->left : SEND_BYTES;
        ssize_t sent = sendfile(connection->socket, connection->file, &connection->offset, length);
        if (sent < 0 && errno == EAGAIN) {
            set_wants_write(connection, true);
            return true;
        }
        if (sent <= 0) {
            drop(connection);
            return false;
        }
        connection->left -= sent;
        body_bytes += sent;
    }
    if (connection->file >= 0)
        close(connection->file);
    connection->file = -1;
    connection->is_busy = false;
    set_wants_write(connection, false);
    if (connection->closes) {
        drop(connection);
        return false;
    }
    return take_request(connection);
}

/* Answers the next whole request that was received, if there is one; false when the connection is gone. */
static bool take_request(struct connection *connection)
{
    if (connection->is_busy)
        return true;
    connection->request[connection->request_bytes] = '\0';
    char *end = strstr(connection->request, "\r\n\r\n");
    if (end == NULL) {
        if (connection->request_bytes < MAX_REQUEST_BYTES)
            return true;
        drop(connection);
        return false;
    }
    end[2] = '\0';
    char method[8] = "", target[2048] = "";
    sscanf(connection->request, "%7s /%2047s", method, target);
    const char *keep = header_value(connection->request, "Connection");
    connection->closes = keep != NULL && strncasecmp(keep, "close", 5) == 0;
    connection->is_busy = true;
    connection->header_bytes = connection->header_sent = 0;
    connection->left = 0;
    bool is_counters = strcmp(target, ".counters") == 0;
    if (is_counters) {
        char body[128];
        snprintf(body, sizeof body, "{\"requests\": %lld, \"bytes\": %lld, \"connections\": %lld}", requests, body_bytes,
                 connections);
        requests = body_bytes = connections = 0;
        answer_text(connection, "200 OK", body);
    } else {
        requests++;
        answer_file(connection, connection->request, target, strcmp(method, "HEAD") == 0);
    }
    size_t used = (size_t)(end + 4 - connection->request);
    memmove(connection->request, connection->request + used, connection->request_bytes - used);
    connection->request_bytes -= used;

    struct port *port = connection->port;
    if (is_counters || port->latency_ms == 0)
        return send_answer(connection);
    connection->due_s = now_s() + port->latency_ms * 1e-3;
    connection->next = NULL;
    if (port->last != NULL)
        port->last->next = connection;
    else
        port->first = connection;
    port->last = connection;
    return true;
}

static void accept_all(struct connection *listener)
{
    int socket_fd, on = 1, buffer_bytes = SEND_BYTES;
    while ((socket_fd = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
        struct connection *connection = calloc(1, sizeof *connection);
        connection->socket = socket_fd;
        connection->port = listener->port;
        connection->file = -1;
        connections++;
        watch(connection, EPOLL_CTL_ADD);
    }
}

static void receive(struct connection *connection)
{
    ssize_t received = recv(connection->socket, connection->request + connection->request_bytes,
                            MAX_REQUEST_BYTES - connection->request_bytes, 0);
    if (received == 0 || (received < 0 && errno != EAGAIN)) {
        drop(connection);
    } else if (received > 0) {
        connection->request_bytes += (size_t)received;
        take_request(connection);
    }
}

static int listen_on_free_port(struct port *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct connection *listener = calloc(1, sizeof *listener);
    listener->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    listener->port = port;
    listener->is_listener = true;
    if (bind(listener->socket, (struct sockaddr *)&address, length) != 0 || listen(listener->socket, 1024) != 0) {
        perror("range_server");
        exit(1);
    }
    getsockname(listener->socket, (struct sockaddr *)&address, &length);
    watch(listener, EPOLL_CTL_ADD);
    return ntohs(address.sin_port);
}

/* Sends every answer whose time has come; returns the seconds until the next one, -1 when none waits. */
static double send_due(void)
{
    double now = now_s(), next = -1;
    for (int i = 0; i < port_count; i++) {
        struct port *port = &ports[i];
        while (port->first != NULL && port->first->due_s <= now) {
            struct connection *connection = port->first;
            port->first = connection->next;
            if (port->first == NULL)
                port->last = NULL;
            send_answer(connection);
        }
        if (port->first != NULL && (next < 0 || port->first->due_s - now < next))
            next = port->first->due_s - now;
    }
    return next;
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 3 || argument_count - 2 > MAX_PORTS) {
        fprintf(stderr, "usage: range_server FOLDER LATENCY_MS...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    folder = arguments[1];
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 2; i < argument_count; i++) {
        struct port *port = &ports[port_count++];
        port->latency_ms = atoi(arguments[i]);
        printf("%d ", listen_on_free_port(port));
    }
    printf("\n");
    fflush(stdout);
    struct epoll_event events[MAX_EVENTS];
    for (;;) {
        double wait_s = send_due();
        struct timespec wait = {.tv_sec = (time_t)wait_s, .tv_nsec = (long)((wait_s - (double)(time_t)wait_s) * 1e9)};
        int count = epoll_pwait2(epoll_fd, events, MAX_EVENTS, wait_s < 0 ? NULL : &wait, NULL);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->is_listener)
                accept_all(connection);
            else if (!(events[i].events & EPOLLOUT) || send_answer(connection)) {
                if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                    receive(connection);
            }
        }
    }
}
