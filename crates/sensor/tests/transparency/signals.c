/* A handler without SA_RESTART runs 500 times a second while files are opened, written and removed. The kernel never
 * interrupts these calls on an ordinary file, so an EINTR is the sensor's doing. Prints how many there were.
 * Arguments: how many opens, and for how many microseconds to compute between two. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
    (void)signal;
    ticks++;
}

int main(int argc, char **argv)
{
    long calls = argc > 1 ? atol(argv[1]) : 20000, interrupted = 0, failed = 0;
    long pause = argc > 2 ? atol(argv[2]) : 0;
    struct sigaction action = {.sa_handler = tick};
    struct itimerval often = {{0, 2000}, {0, 2000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (long i = 0; i < calls; i++) {
        int fd = open("/dev/null", O_WRONLY);
        if (fd < 0 && errno == EINTR)
            interrupted++;
        else if (fd < 0)
            failed++;
        else
            close(fd);
        struct timespec now, start;
        clock_gettime(CLOCK_MONOTONIC, &start);
        do
            clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 < pause);
    }
    struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    printf("interrupted: %ld\nfailed: %ld\n", interrupted, failed);
    fprintf(stderr, "ticks: %ld\n", (long)ticks);
    return 0;
}
