/* What user notification itself costs: the least a sensor can do for each stopped open.
 *
 * notify STEP COMMAND [ARG]...   runs the command with a filter on openat; STEP says what is done for each call:
 *   allow     the filter allows it: nobody is asked
 *   flags     the filter looks at its flags and stops opens for writing only, which are let through
 *   blind     every openat is stopped and let through at once
 *   read      256 bytes of its path are read first
 *   poll      as read, and the listener is waited for by poll besides being read from
 *
 * Built by hand for comparing: gcc -O2 -o notify benches/notify.c. It follows no affinity but wakes on the same CPU
 * (Linux 6.6 and later), keeps no copy of the listener and answers for one command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(action) BPF_STMT(BPF_RET | BPF_K, action)

static int install(int allow, int flags)
{
    struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        RET(SECCOMP_RET_ALLOW),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
        RET(SECCOMP_RET_ALLOW),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, WRITES, 1, 0),
        RET(SECCOMP_RET_ALLOW),
        RET(allow ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    /* Without looking at flags the program ends before them. */
    if (!flags)
        filter[6] = (struct sock_filter)RET(allow ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
               SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

static void pass(int channel, int *descriptor, int sends)
{
    char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (sends) {
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), descriptor, sizeof(int));
        if (sendmsg(channel, &message, 0) != 1)
            _exit(3);
    } else if (recvmsg(channel, &message, 0) == 1) {
        memcpy(descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    }
}

static void serve(int listener, int reads, int polls)
{
    struct seccomp_notif call;
    struct seccomp_notif_resp answer;
    char path[256];
    for (;;) {
        struct pollfd ready = {listener, POLLIN, 0};
        if (polls && (poll(&ready, 1, -1) < 0 || !(ready.revents & POLLIN)))
            return;
        memset(&call, 0, sizeof(call));
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) {
            /* The last process has ended, or this caller was killed. */
            if (poll(&ready, 1, 0) < 0 || ready.revents & POLLHUP)
                return;
            continue;
        }
        if (reads) {
            struct iovec here = {path, sizeof(path)}, there = {(void *)call.data.args[1], sizeof(path)};
            process_vm_readv(call.pid, &here, 1, &there, 1, 0);
        }
        memset(&answer, 0, sizeof(answer));
        answer.id = call.id;
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

int main(int argc, char **argv)
{
    int pair[2], listener = -1, status = 0;
    if (argc < 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 2;
    int is_read = !strcmp(argv[1], "read"), polls = !strcmp(argv[1], "poll");
    pid_t command = fork();
    if (command == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        listener = install(!strcmp(argv[1], "allow"), !strcmp(argv[1], "flags"));
        if (listener < 0)
            _exit(3);
        pass(pair[0], &listener, 1);
        close(listener);
        close(pair[0]);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    close(pair[0]);
    pass(pair[1], &listener, 0);
    if (listener < 0)
        return 3;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    pid_t helper = fork();
    if (helper == 0) {
        serve(listener, is_read || polls, polls);
        _exit(0);
    }
    waitpid(command, &status, 0);
    close(listener);
    kill(helper, SIGKILL);
    waitpid(helper, NULL, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
