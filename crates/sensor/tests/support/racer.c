/* Deceives whoever reads a call's arguments at its entry: a second thread changes them before the kernel reads them.
   racer path A B N      N children execute A, whose name another thread turns into B and back; "pid path" of each
   racer argv PROGRAM N  N children execute PROGRAM with "2.6", which another thread turns into "2.7" and back
   racer flood N         opens /dev/null for reading as fast as it can, until its input ends, and N times at least
   racer port A B N      N connections to port A, which another thread turns into B and back; "fd port" of each */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned char *place;
static unsigned char first, second;
static volatile int stop;

/* Both threads run at the same time, as far as that can be had. */
static void on_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    setpriority(PRIO_PROCESS, 0, -20);
}

/* Each value stays about as long as a look takes, not always equally long. */
static void *flip(void *unused) {
    on_cpu(1);
    for (unsigned round = 1; !stop; round = round * 1103515245 + 12345) {
        *place = round & 0x10000 ? second : first;
        for (volatile unsigned left = round >> 20; left; left--) { }
    }
    return unused;
}

static void start(void *at, unsigned char one, unsigned char other) {
    pthread_t thread;
    place = at; first = one; second = other;
    on_cpu(0);
    pthread_create(&thread, 0, flip, 0);
}

static void children(const char *path, char *argument, int in_path, unsigned char other, int count) {
    pid_t pids[256];
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char *copy = strdup(path), *text = strdup(argument);
            char *argv[] = {"racer", text, 0};
            char *at = in_path ? copy + strlen(copy) - 1 : text + strlen(text) - 1;
            start(at, *at, other);
            usleep(1000 + i * 37 % 500);
            execv(copy, argv);
            _exit(9);
        }
        usleep(3000);
    }
    usleep(100000);
    for (int i = 0; i < count; i++) {
        char link[64], text[4200];
        snprintf(link, sizeof link, in_path ? "/proc/%d/exe" : "/proc/%d/cmdline", pids[i]);
        ssize_t length;
        if (in_path) length = readlink(link, text, sizeof text - 1);
        else {
            FILE *file = fopen(link, "r");
            length = file ? (ssize_t)fread(text, 1, sizeof text - 1, file) : -1;
            if (file) fclose(file);
            for (ssize_t k = 0; k + 1 < length; k++) if (!text[k]) text[k] = ' ';
        }
        if (length > 0) { text[length] = 0; printf("%d %s\n", pids[i], text); }
        fflush(stdout);
    }
    for (int i = 0; i < count; i++) waitpid(pids[i], 0, 0);
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "path"))
        children(argv[2], "2.5", 1, argv[3][strlen(argv[3]) - 1], atoi(argv[4]));
    else if (argc == 4 && !strcmp(argv[1], "argv"))
        children(argv[2], "2.6", 0, '7', atoi(argv[3]));
    else if (argc == 3 && !strcmp(argv[1], "flood")) {
        struct pollfd input = {.fd = 0, .events = POLLIN};
        for (long done = 0; ; done++) {
            close(open("/dev/null", O_RDONLY));
            if (done % 1000 == 0 && done >= atol(argv[2]) && poll(&input, 1, 0) > 0) break;
        }
    } else if (argc == 5 && !strcmp(argv[1], "port")) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int a = atoi(argv[2]), b = atoi(argv[3]), count = atoi(argv[4]);
        to.sin_port = htons(a);
        if ((a ^ b) & 0xff00) return 2;
        start((unsigned char *)&to.sin_port + 1, a & 0xff, b & 0xff);
        int fds[256], done = 0;
        for (int i = 0; i < count; i++) {
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) fds[done++] = fd;
            usleep(1000);
        }
        stop = 1;
        for (int i = 0; i < done; i++) {
            struct sockaddr_in peer; socklen_t length = sizeof peer;
            if (!getpeername(fds[i], (struct sockaddr *)&peer, &length)) printf("%d %d\n", fds[i], ntohs(peer.sin_port));
        }
        fflush(stdout);
        sleep(1);
    } else return 2;
    return 0;
}
