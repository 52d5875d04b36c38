/* Ways to make a process, and what the parent learns of its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void end(const char *how, pid_t pid)
{
    int status = 0;
    pid_t seen = waitpid(pid, &status, 0);
    printf("%s: own child %d exit %d signal %d core %d\n", how, seen == pid, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
           WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0);
}

static int cloned(void *unused)
{
    (void)unused;
    return open("/dev/null", O_WRONLY) < 0 ? 1 : 42;
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    char *const yes[] = {"/bin/sh", "-c", "exit 7", NULL};
    char *const killed[] = {"/bin/sh", "-c", "kill -USR1 $$", NULL};
    char *const absent[] = {"/no/such/program", NULL};
    pid_t pid;

    volatile int shared = 0;
    pid = vfork();
    if (pid == 0) {
        shared = 1;
        execve(yes[0], yes, environ);
        _exit(127);
    }
    printf("vfork: parent went on after the child's exec: %d\n", shared);
    end("vfork", pid);

    pid = vfork();
    if (pid == 0) {
        execve(absent[0], absent, environ);
        _exit(errno == ENOENT ? 9 : 8);
    }
    end("vfork of what is not there", pid);

    posix_spawn(&pid, killed[0], NULL, NULL, killed, environ);
    end("posix_spawn, killed", pid);
    printf("posix_spawn of what is not there: %s\n", strerror(posix_spawn(&pid, absent[0], NULL, NULL, absent, environ)));

    char *stack = malloc(1 << 16);
    pid = clone(cloned, stack + (1 << 16), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    end("clone with shared memory", pid);

    pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(3);
    }
    int status = 0;
    waitpid(pid, &status, WUNTRACED);
    printf("stopped: %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    printf("continued: %d\n", WIFCONTINUED(status));
    end("after a stop", pid);

    int fd = memfd_create("x", MFD_CLOEXEC);
    printf("fexecve of no program: %s\n", fexecve(fd, yes, environ) < 0 ? strerror(errno) : "?");
    errno = 0;
    printf("no more children: %d\n", wait(NULL) < 0 && errno == ECHILD);
    return 0;
}
