/* Opens a file for writing again and again while signals come whose handler is installed without SA_RESTART. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static void handle(int signal) { (void)signal; }

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = handle};
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {0};
    int wanted = argc > 1 ? atoi(argv[1]) : 1, done = 0, interrupted = 0, failed = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (done < wanted) {
        int file = open("/dev/null", O_WRONLY);
        if (file >= 0) {
            close(file);
            done++;
        } else if (errno == EINTR) {
            interrupted++;
        } else {
            failed++;
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("done=%d interrupted=%d failed=%d\n", done, interrupted, failed);
    return 0;
}
