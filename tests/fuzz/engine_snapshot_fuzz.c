/* Any bytes as a snapshot.  The first byte says how: 0, the rest is the file; 1, the rest changes a
 * good one; 2, the same, and then all checksums are made right, so that what lies behind them is
 * reached.  A change is: offset (two bytes), count, so many bytes; offset 65535: cut the file to
 * the two bytes that follow. */
#include "engine/snapshot_description.h"
#include "tests/unit/engine_snapshot_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint8_t *good;
static size_t good_size;

static void make_good(void)
{
    struct snapshot_world *world = snapshot_world_open(40, 1, false);
    ASSERT(snapshot_world_write(world, 7));
    const struct memory_file *file =
        memory_disk_file(world->memory, "snapshot-00000000000000000007");
    good_size = file->size;
    good = malloc(good_size);
    ASSERT(good && good_size < UINT16_MAX);
    memcpy(good, file->bytes, good_size);
    snapshot_world_close(world);
}

static size_t number(const uint8_t *bytes)
{
    return bytes[0] | (size_t)bytes[1] << 8;
}

/* Returns the file's size afterwards. */
static size_t change(uint8_t *file, const uint8_t *bytes, size_t size)
{
    size_t file_size = good_size;
    while (size >= 4) {
        size_t offset = number(bytes), count = bytes[2];
        if (offset == UINT16_MAX) {
            file_size = number(bytes + 2) % (file_size + 1);
            bytes += 4;
            size -= 4;
            continue;
        }
        bytes += 3;
        size -= 3;
        for (size_t i = 0; i < count && size > 0; i++, bytes++, size--)
            if (offset + i < file_size)
                file[offset + i] = *bytes;
    }
    return file_size;
}

static void look_at(const struct disk *disk, const char *name)
{
    static struct snapshot_description description;
    struct snapshot_facts facts;
    struct state_directory directory;
    struct state state;
    struct failure failure;
    snapshot_directory(disk, name, &directory, &failure);
    bool loaded = snapshot_load(disk, name, &state, &facts, NULL, NULL, &failure) == STATUS_OK;
    if (loaded) {
        ASSERT(state_hash(&state) == facts.state_hash);
        state_close(&state);
        snapshot_facts_close(&facts);
    }
    if (snapshot_describe(disk, name, &description, &failure) != STATUS_OK) {
        ASSERT(!loaded);
        return;
    }
    json_decref(snapshot_description_json(&description, 1));
    snapshot_facts_close(&description.facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char name[] = "snapshot-00000000000000000007";
    if (!good)
        make_good();
    if (size == 0)
        return 0;
    uint8_t *file = malloc(good_size);
    ASSERT(file);
    memcpy(file, good, good_size);
    size_t file_size = bytes[0] == 0 ? 0 : change(file, bytes + 1, size - 1);
    if (bytes[0] >= 2)
        snapshot_mend(file, file_size);
    struct disk disk;
    struct memory_disk *memory = memory_disk_new(&disk);
    if (bytes[0] == 0)
        memory_disk_put(memory, name, bytes + 1, size - 1);
    else
        memory_disk_put(memory, name, file, file_size);
    look_at(&disk, name);
    memory_disk_free(memory);
    free(file);
    return 0;
}
