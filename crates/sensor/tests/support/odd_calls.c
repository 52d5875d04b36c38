/* Calls with pointers to nowhere: each must fail exactly as the kernel has it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void report(const char *what, long result)
{
    printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

int main(void)
{
    report("openat nowhere", syscall(SYS_openat, AT_FDCWD, (void *)8, O_WRONLY, 0));
    report("openat null", syscall(SYS_openat, AT_FDCWD, (void *)0, O_RDWR | O_CREAT, 0644));
    report("execve nowhere", syscall(SYS_execve, (void *)16, (void *)24, (void *)32));
    report("execve missing", syscall(SYS_execve, "/nonexistent", (void *)0, (void *)0));
    report("openat fine", syscall(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY, 0) >= 0 ? 1 : -1);
    return 0;
}
