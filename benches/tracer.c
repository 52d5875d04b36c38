/* The way most sensors without eBPF watch: ptrace with a seccomp filter that selects calls (RET_TRACE), a stop at the
 * entry and one at the exit of each, arguments read at the entry. A peer of `cargo xtask bench sensor`, built by it.
 *
 *   tracer COMMAND [ARG]...
 *
 * Signals are passed on, children are followed, and the command's exit status is returned. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The calls that the strace variant of the benchmark selects too. */
static const int numbers[] = {
    SYS_execve, SYS_execveat, SYS_openat, SYS_openat2, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_mkdirat,
    SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_linkat, SYS_symlinkat, SYS_connect, SYS_bind,
    SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_setuid, SYS_setgid, SYS_setreuid,
    SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_ptrace, SYS_mount, SYS_umount2, SYS_memfd_create,
    SYS_dup3, SYS_init_module, SYS_finit_module, SYS_unshare, SYS_setns, SYS_bpf,
#ifdef SYS_open
    SYS_open, SYS_creat, SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_chmod, SYS_chown, SYS_lchown,
    SYS_link, SYS_symlink, SYS_dup2,
#endif
};
#define COUNT (int)(sizeof numbers / sizeof *numbers)

static void install_filter(void)
{
    struct sock_filter code[2 * COUNT + 2];
    int length = 0;
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) {
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("tracer: seccomp");
        exit(3);
    }
}

/* What a sensor reads at the entry: the text behind the first two arguments, which are paths or addresses in most of
 * the selected calls. Numbers that are no addresses cost a failed read, as they do a sensor that does not know. */
static void look(pid_t thread)
{
    struct __ptrace_syscall_info info;
    char text[4096];
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0)
        return;
    for (int i = 0; i < 2; i++) {
        if (info.seccomp.args[i] < 4096)
            continue;
        struct iovec local = {text, sizeof text};
        struct iovec remote = {(void *)info.seccomp.args[i], 4096 - info.seccomp.args[i] % 4096};
        process_vm_readv(thread, &local, 1, &remote, 1, 0);
        break;
    }
}

static int trace(pid_t first)
{
    int status = 0, result = 0;
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0)
            return result;
        if (!WIFSTOPPED(status)) {
            if (thread == first)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP) {
            look(thread);
            ptrace(PTRACE_SYSCALL, thread, 0, 0);
        } else if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info);
            ptrace(PTRACE_CONT, thread, 0, 0);
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
            ptrace(PTRACE_LISTEN, thread, 0, 0);
        } else {
            ptrace(PTRACE_CONT, thread, 0, event ? 0 : signal);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: tracer COMMAND [ARG]...\n");
        return 2;
    }
    int ready[2];
    if (pipe2(ready, O_CLOEXEC)) {
        perror("tracer: pipe");
        return 3;
    }
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            _exit(3);
        install_filter();
        execvp(argv[1], argv + 1);
        perror("tracer: exec");
        _exit(127);
    }
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD;
    if (child < 0 || ptrace(PTRACE_SEIZE, child, 0, options)) {
        perror("tracer: seize");
        return 3;
    }
    if (write(ready[1], "x", 1) != 1)
        return 3;
    return trace(child);
}
