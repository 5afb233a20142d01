/* Describing a snapshot; see snapshot_description.h. */
#include "engine/snapshot_description.h"
#include "base/bits.h"
#include "base/calendar.h"
#include "base/hash.h"
#include "engine/snapshot_reader.h"
#include <inttypes.h>
#include <string.h>

/* ---- reading ---- */

struct describing {
    struct snapshot_description *description;
    uint32_t region;      /* that the last page was in */
    uint32_t journal;     /* region of the lanes' table; STATE_REGIONS_MAX: it has none */
    uint64_t lanes_bytes; /* of the rows in use */
    uint8_t lanes[JOURNAL_LANES_MAX * sizeof(struct journal_lane)];
};

/* The table of lanes, if there is one and it is as this weir knows it. */
static uint32_t find_journal(const struct state_directory *directory)
{
    for (uint32_t i = 0; i < directory->region_count; i++) {
        const struct state_region *region = &directory->region[i];
        if (strcmp(region->name, "journal") == 0 && region->used <= JOURNAL_LANES_MAX &&
            region->row_size == sizeof(struct journal_lane))
            return i;
    }
    return STATE_REGIONS_MAX;
}

static void keep_lanes(struct describing *describing, uint64_t offset, const uint8_t *bytes)
{
    if (offset >= describing->lanes_bytes)
        return;
    uint64_t left = describing->lanes_bytes - offset;
    memcpy(describing->lanes + offset, bytes, left < STATE_PAGE ? left : STATE_PAGE);
}

/* Pages come in rising order, each in a region: the reader sees to that. */
static void describe_page(void *self, uint64_t page, const uint8_t bytes[STATE_PAGE])
{
    struct describing *describing = self;
    const struct state_region *regions = describing->description->directory.region;
    uint32_t i = describing->region;
    while (page >= regions[i].offset / STATE_PAGE + state_region_pages(&regions[i]))
        i++;
    describing->region = i;
    describing->description->pages[i]++;
    if (i == describing->journal)
        keep_lanes(describing, page * STATE_PAGE - regions[i].offset, bytes);
}

static void take_lanes(const struct describing *describing)
{
    struct snapshot_description *description = describing->description;
    for (uint64_t at = 0; at < describing->lanes_bytes; at += sizeof(struct journal_lane)) {
        struct journal_lane lane;
        memcpy(&lane, describing->lanes + at, sizeof lane);
        if (lane.input)
            description->lane[description->lane_count++] = lane;
    }
}

enum status snapshot_describe(const struct disk *disk, const char *name,
                              struct snapshot_description *description, struct failure *failure)
{
    memset(description, 0, sizeof *description);
    snprintf(description->name, sizeof description->name, "%s", name);
    if (snapshot_directory(disk, name, &description->directory, failure) != STATUS_OK)
        return failure->status;
    struct describing describing = {.description = description};
    describing.journal = find_journal(&description->directory);
    if (describing.journal < STATE_REGIONS_MAX) {
        const struct state_region *region = &description->directory.region[describing.journal];
        describing.lanes_bytes = region->used * region->row_size;
    }
    const struct snapshot_visitor visitor = {.page = describe_page, .page_self = &describing};
    enum status status = snapshot_read(disk, name, &visitor, &description->facts, failure);
    if (status == STATUS_OK)
        take_lanes(&describing);
    return status;
}

/* ---- names of inputs ---- */

/* The text of the configuration that has this fingerprint: an input is known by its topic's. */
static const char *find_text(const json_t *value, uint64_t fingerprint)
{
    const char *found = NULL;
    const char *key;
    const json_t *member;
    size_t index;
    if (json_is_string(value) &&
        hash_fingerprint(json_string_value(value), json_string_length(value)) == fingerprint)
        return json_string_value(value);
    if (json_is_object(value))
        json_object_foreach((json_t *)(uintptr_t)value, key, member) if (!found) found =
            find_text(member, fingerprint);
    if (json_is_array(value))
        json_array_foreach(value, index, member) if (!found) found = find_text(member, fingerprint);
    return found;
}

