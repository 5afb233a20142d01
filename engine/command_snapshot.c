/* weir snapshot: which snapshots there are, whether they are whole, what is in them. */
#include "base/clock.h"
#include "base/suggest.h"
#include "engine/command.h"
#include "engine/loading.h"
#include "engine/snapshot_description.h"
#include "engine/snapshot_names.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LISTED_MAX = 256, PLACE_MAX = 4096 };

struct snapshot_flags {
    bool json, config;
};

/* What an action works on. */
struct snapshot_task {
    struct snapshot_flags flags;
    struct disk disk;
    const char *place;
    uint32_t count;
    char (*names)[DISK_NAME_MAX]; /* the one that was named, or all, newest first */
    bool named;
    int64_t now_ms;
};

struct snapshot_action {
    const char *name;
    int (*run)(struct snapshot_task *task);
};

/* ---- list and verify ---- */

static json_t *refused_json(const char *name, const struct failure *failure)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "good", json_false());
    json_object_set_new(object, "reason", json_string(failure->text));
    return object;
}

static void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(value);
}

/* The reason begins with the snapshot's name, mostly. */
static void print_refused(const char *name, const struct failure *failure)
{
    bool begins = strncmp(failure->text, name, strlen(name)) == 0;
    printf("%s%s%s\n", begins ? "" : name, begins ? "" : ": ", failure->text);
}

/* A running weir removes old ones while they are looked at. */
static bool is_gone(struct snapshot_task *task, const char *name)
{
    char names[LISTED_MAX][DISK_NAME_MAX];
    struct failure failure;
    uint32_t count = snapshot_list(&task->disk, names, LISTED_MAX, &failure);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return false;
    return failure.status == STATUS_OK;
}

/* Checks one; into the list, or as a line. */
static bool check_one(struct snapshot_task *task, const char *name, bool whole, json_t *list)
{
    struct snapshot_facts facts;
    struct failure failure = {0};
    bool good = snapshot_check(&task->disk, name, whole, &facts, &failure) == STATUS_OK;
    if (!good && !task->named && is_gone(task, name))
        return true;
    if (list)
        json_array_append_new(list, good ? snapshot_facts_json(name, &facts, task->now_ms)
                                         : refused_json(name, &failure));
    else if (good)
        snapshot_facts_line(name, &facts, stdout);
    else
        print_refused(name, &failure);
    if (good)
        snapshot_facts_close(&facts);
    return good;
}

/* Returns how many are not good. */
static uint32_t check_all(struct snapshot_task *task, bool whole)
{
    uint32_t bad = 0;
    json_t *list = task->flags.json ? json_array() : NULL;
    for (uint32_t i = 0; i < task->count; i++)
        bad += !check_one(task, task->names[i], whole, list);
    if (list)
        print_json(list);
    else if (task->count == 0)
        printf("no snapshots in %s\n", task->place);
    return bad;
}

static int list_action(struct snapshot_task *task)
{
    check_all(task, false);
    return EXIT_GOOD;
}

static int verify_action(struct snapshot_task *task)
{
    uint32_t bad = check_all(task, true);
    return bad == 0 && task->count > 0 ? EXIT_GOOD : EXIT_FINDINGS;
}

/* ---- show ---- */

/* The one that was named, or the newest that is whole, as a recovery takes it. */
static bool describe(struct snapshot_task *task, struct snapshot_description *description)
{
    struct failure failure;
    for (uint32_t i = 0; i < task->count; i++) {
        if (snapshot_describe(&task->disk, task->names[i], description, &failure) == STATUS_OK)
            return true;
        fprintf(stderr, "weir snapshot: %s\n", failure.text);
    }
    if (task->count == 0)
        fprintf(stderr, "weir snapshot: no snapshots in %s\n", task->place);
    return false;
}

static int show_action(struct snapshot_task *task)
{
    struct snapshot_description *description = calloc(1, sizeof *description);
    ASSERT(description);
    bool good = describe(task, description);
    const struct snapshot_facts *facts = &description->facts;
    if (good && task->flags.json)
        print_json(snapshot_description_json(description, task->now_ms));
    else if (good && task->flags.config)
        printf("%.*s\n", (int)facts->configuration_size, facts->configuration);
    else if (good)
        snapshot_description_print(description, task->now_ms, stdout);
    if (good)
        snapshot_facts_close(&description->facts);
    free(description);
    return good ? EXIT_GOOD : EXIT_FINDINGS;
}

/* ---- what is meant ---- */

static const struct snapshot_action action_table[] = {
    {"list", list_action}, {"verify", verify_action}, {"show", show_action}, {NULL, NULL}};

