/* Threads that are signalled and cancelled in calls the sensor stops, and an exec from a thread that is not the
 * first. Prints totals that do not depend on chance. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 8, OPENS = 2000 };

static void nothing(int signal)
{
    (void)signal;
}

static void *opens(void *failed)
{
    for (int i = 0; i < OPENS; i++) {
        int fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            ++*(int *)failed;
        else
            close(fd);
    }
    return NULL;
}

/* Opens until it is cancelled: open is a point where that happens. */
static void *until_cancelled(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = open("/dev/null", O_WRONLY);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

static void *becomes(void *unused)
{
    (void)unused;
    execl("/bin/sh", "sh", "-c", "echo became a shell; exit 5", (char *)NULL);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int failed[THREADS] = {0}, total = 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGUSR1, nothing); /* with SA_RESTART */
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, opens, &failed[i]);
    for (int i = 0; i < 200; i++) {
        pthread_kill(threads[i % THREADS], SIGUSR1);
        usleep(100);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += failed[i];
    }
    printf("failed: %d\n", total);

    int cancelled = 0;
    for (int i = 0; i < 50; i++) {
        void *result = NULL;
        pthread_create(&threads[0], NULL, until_cancelled, NULL);
        usleep(200);
        pthread_cancel(threads[0]);
        pthread_join(threads[0], &result);
        cancelled += result == PTHREAD_CANCELED;
    }
    printf("cancelled: %d\n", cancelled);
    pthread_create(&threads[0], NULL, becomes, NULL);
    pthread_join(threads[0], NULL);
    return 1;
}