static json_t *configuration_of(const struct snapshot_facts *facts)
{
    return json_loadb(facts->configuration, facts->configuration_size, JSON_DISABLE_EOF_CHECK,
                      NULL);
}

/* ---- as JSON ---- */

enum { HEX_SIZE = 17, TIME_SIZE = 40, SIZE_SIZE = 24 };

static const char *hex_text(char text[HEX_SIZE], uint64_t value)
{
    snprintf(text, HEX_SIZE, "%016" PRIx64, value);
    return text;
}

static void put_hex(json_t *object, const char *name, uint64_t value)
{
    char text[HEX_SIZE];
    json_object_set_new(object, name, json_string(hex_text(text, value)));
}

/* JSON's integers here are signed; what is larger than they are is no number that we wrote. */
static void put_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Not `now`: a file may claim any time. */
static const char *time_text(char text[TIME_SIZE], int64_t time_ms)
{
    struct buffer buffer;
    buffer_init(&buffer, text, TIME_SIZE - 1);
    if (time_ms < 0 || time_ms > 253402300799999)
        buffer_text(&buffer, "no time");
    else
        calendar_format(&buffer, time_ms);
    text[buffer.size] = '\0';
    return text;
}

json_t *snapshot_facts_json(const char *name, const struct snapshot_facts *facts, int64_t now_ms)
{
    char time[TIME_SIZE];
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "good", json_true());
    json_object_set_new(object, "pipeline", json_string(facts->pipeline));
    json_object_set_new(object, "program", json_string(facts->program));
    json_object_set_new(object, "written", json_string(time_text(time, facts->written_ms)));
    int64_t age_ms;
    if (!__builtin_sub_overflow(now_ms, facts->written_ms, &age_ms))
        json_object_set_new(object, "age_ms", json_integer(age_ms));
    put_count(object, "sequence", facts->sequence);
    put_hex(object, "chain", facts->chain);
    json_object_set_new(object, "journal_at", json_integer(facts->journal_at));
    put_hex(object, "state_hash", facts->state_hash);
    put_hex(object, "bits", facts->bits);
    json_object_set_new(object, "bits_equal", json_boolean(facts->bits == bits_digest()));
    put_hex(object, "key_id", facts->key_id);
    put_hex(object, "configuration_digest", facts->configuration_digest);
    put_count(object, "pages", facts->page_count);
    put_count(object, "size", facts->size);
    return object;
}

static json_t *inputs_json(const struct snapshot_description *description,
                           const json_t *configuration)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < description->lane_count; i++) {
        const struct journal_lane *lane = &description->lane[i];
        json_t *object = json_object();
        const char *name = find_text(configuration, lane->input);
        if (name)
            json_object_set_new(object, "name", json_string(name));
        put_hex(object, "fingerprint", lane->input);
        json_object_set_new(object, "partition", json_integer(lane->partition));
        json_object_set_new(object, "next", json_integer(lane->next));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *regions_json(const struct snapshot_description *description)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < description->directory.region_count; i++) {
        const struct state_region *region = &description->directory.region[i];
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(region->name));
        put_hex(object, "fingerprint", region->fingerprint);
        put_count(object, "row_size", region->row_size);
        put_count(object, "rows", region->live);
        put_count(object, "rows_used", region->used);
        put_count(object, "rows_most", region->row_count);
        put_count(object, "bytes", description->pages[i] * STATE_PAGE);
        json_array_append_new(list, object);
    }
    return list;
}

json_t *snapshot_description_json(const struct snapshot_description *description, int64_t now_ms)
{
    const struct snapshot_facts *facts = &description->facts;
    json_t *object = snapshot_facts_json(description->name, facts, now_ms);
    json_t *configuration = configuration_of(facts);
    json_object_set_new(object, "inputs", inputs_json(description, configuration));
    json_object_set_new(object, "regions", regions_json(description));
    json_object_set_new(object, "configuration", configuration ? configuration : json_null());
    return object;
}

/* ---- as text ---- */

static const char *size_text(char text[SIZE_SIZE], uint64_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)size / 1024;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    if (size < 1024)
        snprintf(text, SIZE_SIZE, "%" PRIu64 " bytes", size);
    else
        snprintf(text, SIZE_SIZE, "%.1f %s", value, units[unit]);
    return text;
}

