/* What the actions of these tests do that a shell cannot: one call, made by a process with any name.
 *
 * usage: PROGRAM WORD [ARGUMENT]..; a WORD that is not known does nothing.
 * usage: PROGRAM hold WORD [ARGUMENT]..: a child does it and stays, with what it opened; returns when it is done. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static int fail(const char *what) {
  fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
  return 1;
}

/* Runs a program and waits for it. */
static int run(char **argv) {
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int connect_to(int type, const char *host, const char *port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
  int is_six = inet_pton(AF_INET6, host, &six.sin6_addr) == 1;
  if (!is_six && inet_pton(AF_INET, host, &four.sin_addr) != 1) return -1;
  int number = socket(is_six ? AF_INET6 : AF_INET, type, 0);
  struct sockaddr *address = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
  if (connect(number, address, is_six ? sizeof six : sizeof four) != 0) fail("connect");
  return number;
}

static int listen_somewhere(void) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int number = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(number, (struct sockaddr *)&any, sizeof any) != 0 || listen(number, 1) != 0) return fail("listen");
  return 0;
}

/* Executes this program from memory. */
static int from_memory(const char *name) {
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), memory = memfd_create(name, MFD_CLOEXEC);
  struct stat stat;
  if (self < 0 || memory < 0 || fstat(self, &stat) != 0) return fail("memfd_create");
  for (off_t at = 0; at < stat.st_size;)
    if (sendfile(memory, self, &at, (size_t)(stat.st_size - at)) <= 0) return fail("sendfile");
  char *argv[] = {(char *)name, "nothing", NULL}, *env[] = {NULL}, path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
  execve(path, argv, env);
  return fail("execve");
}

static int attach(void) {
  pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  int failed = ptrace(PTRACE_ATTACH, child, NULL, NULL) != 0;
  if (!failed) waitpid(child, NULL, 0);
  kill(child, SIGKILL);
  return failed ? fail("ptrace") : 0;
}

/* Executes a program that leads a session with a terminal of its own. */
static int on_terminal(char **argv) {
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return fail("posix_openpt");
  pid_t child = fork();
  if (child == 0) {
    setsid();
    int side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    ioctl(side, TIOCSCTTY, 0);
    execvp(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Opens a file by the call of that name and empties it. */
static int empty(const char *call, const char *path) {
  long flags = O_WRONLY | O_CREAT | O_TRUNC, number = -1;
#ifdef SYS_open
  if (strcmp(call, "open") == 0) number = syscall(SYS_open, path, flags, 0644);
#endif
  if (strcmp(call, "openat") == 0) number = syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
  struct open_how how = {.flags = (unsigned long)flags, .mode = 0644};
  if (strcmp(call, "openat2") == 0) number = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  return number < 0 ? fail(path) : 0;
}

static int make_link(const char *call, const char *target, const char *path) {
  unlink(path);
#ifdef SYS_symlink
  if (strcmp(call, "symlink") == 0) return syscall(SYS_symlink, target, path) == 0 ? 0 : fail(path);
#endif
  return symlinkat(target, AT_FDCWD, path) == 0 ? 0 : fail(path);
}

static int act(int argc, char **argv) {
  const char *word = argc > 0 ? argv[0] : "";
#define IS(name, arguments) (strcmp(word, name) == 0 && argc > (arguments))
  if (IS("run", 1)) return run(argv + 1);
  if (IS("udp", 2)) return connect_to(SOCK_DGRAM, argv[1], argv[2]) < 0;
  if (IS("tcp", 2)) return connect_to(SOCK_STREAM, argv[1], argv[2]) < 0;
  if (IS("input-from", 2)) return dup2(connect_to(SOCK_STREAM, argv[1], argv[2]), 0) != 0;
  if (IS("listen", 0)) return listen_somewhere();
  if (IS("memory", 1)) return from_memory(argv[1]);
  if (IS("attach", 0)) return attach();
  if (IS("traceme", 0)) return ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0;
  if (IS("packet", 0)) return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? fail("packet socket") : 0;
  if (IS("module", 0)) return syscall(SYS_init_module, NULL, 0, "") == 0;
  if (IS("faults", 0)) return syscall(SYS_userfaultfd, 0) == -2;
  if (IS("as", 2)) return setgid(atoi(argv[1])) != 0 || setuid(atoi(argv[1])) != 0 || execv(argv[2], argv + 2) != 0;
  if (IS("terminal", 1)) return on_terminal(argv + 1);
  if (IS("empty", 2)) return empty(argv[1], argv[2]);
  if (IS("link", 3)) return make_link(argv[1], argv[2], argv[3]);
  if (IS("read-after", 2)) {
    sleep((unsigned)atoi(argv[1]));
    return open(argv[2], O_RDONLY) < 0 ? fail(argv[2]) : 0;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "hold") != 0) return act(argc - 1, argv + 1);
  int done[2];
  if (pipe(done) != 0) return fail("pipe");
  pid_t child = fork();
  if (child == 0) {
    unsigned char code = (unsigned char)act(argc - 2, argv + 2);
    if (write(done[1], &code, 1) != 1) return 1;
    for (;;) pause();
  }
  unsigned char code = 1;
  return read(done[0], &code, 1) == 1 ? code : 1;
}
