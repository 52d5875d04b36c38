/* What `cargo xtask bench sensor` compiles: small, with the headers a small program has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

long sum(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    long total = 0;
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    while (fgets(line, sizeof line, file))
        total += strtol(line, NULL, 10);
    fclose(file);
    return total;
}