static const struct snapshot_action *action_find(const char *name)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const struct snapshot_action *action = action_table; action->name; action++) {
        if (strcmp(action->name, name) == 0)
            return action;
        suggest_offer(name, action->name, &best, &distance);
    }
    fprintf(stderr, "weir snapshot: unknown action '%s'", name);
    if (best)
        fprintf(stderr, "; did you mean '%s'?\n", best);
    else
        fprintf(stderr, "; known: list, verify, show\n");
    return NULL;
}

/* A configuration stands for its own state directory. */
static bool place_of_config(const char *path, char place[PLACE_MAX])
{
    struct config config;
    struct findings findings = {0};
    bool good = config_read(&config, path, &findings);
    if (good)
        loading_state_directory(&config, NULL, place, PLACE_MAX);
    else
        config_print_findings(&config, &findings);
    findings_close(&findings);
    config_close(&config);
    return good;
}

/* A directory with snapshots in it, or a configuration. */
static bool snapshot_place(const char *argument, char path[PLACE_MAX])
{
    struct stat file;
    if (stat(argument, &file) == 0 && S_ISREG(file.st_mode))
        return place_of_config(argument, path);
    int length = snprintf(path, PLACE_MAX, "%s", argument);
    if (length >= 0 && length < PLACE_MAX)
        return true;
    fprintf(stderr, "weir snapshot: the directory's path is too long\n");
    return false;
}

/* "snapshot-00000000000000000042", or 42. */
static bool name_parse(const char *text, char name[DISK_NAME_MAX])
{
    uint64_t sequence;
    char *end = NULL;
    if (!snapshot_name_parse(text, &sequence)) {
        sequence = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || strlen(text) > 20) {
            fprintf(stderr,
                    "weir snapshot: expected a name such as snapshot-00000000000000000042, or 42, "
                    "found '%s'\n",
                    text);
            return false;
        }
    }
    snapshot_name(name, sequence);
    return true;
}

static int task_run(struct snapshot_task *task, const struct snapshot_action *action,
                    const char *named)
{
    char path[PLACE_MAX];
    struct failure failure;
    if (!snapshot_place(task->place, path) || (named && !name_parse(named, task->names[0])))
        return EXIT_USAGE;
    task->named = named != NULL;
    task->count = 1;
    enum status status = disk_open(&task->disk, path, false, &failure);
    if (status == STATUS_OK && !named) {
        task->count = snapshot_list(&task->disk, task->names, LISTED_MAX, &failure);
        status = failure.status;
    }
    int code = EXIT_FINDINGS;
    if (status == STATUS_OK)
        code = action->run(task);
    else
        fprintf(stderr, "weir snapshot: %s\n", failure.text);
    disk_close(&task->disk);
    return code;
}

static int snapshot_run(const struct command *command, int argument_count, char **arguments)
{
    struct snapshot_task task = {.now_ms = clock_wall_ms(&system_clock)};
    int words = command_parse(command, argument_count, arguments, &task.flags);
    if (words < 0)
        return EXIT_USAGE;
    const struct snapshot_action *action = action_find(arguments[0]);
    if (!action)
        return EXIT_USAGE;
    task.place = arguments[1];
    task.names = calloc(LISTED_MAX, sizeof *task.names);
    ASSERT(task.names);
    int code = task_run(&task, action, words > 2 ? arguments[2] : NULL);
    free(task.names);
    return code;
}

static const struct flag snapshot_flags[] = {
    {"json", NULL, "print JSON", FLAG_SWITCH, offsetof(struct snapshot_flags, json)},
    {"config", NULL, "show: print the configuration it was written under, and nothing else",
     FLAG_SWITCH, offsetof(struct snapshot_flags, config)},
    {NULL, NULL, NULL, FLAG_SWITCH, 0},
};

const struct command command_snapshot = {
    .name = "snapshot",
    .usage = "weir snapshot list|verify|show DIRECTORY|CONFIG [NAME]",
    .summary = "lists, verifies and describes the snapshots of a state directory",
    .help = "list    what there is, newest first, by head and tail of each file\n"
            "verify  reads everything and checks it; exits 1 if one is damaged or there is none\n"
            "show    what is in the one named, else in the newest that is whole: journal and\n"
            "        inputs, configuration, bytes by part\n\n"
            "NAME is a file's name or an entry's number.  A running weir is not disturbed.",
    .flags = snapshot_flags,
    .argument_min = 2,
    .argument_max = 3,
    .run = snapshot_run,
};
