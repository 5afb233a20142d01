/* "time_zones": the rules of the zones that a configuration uses, as the journal and the snapshots
 * hold them:
 *
 *     {"Europe/Berlin": [3208, -2422054408, 3600, -1693706400, 7200, ...]}
 *                        offset until then  offset ...                      in seconds
 *
 * tzdata changes several times a year.  A state that was made by other rules is first read and led
 * to the journal's end by those, then goes over to today's as to any changed configuration: windows
 * and conditions that look at such clocks begin anew or are filled from the events that are kept,
 * all others go on.  If today's rules differ only for times that no window reaches, the old ones
 * stay: nothing happens. */
#include "base/assert.h"
#include "base/calendar.h"
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 4096 };

static const char section_name[] = "time_zones";
/* How far windows look back, and how far ahead the end of a period lies that has begun. */
static const int64_t back_s = 11LL * 366 * 86400, ahead_s = 2LL * 366 * 86400;
static const int64_t most_s = 1LL << 40, offset_most_s = 7 * 86400;

static bool numbers_read(const json_t *rules, int64_t *from_s, int64_t *offset_s)
{
    size_t count = json_array_size(rules);
    if (count % 2 == 0 || count > NUMBERS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(rules, i);
        json_int_t value = json_integer_value(number);
        int64_t most = i % 2 ? most_s : offset_most_s;
        if (!json_is_integer(number) || value < -most || value > most)
            return false;
        if (i % 2)
            from_s[(i + 1) / 2] = value;
        else
            offset_s[i / 2] = value;
    }
    return true;
}

void config_read_zones(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, section_name, findings);
    static int64_t from_s[NUMBERS_MAX], offset_s[NUMBERS_MAX];
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *rules;
    json_object_foreach((json_t *)section, name, rules)
    {
        uint32_t count = (uint32_t)(json_array_size(rules) + 1) / 2;
        if (!numbers_read(rules, from_s, offset_s) ||
            !zones_give(&config->zones, name, from_s, offset_s, count))
            findings_add(findings, path_member(path, section_name, name), 0,
                         "expected the rules of a time zone, as the journal writes them: offset, "
                         "moment, offset, moment, ..., offset, in seconds");
    }
}

static json_t *rules_json(const struct zone *zone)
{
    json_t *rules = json_array();
    for (uint32_t i = 0; i < zone->count; i++) {
        if (i)
            json_array_append_new(rules, json_integer(zone->from_ms[i] / SECOND_MS));
        json_array_append_new(rules, json_integer(zone->offset_ms[i] / SECOND_MS));
    }
    return rules;
}

/* UTC needs no rules. */
void config_write_zones(const struct config *config, json_t *root)
{
    json_t *section = json_object();
    for (uint32_t i = 0; i < config->zones.count; i++) {
        const struct zone *zone = config->zones.zone[i];
        if (strcmp(zone->name, "UTC") != 0)
            json_object_set_new(section, zone->name, rules_json(zone));
    }
    if (json_object_size(section))
        json_object_set(root, section_name, section);
    else
        json_object_del(root, section_name);
    json_decref(section);
}

/* ---- rules that stay ---- */

/* The offset at a moment, and when it ends. */
static int64_t offset_at(const json_t *rules, int64_t time_s, int64_t *end_s)
{
    size_t i = 1;
    while (i < json_array_size(rules) && json_integer_value(json_array_get(rules, i)) <= time_s)
        i += 2;
    bool last = i >= json_array_size(rules);
    *end_s = last ? INT64_MAX : json_integer_value(json_array_get(rules, i));
    return json_integer_value(json_array_get(rules, i - 1));
}

static bool rules_agree(const json_t *one, const json_t *other, int64_t from_s, int64_t to_s)
{
    for (int64_t at_s = from_s; at_s < to_s;) {
        int64_t end_s, other_end_s;
        if (offset_at(one, at_s, &end_s) != offset_at(other, at_s, &other_end_s))
            return false;
        at_s = end_s < other_end_s ? end_s : other_end_s;
    }
    return true;
}

char *config_keep_zones(const char *own, const char *old, int64_t newest_ms)
{
    json_t *root = json_loads(own, 0, NULL), *before = json_loads(old, 0, NULL);
    json_t *section = json_object_get(root, section_name), *rules;
    const char *name;
    int64_t newest_s = newest_ms / SECOND_MS;
    ASSERT(root && newest_ms > INT64_MIN / 4);
    json_object_foreach(json_object_get(before, section_name), name, rules)
    {
        json_t *mine = json_object_get(section, name);
        if (mine && rules_agree(mine, rules, newest_s - back_s, newest_s + ahead_s))
            json_object_set(section, name, rules);
    }
    char *text = config_dump(root);
    json_decref(root);
    json_decref(before);
    return text;
}