void snapshot_facts_line(const char *name, const struct snapshot_facts *facts, FILE *file)
{
    char time[TIME_SIZE], size[SIZE_SIZE];
    fprintf(file, "%s  entry %" PRIu64 ", %s, %s, %s\n", name, facts->sequence, facts->pipeline,
            size_text(size, facts->size), time_text(time, facts->written_ms));
}

/* How long ago, in the largest unit that leaves more than one. */
static void print_age(int64_t written_ms, int64_t now_ms, FILE *file)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{DAY_MS, "days"}, {HOUR_MS, "hours"}, {MINUTE_MS, "minutes"}, {0, NULL}};
    int64_t age_ms;
    if (__builtin_sub_overflow(now_ms, written_ms, &age_ms) || age_ms < 0)
        return;
    size_t i = 0;
    while (units[i].name && age_ms < 2 * units[i].ms)
        i++;
    if (units[i].name)
        fprintf(file, ", %" PRId64 " %s ago", age_ms / units[i].ms, units[i].name);
    else
        fprintf(file, ", %" PRId64 " seconds ago", age_ms / SECOND_MS);
}

static void print_facts(const struct snapshot_description *description, int64_t now_ms, FILE *file)
{
    const struct snapshot_facts *facts = &description->facts;
    char text[TIME_SIZE], size[SIZE_SIZE];
    fprintf(file, "%s\n", description->name);
    fprintf(file, "  pipeline       %s\n", facts->pipeline);
    fprintf(file, "  written        %s by weir %s", time_text(text, facts->written_ms),
            facts->program);
    print_age(facts->written_ms, now_ms, file);
    fprintf(file, "\n  entry          %" PRIu64 ", chain %s\n", facts->sequence,
            hex_text(text, facts->chain));
    fprintf(file, "  in the journal at offset %" PRId64 "\n", facts->journal_at);
    fprintf(file, "  configuration  %s, %zu bytes (--config prints it)\n",
            hex_text(text, facts->configuration_digest), facts->configuration_size);
    fprintf(file, "  hash key       %s\n", hex_text(text, facts->key_id));
    fprintf(file, "  state hash     %s\n", hex_text(text, facts->state_hash));
    fprintf(file, "  bits           %s, %s\n", hex_text(text, facts->bits),
            facts->bits == bits_digest() ? "as on this machine"
                                         : "not those of this machine: hashes are not compared");
    fprintf(file, "  file           %s, %" PRIu64 " pages, all whole\n",
            size_text(size, facts->size), facts->page_count);
}

static void print_inputs(const struct snapshot_description *description, FILE *file)
{
    if (description->lane_count == 0)
        return;
    json_t *configuration = configuration_of(&description->facts);
    fprintf(file, "\n  %-40s %9s %20s\n", "input", "partition", "next offset");
    for (uint32_t i = 0; i < description->lane_count; i++) {
        const struct journal_lane *lane = &description->lane[i];
        const char *name = find_text(configuration, lane->input);
        char hex[HEX_SIZE];
        fprintf(file, "  %-40s %9" PRId64 " %20" PRId64 "\n",
                name ? name : hex_text(hex, lane->input), lane->partition, lane->next);
    }
    json_decref(configuration);
}

static void print_regions(const struct snapshot_description *description, FILE *file)
{
    fprintf(file, "\n  %-40s %9s %14s %14s %14s\n", "part", "row", "rows", "of", "in the file");
    for (uint32_t i = 0; i < description->directory.region_count; i++) {
        const struct state_region *region = &description->directory.region[i];
        char size[SIZE_SIZE];
        fprintf(file, "  %-40s %9" PRIu64 " %14" PRIu64 " %14" PRIu64 " %14s\n", region->name,
                region->row_size, region->live, region->row_count,
                size_text(size, description->pages[i] * STATE_PAGE));
    }
}

void snapshot_description_print(const struct snapshot_description *description, int64_t now_ms,
                                FILE *file)
{
    print_facts(description, now_ms, file);
    print_inputs(description, file);
    print_regions(description, file);
}
