/* States that earlier versions wrote (tests/golden/state/1, 2, ...) can be read for ever: each is
 * loaded, goes on with the events that stand beside it, and every model scores them as it did then.
 *
 *     pipeline.json   the configuration        snapshot.gz   the state, as a snapshot
 *     events.jsonl    what came next           scores.txt    a line an event: each model's score
 *
 * What is there is never written again.  When kinds have come or a layout has changed on purpose:
 * extend `pipeline` below and run this with WEIR_GOLDEN=write from the top of the repository; it
 * adds the next number. */
#include "tests/unit/engine_resume.h"
#include <math.h>
#include <sys/stat.h>
#include <zlib.h>

enum { LEARNED = 300, GOES_ON = 120, STATES_MAX = 1000, FILE_MOST = 64 << 20 };

static const char folder[] = "tests/golden/state";

static const char pipeline[] =
    "{'name': 'resume', 'memory': '64MiB', " RESUME_EVENTS ", 'recent_labels': 100,"
    "'features': {'sum': 'x1 + coalesce(x2, 0)', 'late': 'mean(x1) by card over 5m',"
    "  'risk': 'mean(label) by shop over 1h'},"
    "'entities': {'card': {'entities_max': 40, 'events_max': 16},"
    "  'shop': {'entities_max': 10, 'events_max': 16}},"
    "'models': {"
    "  'newton': {'kind': 'logistic_regression', 'features': ['x1', 'x2', 'late', 'risk']},"
    "  'sgd': {'kind': 'logistic_regression', 'optimizer': 'sgd', 'features': ['x1', 'x3']},"
    "  'adagrad': {'kind': 'logistic_regression', 'optimizer': 'adagrad', 'scaler': 'standard',"
    "    'features': ['x2', 'colour'], 'imbalance': 'weights', 'feature_dropout': 0.1},"
    "  'trees': {'kind': 'half_space_trees', 'trees': 4, 'depth': 4, 'window': 40,"
    "    'features': ['x1', 'x2', 'x3', 'open']},"
    "  'rare': {'kind': 'conformal', 'window': 60, 'features': ['trees']},"
    "  'odd': {'kind': 'conformal_negatives', 'window': 60, 'features': ['trees']},"
    "  'mean': {'kind': 'average', 'features': ['newton', 'sgd', 'adagrad']},"
    "  'best': {'kind': 'best_expert', 'features': ['newton', 'sgd', 'adagrad']},"
    "  'platt': {'kind': 'platt', 'features': ['best']},"
    "  'isotonic': {'kind': 'isotonic', 'bins': 32, 'features': ['mean']},"
    "  'stack': {'kind': 'logistic_regression', 'features': ['newton', 'adagrad', 'rare']}},"
    "'score': 'platt', 'thresholds': {'review': 0.5},"
    "'drift': {'harder': {'kind': 'adwin', 'watch': 'error'},"
    "  'higher': {'kind': 'page_hinkley', 'watch': 'score'}}}";

static const char *path_of(int number, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%d/%s", folder, number, name);
    return path;
}

static bool is_there(int number)
{
    struct stat status;
    return stat(path_of(number, "pipeline.json"), &status) == 0;
}

/* The whole file, unpacked if it is packed, with a zero behind it. */
static char *read_whole(int number, const char *name, size_t *size)
{
    gzFile file = gzopen(path_of(number, name), "rb");
    if (!file)
        fail_msg("%s cannot be opened", path_of(number, name));
    char *bytes = malloc(FILE_MOST + 1);
    assert_non_null(bytes);
    int got = gzread(file, bytes, FILE_MOST);
    assert_true(got > 0 && got < FILE_MOST);
    gzclose(file);
    bytes[got] = '\0';
    *size = (size_t)got;
    return bytes;
}

static const double *scores_of(const struct trial *trial, uint64_t number)
{
    return history_scores(&trial->pipeline.history, &trial->pipeline.state, number);
}

static void fold_line(struct trial *trial, const char *line, size_t size)
{
    char text[512];
    assert_true(size < sizeof text);
    memcpy(text, line, size);
    text[size] = '\0';
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
    batch_clear(&trial->batch);
}

/* ---- reading one that is there ---- */

