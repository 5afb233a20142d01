/* Making the inputs of a world; see topics.h. */
#include "tests/simulation/topics.h"
#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct draft {
    int64_t visible_ms;
    uint32_t serial;
    enum topic topic;
    uint64_t key;
    const char *bytes;
    uint32_t size;
};

struct drafts {
    struct topics *topics;
    struct chance *chance;
    uint32_t count, event_count;
    struct draft draft[TOPIC_DRAFTS_MAX];
};

static void draft_add(struct drafts *drafts, enum topic topic, int64_t visible_ms, uint64_t key,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

static void draft_add(struct drafts *drafts, enum topic topic, int64_t visible_ms, uint64_t key,
                      const char *format, ...)
{
    struct topics *topics = drafts->topics;
    char *text = topics->text + topics->text_used;
    size_t room = sizeof topics->text - topics->text_used;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, room, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0 && (size_t)size < room);
    if (drafts->count == TOPIC_DRAFTS_MAX)
        return;
    drafts->draft[drafts->count] = (struct draft){
        .visible_ms = visible_ms < 1 ? 1 : visible_ms,
        .serial = drafts->count,
        .topic = topic,
        .key = key,
        .bytes = text,
        .size = (uint32_t)size,
    };
    drafts->count++;
    topics->text_used += (size_t)size + 1;
}

/* Labels of an event: mostly one, some time after it. */
static void draft_labels(struct drafts *drafts, uint32_t event, int64_t event_ms,
                         int64_t visible_ms, bool fraud)
{
    struct chance *chance = drafts->chance;
    int64_t at_ms = visible_ms + (int64_t)chance_between(chance, 20, 1500);
    if (chance_one_in(chance, 4))
        return;
    if (chance_strikes(chance, FAULT_LABEL_EARLY, 0.05))
        at_ms = visible_ms - (int64_t)chance_between(chance, 1, 300);
    uint64_t times = 1;
    if (chance_strikes(chance, FAULT_LABEL_REPEATED, 0.05))
        times += chance_between(chance, 1, 2);
    for (uint64_t i = 0; i < times; i++) {
        bool says = i > 0 && chance_one_in(chance, 2) ? !fraud : fraud;
        draft_add(drafts, TOPIC_LABELS, at_ms, event, "{\"id\":\"e%u\",\"time\":%lld,\"fraud\":%s}",
                  event, (long long)event_ms, says ? "true" : "false");
        at_ms += (int64_t)chance_between(chance, 0, 500);
    }
}

static void draft_malformed(struct drafts *drafts, int64_t visible_ms)
{
    static const char *const texts[] = {
        "",
        "{\"id\":\"e1\"",
        "[1,2]",
        "{\"id\":\"e1\",\"time\":\"noon\",\"card\":\"c1\"}",
        "{\"id\":7,\"fraud\":\"perhaps\"}",
    };
    struct chance *chance = drafts->chance;
    draft_add(drafts, chance_one_in(chance, 3) ? TOPIC_LABELS : TOPIC_EVENTS, visible_ms,
              chance_between(chance, 0, 99), "%s",
              texts[random_below(&chance->random, sizeof texts / sizeof *texts)]);
}

/* Somebody asks for a card to be forgotten, or for nonsense. */
static void draft_request(struct drafts *drafts, int64_t visible_ms)
{
    struct chance *chance = drafts->chance;
    uint64_t card = chance_between(chance, 0, 30);
    draft_add(drafts, TOPIC_REQUESTS, visible_ms, card,
              chance_one_in(chance, 5) ? "{\"erase\":{\"amount\":%llu}}"
                                       : "{\"erase\":{\"card\":\"c%llu\"}}",
              (unsigned long long)card);
}

static void draft_event(struct drafts *drafts, int64_t event_ms, int64_t visible_ms)
{
    struct chance *chance = drafts->chance;
    uint32_t event = drafts->event_count++;
    uint64_t card = chance_between(chance, 0, 30), amount = chance_between(chance, 1, 200);
    if (chance_strikes(chance, FAULT_EVENT_LATE, 0.05))
        event_ms -= (int64_t)chance_between(chance, 1, 120000);
    draft_add(drafts, TOPIC_EVENTS, visible_ms, card,
              "{\"id\":\"e%u\",\"time\":%lld,\"card\":\"c%llu\",\"amount\":%llu.%02llu}", event,
              (long long)event_ms, (unsigned long long)card, (unsigned long long)amount,
              (unsigned long long)chance_between(chance, 0, 99));
    bool fraud = (amount > 120) != chance_one_in(chance, 8);
    draft_labels(drafts, event, event_ms, visible_ms, fraud);
}

/* Some time after the last fault of a world that is to settle: whoever does not know yet that it
 * has been fenced learns it when there is something to do. */
static void drafts_epilogue(struct drafts *drafts, int64_t at_ms)
{
    for (int64_t i = 0; i < 8; i++)
        draft_add(drafts, TOPIC_EVENTS, at_ms + i * 50, (uint64_t)i,
                  "{\"id\":\"last%lld\",\"time\":%lld,\"card\":\"c%lld\",\"amount\":10}",
                  (long long)i, (long long)(TOPICS_EPOCH_MS + at_ms * 100), (long long)i);
}

