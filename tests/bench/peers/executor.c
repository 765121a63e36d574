/* The least that an executor can be: subscribes at the agent, starts the program that its argument names, says TASK_RUNNING,
 * ends on KILL. JSON and HTTP by hand over plain sockets, no library: what Mesos itself needs, and next to nothing on top. Knows only well-formed
 * answers, as an agent gives them; ends on everything else.
 *
 *     cc -O2 -o executor executor.c
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <unistd.h>

#define ROOM 65536

static char host[64], path[128];
static int port;
static const char *framework, *executor;

/* A connection and what came of it that nobody has read yet. */
struct stream {
    int socket;
    char bytes[ROOM];
    size_t from, to;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int dial(void) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 || connect(s, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    return s;
}

static void post(int s, const char *body) {
    char request[ROOM];
    int length = snprintf(request, sizeof request,
        "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s", path, host, port, strlen(body), body);
    if (length >= (int)sizeof request || write(s, request, length) != length)
        fail("write");
}

static int next(struct stream *s) {
    if (s->from == s->to) {
        ssize_t got = read(s->socket, s->bytes, sizeof s->bytes);
        if (got <= 0)
            fail("read");
        s->from = 0;
        s->to = got;
    }
    return s->bytes[s->from++];
}

/* Without its end of line. */
static void line(struct stream *s, char *into, size_t room) {
    size_t length = 0;
    for (int c; (c = next(s)) != '\n';)
        if (c != '\r' && length + 1 < room)
            into[length++] = c;
    into[length] = 0;
}

static void head(struct stream *s, const char *status) {
    char got[1024];
    line(s, got, sizeof got);
    if (strncmp(got, status, strlen(status)) != 0) {
        fprintf(stderr, "not %s but %s\n", status, got);
        exit(1);
    }
    while (*got)
        line(s, got, sizeof got);
}

/* A byte of the body, which comes in chunks. */
static int body(struct stream *s, size_t *chunk) {
    char size[64];
    while (*chunk == 0) {
        line(s, size, sizeof size);
        if (*size && (*chunk = strtoul(size, NULL, 16)) == 0)
            exit(0); /* the agent has closed the stream */
    }
    (*chunk)--;
    return next(s);
}

/* One event: its length as decimal digits, then JSON. */
static void event(struct stream *s, size_t *chunk, char *into) {
    size_t length = 0, at = 0;
    for (int c; (c = body(s, chunk)) != '\n';)
        length = length * 10 + (c - '0');
    if (length >= ROOM)
        fail("event");
    while (at < length)
        into[at++] = body(s, chunk);
    into[at] = 0;
}

static void uuid(char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char b[18] = { 0 };
    if (getrandom(b, 16, 0) != 16)
        fail("getrandom");
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    for (int i = 0; i < 18; i += 3) {
        unsigned three = b[i] << 16 | b[i + 1] << 8 | b[i + 2];
        for (int j = 0; j < 4; j++)
            *text++ = digits[three >> (18 - 6 * j) & 63];
    }
    memcpy(text - 2, "==", 3);
}

static void update(struct stream *s, const char *task, const char *state) {
    char id[32], json[4096];
    uuid(id);
    snprintf(json, sizeof json,
        "{\"type\":\"UPDATE\",\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{\"value\":\"%s\"},\"update\":{\"status\":"
        "{\"task_id\":{\"value\":\"%s\"},\"state\":\"%s\",\"source\":\"SOURCE_EXECUTOR\",\"uuid\":\"%s\"}}}",
        framework, executor, task, state, id);
    post(s->socket, json);
    head(s, "HTTP/1.1 202");
}

static int is(const char *json, const char *type) {
    char field[64];
    snprintf(field, sizeof field, "\"type\":\"%s\"", type);
    return strstr(json, field) != NULL;
}

static void task_of(const char *json, char *task) {
    const char *id = strstr(json, "\"task_id\":{\"value\":\"");
    if (!id || sscanf(id, "\"task_id\":{\"value\":\"%127[^\"]", task) != 1)
        fail("task_id");
}

int main(int count, char **arguments) {
    static struct stream events, calls;
    static char json[ROOM];
    const char *agent = getenv("MESOS_SLAVE_PID");
    char prefix[64], task[128] = "";
    size_t chunk = 0;
    pid_t child = 0;

    framework = getenv("MESOS_FRAMEWORK_ID");
    executor = getenv("MESOS_EXECUTOR_ID");
    if (count != 2 || !agent || !framework || !executor || sscanf(agent, "%63[^@]@%63[^:]:%d", prefix, host, &port) != 3) {
        fprintf(stderr, "to be started by a Mesos agent\n");
        return 64;
    }
    snprintf(path, sizeof path, "/%s/api/v1/executor", prefix);
    events.socket = dial();
    calls.socket = dial();
    snprintf(json, sizeof json, "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{\"value\":\"%s\"},"
        "\"subscribe\":{}}", framework, executor);
    post(events.socket, json);
    head(&events, "HTTP/1.1 200");
    for (int over = 0;;) {
        event(&events, &chunk, json);
        if (is(json, "LAUNCH")) {
            task_of(json, task);
            child = fork();
            if (child == 0) {
                execl(arguments[1], arguments[1], (char *)NULL);
                _exit(127);
            }
            update(&calls, task, "TASK_RUNNING");
        } else if (is(json, "KILL")) {
            kill(child, SIGTERM);
            waitpid(child, NULL, 0);
            update(&calls, task, "TASK_KILLED");
            over = 1;
        } else if (is(json, "SHUTDOWN") || (is(json, "ACKNOWLEDGED") && over)) {
            return 0;
        }
    }
}
