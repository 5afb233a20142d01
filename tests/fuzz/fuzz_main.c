/* Replays a corpus through a fuzz target without libFuzzer: each file once, options are ignored. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "could not open %s\n", path);
        return 1;
    }
    static uint8_t bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* An exact copy, so that a sanitizer sees a read beyond the end. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        return 1;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return replay_file(path);
    int failures = 0, count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failures += replay_file(name);
        count++;
    }
    closedir(folder);
    printf("%s: %d inputs replayed\n", path, count);
    return failures || count == 0;
}

int main(int argument_count, char **arguments)
{
    int failures = 0;
    for (int i = 1; i < argument_count; i++)
        if (arguments[i][0] != '-')
            failures += replay_folder(arguments[i]);
    return failures ? 1 : 0;
}
