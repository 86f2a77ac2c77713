/* SPDX-License-Identifier: MIT
 * main() of a fuzz target outside MODE=fuzz: every file of the folders given goes through it once.
 */
#include "tests/lib/fuzz.h"

#ifndef UPSTANDER_FUZZING

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_LEN_MAX = 8 * 1024 * 1024, PATH_LEN_MAX = 1024 };

/* Returns 1 when the file was replayed, 0 when it is no plain file, -1 when it can't be read. */
static int replay_file(const char *path)
{
    struct stat status;
    FILE *file = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    int result = -1;

    if (stat(path, &status) != 0 || (S_ISREG(status.st_mode) && status.st_size > INPUT_LEN_MAX))
        goto out;
    if (!S_ISREG(status.st_mode)) {
        result = 0;
        goto out;
    }
    len = (size_t)status.st_size;
    data = malloc(len > 0 ? len : 1); /* exactly: the sanitizer sees one byte too many being read */
    file = fopen(path, "rb");
    if (!data || !file || fread(data, 1, len, file) != len)
        goto out;
    printf("%s\n", path); /* before: the last line names the input that ended it */
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, len);
    result = 1;
out:
    if (file)
        (void)fclose(file);
    free(data);
    return result;
}

static void replay_folder(const char *folder, unsigned long *passed, unsigned long *failed)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);

    if (count < 0) {
        fprintf(stderr, "%s: can't be read\n", folder);
        (*failed)++;
        return;
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_LEN_MAX];
        int written = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        int result = written > 0 && (size_t)written < sizeof path ? replay_file(path) : -1;

        if (result < 0)
            fprintf(stderr, "%s: can't be read\n", entries[i]->d_name);
        *passed += result > 0;
        *failed += result < 0;
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    unsigned long passed = 0;
    unsigned long failed = 0;

    for (int i = 1; i < argc; i++)
        replay_folder(argv[i], &passed, &failed);
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