static int draft_compare(const void *one, const void *other)
{
    const struct draft *a = one, *b = other;
    if (a->visible_ms != b->visible_ms)
        return a->visible_ms < b->visible_ms ? -1 : 1;
    return a->serial < b->serial ? -1 : 1;
}

/* Bursts and silence, as a world has them. */
static int64_t drafts_make(struct drafts *drafts)
{
    struct chance *chance = drafts->chance;
    uint64_t events = chance_between(chance, 30, chance_one_in(chance, 4) ? 900 : 300);
    uint64_t pause_ms = chance_between(chance, 2, 30);
    int64_t now_ms = 0, event_ms = TOPICS_EPOCH_MS;
    for (uint64_t i = 0; i < events; i++) {
        if (!chance_one_in(chance, 4))
            now_ms += (int64_t)chance_between(chance, 0, 2 * pause_ms);
        if (chance_one_in(chance, 100))
            now_ms += (int64_t)chance_between(chance, 100, 1000);
        event_ms += (int64_t)chance_between(chance, 0, 4000);
        if (chance_strikes(chance, FAULT_MALFORMED, 0.03))
            draft_malformed(drafts, now_ms);
        if (chance_one_in(chance, 20))
            draft_request(drafts, now_ms);
        draft_event(drafts, event_ms, now_ms);
    }
    return now_ms;
}

/* Partitions that are added come some time in the middle. */
static void topic_shape(struct topic_log *topic, struct chance *chance, uint64_t least,
                        uint64_t most, int64_t end_ms)
{
    topic->partition_count = (uint32_t)chance_between(chance, least, most);
    for (uint32_t i = 0; i < TOPIC_PARTITIONS_MAX; i++) {
        topic->partition[i].count = topic->partition[i].deleted = 0;
        topic->partition[i].born_ms = 0;
    }
    if (!chance_strikes(chance, FAULT_PARTITION_ADDED, 0.3))
        return;
    for (uint64_t added = chance_between(chance, 1, 2); added > 0; added--)
        topic->partition[topic->partition_count++].born_ms =
            (int64_t)chance_between(chance, 1, (uint64_t)end_ms + 1);
}

static uint32_t partitions_at(const struct topic_log *topic, int64_t now_ms)
{
    uint32_t count = 0;
    while (count < topic->partition_count && topic->partition[count].born_ms <= now_ms)
        count++;
    return count;
}

static void topic_append(struct topic_log *topic, struct chance *chance, const struct draft *draft)
{
    uint32_t at = (uint32_t)(draft->key % partitions_at(topic, draft->visible_ms));
    struct topic_partition *partition = &topic->partition[at];
    if (partition->count == TOPIC_RECORDS_MAX)
        return;
    int64_t offset = partition->count ? partition->record[partition->count - 1].offset + 1 : 0;
    if (chance_strikes(chance, FAULT_OFFSET_GAP, 0.05))
        offset += (int64_t)chance_between(chance, 1, 3);
    partition->record[partition->count++] = (struct topic_record){
        .offset = offset,
        .visible_ms = draft->visible_ms,
        .timestamp_ms = TOPICS_EPOCH_MS + draft->visible_ms,
        .bytes = draft->bytes,
        .size = draft->size,
    };
}

void topics_make(struct topics *topics, struct chance *chance, bool epilogue)
{
    static struct drafts drafts;
    drafts.topics = topics;
    drafts.chance = chance;
    drafts.count = drafts.event_count = 0;
    topics->text_used = 0;
    topics->end_ms = drafts_make(&drafts);
    topics->faults_end_ms = topics->end_ms + (int64_t)chance_between(chance, 0, 2000);
    if (epilogue)
        drafts_epilogue(&drafts, topics->faults_end_ms + TOPICS_PAUSE_MS);
    qsort(drafts.draft, drafts.count, sizeof *drafts.draft, draft_compare);
    topics->topic[TOPIC_EVENTS].name = "events";
    topics->topic[TOPIC_LABELS].name = "labels";
    topics->topic[TOPIC_REQUESTS].name = "requests";
    topic_shape(&topics->topic[TOPIC_EVENTS], chance, 2, 4, topics->end_ms);
    topic_shape(&topics->topic[TOPIC_LABELS], chance, 1, 2, topics->end_ms);
    topic_shape(&topics->topic[TOPIC_REQUESTS], chance, 1, 1, topics->end_ms);
    for (uint32_t i = 0; i < drafts.count; i++)
        topic_append(&topics->topic[drafts.draft[i].topic], chance, &drafts.draft[i]);
}

int64_t topic_partition_begin(const struct topic_partition *partition)
{
    if (partition->deleted == 0)
        return 0;
    return partition->deleted < partition->count
               ? partition->record[partition->deleted].offset
               : partition->record[partition->count - 1].offset + 1;
}

uint32_t topic_partition_find(const struct topic_partition *partition, int64_t offset)
{
    uint32_t low = 0, high = partition->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (partition->record[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