static void compare_scores(struct trial *trial, const char *events, char *scores, int number)
{
    uint64_t first = trial_fold(trial)->events;
    for (uint64_t i = 0; *events; i++) {
        size_t size = strcspn(events, "\n");
        fold_line(trial, events, size);
        const double *now = scores_of(trial, first + i);
        for (uint32_t j = 0; j < trial->config.model_count; j++) {
            double then = strtod(scores, &scores);
            if (!(fabs(now[j] - then) < 1e-6))
                fail_msg("state %d, event %d: %s scores %.9g, and %.9g then", number, (int)i,
                         trial->config.model[j].name, now[j], then);
        }
        events += size + (events[size] == '\n');
    }
}

static void test_old_states(void **unused)
{
    (void)unused;
    for (int number = 1; number < STATES_MAX && is_there(number); number++) {
        size_t size;
        struct disk disk;
        struct memory_disk *memory = memory_disk_new(&disk);
        char *text = read_whole(number, "pipeline.json", &size);
        char *events = read_whole(number, "events.jsonl", &size);
        char *scores = read_whole(number, "scores.txt", &size);
        char *snapshot = read_whole(number, "snapshot.gz", &size), name[DISK_NAME_MAX];
        snapshot_name(name, 1);
        memory_disk_put(memory, name, snapshot, size);
        struct trial *trial = resume_load(text, &disk, 1);
        compare_scores(trial, events, scores, number);
        assert_int_equal(trial_fold(trial)->events, LEARNED + GOES_ON);
        trial_close(trial);
        memory_disk_free(memory);
        free(text);
        free(events);
        free(scores);
        free(snapshot);
    }
    assert_true(is_there(1));
}

/* ---- adding one ---- */

static void write_snapshot(struct trial *trial, int number)
{
    struct disk disk;
    struct failure failure;
    struct snapshots *snapshots;
    struct memory_disk *memory = memory_disk_new(&disk);
    uint64_t now_ns = 0;
    const struct clock clock = {trial_wall_ms, trial_monotonic_ns, &now_ns};
    const struct snapshots_setting setting = {disk, &clock, 2, 64 << 20, false, false};
    char name[DISK_NAME_MAX];
    assert_int_equal(snapshots_open(&snapshots, &setting, &failure), STATUS_OK);
    resume_begin(trial, snapshots, 1);
    resume_finish(snapshots);
    snapshot_name(name, 1);
    const struct memory_file *file = memory_disk_file(memory, name);
    gzFile packed = gzopen(path_of(number, "snapshot.gz"), "wb9");
    assert_true(packed && gzwrite(packed, file->bytes, (unsigned)file->size) == (int)file->size);
    assert_int_equal(gzclose(packed), Z_OK);
    snapshots_close(snapshots);
    memory_disk_free(memory);
}

static void add_state(int number)
{
    char text[512];
    struct random random;
    struct trial *trial = trial_open(pipeline);
    random_seed(&random, 5);
    mkdir(path_of(number, ""), 0777);
    resume_fold(trial, 0, LEARNED, &random);
    write_snapshot(trial, number);
    FILE *written = fopen(path_of(number, "pipeline.json"), "w");
    assert_true(written && fwrite(trial->config.text, 1, trial->config.text_size, written) > 0);
    fclose(written);
    FILE *events = fopen(path_of(number, "events.jsonl"), "w");
    FILE *scores = fopen(path_of(number, "scores.txt"), "w");
    assert_true(events && scores);
    for (uint64_t i = LEARNED; i < LEARNED + GOES_ON; i++) {
        resume_record(i, text, sizeof text);
        fprintf(events, "%s\n", text);
        fold_line(trial, text, strlen(text));
        for (uint32_t j = 0; j < trial->config.model_count; j++)
            fprintf(scores, "%s%.9g", j ? " " : "", scores_of(trial, i)[j]);
        fprintf(scores, "\n");
    }
    fclose(events);
    fclose(scores);
    trial_close(trial);
}

int main(void)
{
    const char *golden = getenv("WEIR_GOLDEN");
    int number = 1;
    while (is_there(number))
        number++;
    if (golden && strcmp(golden, "write") == 0)
        add_state(number);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_old_states)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
