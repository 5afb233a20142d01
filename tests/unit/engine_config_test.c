/* The configuration: what a good one becomes, where mistakes are found, and a table of bad ones
 * with the findings they must give (tests/golden/config: NAME.json and NAME.txt).
 *
 * WEIR_GOLDEN=write writes the table anew; look at the difference before believing it. */
#include "engine/config.h"
#include "engine/locate.h"
#include "engine/pipeline.h"
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char golden_folder[] = "tests/golden/config";

static struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    return config;
}

static void config_free(struct config *config, struct findings *findings)
{
    findings_close(findings);
    config_close(config);
    free(config);
}

/* Reads a text that must be good. */
static struct config *read_good(const char *text)
{
    struct config *config = config_new();
    struct findings findings = {0};
    if (!config_read_text(config, "test.json", text, strlen(text), &findings)) {
        config_print_findings(config, &findings);
        fail_msg("%u findings", findings.count);
    }
    findings_close(&findings);
    return config;
}

static const char smallest[] =
    "{\"name\": \"small\", \"events\": {\"source\": \"file\", \"path\": \"x.jsonl\", "
    "\"fields\": {\"when\": \"time\"}}}";

static void test_defaults(void **state)
{
    (void)state;
    struct findings none = {0};
    struct config *config = read_good(smallest);
    assert_string_equal(config->name, "small");
    assert_string_equal(config->group, "weir-small");
    assert_int_equal(config->seed, 1);
    assert_int_equal(config->memory, 1LL << 30);
    assert_int_equal(config->lateness_ms, 3600000);
    assert_int_equal(config->batch, 128);
    assert_int_equal(config->commit_ms, 100);
    assert_int_equal(config->recent_labels, 10000);
    assert_string_equal(config->events.source->name, "file");
    assert_string_equal(config->events.decoder->name, "json");
    assert_string_equal(config->events.name, "x.jsonl");
    assert_int_equal(config->events.payload_max, 65536);
    assert_int_equal(config->events.schema.field[0].role, ROLE_TIME);
    assert_true(config->events.schema.key.low != 0);
    assert_int_equal(config->outcome_count, 3);
    assert_string_equal(config->outcome[2], "block");
    assert_int_equal(config->alert_outcome, 1);
    assert_true(isnan(config->threshold[1]));
    assert_null(config->score);
    assert_null(config->kafka);
    assert_false(config->labels_input.present);
    assert_false(config->retraining.present);
    assert_null(config->output[STREAM_ALERTS].sink);
    config_free(config, &none);
}

static const char full[] =
    "{\"name\": \"full\", \"seed\": 9, \"memory\": \"64MiB\", \"batch\": 7,\n"
    " \"events\": {\"source\": \"file\", \"path\": \"x.csv\", \"format\": \"csv\", \"fields\": {\n"
    "   \"id\": \"id\", \"made\": {\"type\": \"time\", \"unit\": \"ms\", \"optional\": true},\n"
    "   \"time\": {\"type\": \"time\", \"unit\": \"us\", \"from\": \"a.b\"},\n"
    "   \"card\": {\"type\": \"key\", \"sensitive\": true},\n"
    "   \"amount\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 10, \"default\": 3},\n"
    "   \"channel\": {\"type\": \"enum\", \"values\": [\"pos\", \"web\"], \"default\": \"web\"},\n"
    "   \"born\": {\"type\": \"time\", \"default\": \"1970-01-02\"},\n"
    "   \"place\": {\"type\": \"text\", \"default\": \"none\"},\n"
    "   \"ok\": {\"type\": \"boolean\", \"default\": true}, \"lat\": \"latitude\"}},\n"
    " \"labels\": {\"source\": \"file\", \"path\": \"l.jsonl\", \"delay\": \"2d\",\n"
    "   \"event_field\": \"truth.fraud\", \"negative_after\": \"30d\", \"remembered\": 500,\n"
    "   \"fields\": {\"id\": \"event\", \"label\": \"fraud\", \n"
    "              \"time\": {\"from\": \"at\", \"unit\": \"ms\"}}},\n"
    " \"entities\": {\"card\": {\"entities_max\": 10}},\n"
    " \"features\": {\"a\": \"amount + 1\", \"b\": \"a * 2\"},\n"
    " \"models\": {\"m\": {\"kind\": \"logistic_regression\", \"features\": [\"b\", \"amount\"]},\n"
    "             \"n\": {\"kind\": \"logistic_regression\"}},\n"
    " \"score\": \"max(m, n)\", \"outcomes\": [\"low\", \"mid\", \"high\"],\n"
    " \"alerts_from\": \"high\", \"thresholds\": {\"mid\": 0.25, \"high\": 0.5},\n"
    " \"rules\": {\"r\": {\"when\": \"a > 3\", \"then\": \"high\"}},\n"
    " \"drift\": {\"d\": {\"kind\": \"adwin\", \"watch\": \"error\", \"retrain\": true}},\n"
    " \"retraining\": {\"model\": \"m\", \"examples\": 400, \"margin\": 0.1},\n"
    " \"outputs\": {\"alerts\": {\"sink\": \"file\", \"path\": \"a.jsonl\"}}}";

static void check_fields(const struct schema *schema)
{
    const struct field *field = schema->field;
    assert_int_equal(schema->field_count, 11);
    assert_int_equal(field[10].role, ROLE_LABEL); /* what events carry comes last */
    assert_int_equal(field[0].role, ROLE_ID);
    assert_int_equal(field[1].role, ROLE_NONE);
    assert_int_equal(field[1].unit, TIME_MILLISECONDS);
    assert_false(field[1].required);
    assert_int_equal(field[2].role, ROLE_TIME);
    assert_int_equal(field[2].unit, TIME_MICROSECONDS);
    assert_string_equal(field[2].source, "a.b");
    assert_true(field[3].sensitive && field[3].required);
    assert_true(field[4].has_fallback && !field[4].required && field[4].fallback == 3);
    assert_true(field[4].minimum == 0 && field[4].maximum == 10);
    assert_int_equal(field[5].choice_count, 2);
    assert_true(field[5].fallback == 1);
    assert_true(field[6].fallback == 86400);
    assert_string_equal(field[7].fallback_text, "none");
    assert_true(field[8].fallback == 1);
    assert_int_equal(field[9].type, FIELD_LATITUDE);
    assert_int_equal(field[9].slot, SLOT_NONE);
}

static void check_labels(const struct config *config)
{
    assert_string_equal(config->labels.event_source, "truth.fraud");
    assert_int_equal(config->labels.delay_ms, 2 * 86400000);
    assert_int_equal(config->labels.negative_after_ms, 30LL * 86400000);
    assert_int_equal(config->labels.remembered, 500);
    const struct schema *schema = &config->labels_input.schema;
    assert_true(config->labels_input.present);
    assert_int_equal(schema->field_count, 3);
    assert_string_equal(schema->field[0].source, "event");
    assert_int_equal(schema->field[0].role, ROLE_ID);
    assert_string_equal(schema->field[1].source, "fraud");
    assert_int_equal(schema->field[1].role, ROLE_LABEL);
    assert_int_equal(schema->field[2].role, ROLE_TIME);
    assert_int_equal(schema->field[2].unit, TIME_MILLISECONDS);
    assert_false(schema->field[2].required);
}

/* A node builds anew whenever it drops its state: the same configuration, the same plan. */
static void test_build_again(void **state)
{
    (void)state;
    struct findings findings = {0};
    struct config *config = read_good(
        "{\"name\": \"x\", \"events\": {\"source\": \"simulator\", \"fields\": {\"id\": \"id\", "
        "\"time\": \"time\", \"card\": \"key\", \"amount\": \"number\"}}, "
        "\"labels\": {\"event_field\": \"fraud\", \"delay\": \"1d\"}, "
        "\"features\": {\"f\": \"mean(amount) by card over 1d\"}}");
    uint32_t fields = config->events.schema.field_count;
    static struct pipeline once, again;
    assert_true(pipeline_build(&once, config, &findings));
    uint32_t values = once.program.value_count, texts = once.program.text_count;
    pipeline_close(&once);
    assert_true(pipeline_build(&again, config, &findings));
    assert_int_equal(again.program.value_count, values);
    assert_int_equal(again.program.text_count, texts);
    assert_int_equal(config->events.schema.field_count, fields);
    pipeline_close(&again);
    config_close(config);
    free(config);
}

static void test_full(void **state)
{
    (void)state;
    struct findings none = {0};
    struct config *config = read_good(full);
    check_fields(&config->events.schema);
    check_labels(config);
    assert_string_equal(config->events.decoder->name, "csv");
    assert_string_equal(config->entity[0].name, "card");
    assert_int_equal(config->entity[0].entities_max, 10);
    assert_int_equal(config->entity[0].events_max, 4096);
    assert_string_equal(config->feature[1].formula, "a * 2");
    assert_int_equal(config->model[0].feature_count, 2);
    assert_string_equal(config->model[0].feature[1], "amount");
    assert_false(config->model[0].all_features);
    assert_true(config->model[1].all_features);
    assert_string_equal(config->score, "max(m, n)");
    assert_int_equal(config->alert_outcome, 2);
    assert_true(config->threshold[1] == 0.25 && config->threshold[2] == 0.5);
    assert_string_equal(config->rule[0].when, "a > 3");
    assert_int_equal(config->rule[0].outcome, 2);
    assert_string_equal(config->detector[0].watch, "error");
    assert_true(config->detector[0].retrains);
    assert_string_equal(config->retraining.model, "m");
    assert_int_equal(config->retraining.examples, 400);
    assert_true(config->retraining.race.margin == 0.1);
    assert_int_equal(config->retraining.race.compare_labels, 2000);
    assert_string_equal(config->output[STREAM_ALERTS].sink->name, "file");
    config_free(config, &none);
}

/* The key follows from the name; a key file puts a secret in its place. */
static void test_key(void **state)
{
    (void)state;
    struct findings none = {0};
    char path[] = "/tmp/weir_key_XXXXXX", text[512];
    int file = mkstemp(path);
    assert_int_equal(write(file, "0123456789abcdef", 16), 16);
    close(file);
    struct config *plain = read_good(smallest);
    snprintf(text, sizeof text, "{\"key_file\": \"%s\", %s", path, smallest + 1);
    struct config *keyed = read_good(text);
    assert_memory_equal(&keyed->key, "0123456789abcdef", 16);
    assert_memory_equal(&keyed->events.schema.key, &keyed->key, sizeof keyed->key);
    assert_memory_not_equal(&plain->key, &keyed->key, sizeof plain->key);
    unlink(path);
    config_free(plain, &none);
    config_free(keyed, &none);
}

struct located {
    const char *path;
    bool key_itself;
    uint32_t inside, line, column;
};

static const char located_text[] =
    "{\n"
    "  \"a\": {\"b\": [1, {\"c\": 2}, \"x\"]},\n"
    "  \"k\": {\"bootstrap.servers\": 5, \"bootstrap\": {\"servers\": 6}},\n"
    "  \"t\": \"ab\\n\\u00e9\\ud83d\\ude00cd\",\n"
    "  \"h\\u00e9\": \"\xc3\xa9\xc3\xa9 + x\",\n"
    "  \"twice\": 1, \"twice\": 2,\n"
    "  \"\\ud83d\\ude00\": 3\n"
    "}\n";

static const struct located located[] = {
    {"", false, 0, 1, 1},
    {"a", true, 0, 2, 3},
    {"a", false, 0, 2, 8},
    {"a.b", false, 0, 2, 14},
    {"a.b[0]", false, 0, 2, 15},
    {"a.b[1]", false, 0, 2, 18},
    {"a.b[1].c", true, 0, 2, 19},
    {"a.b[1].c", false, 0, 2, 24},
    {"a.b[2]", false, 0, 2, 28},
    {"a.b[3]", false, 0, 2, 14},       /* not there: the list around it */
    {"a.missing.far", false, 0, 2, 8}, /* the object around it */
    {"missing", false, 0, 1, 1},
    {"k.bootstrap.servers", true, 0, 3, 9}, /* a name with a dot in it, the longest one */
    {"k.bootstrap.server", false, 0, 3, 46},
    {"t", false, 0, 4, 8},
    {"t", false, 1, 4, 10}, /* b */
    {"t", false, 2, 4, 11}, /* \n */
    {"t", false, 3, 4, 13}, /* \u00e9: two bytes */
    {"t", false, 4, 4, 13},
    {"t", false, 5, 4, 19},  /* the pair: four bytes */
    {"t", false, 9, 4, 31},  /* c */
    {"t", false, 99, 4, 33}, /* past the end: the closing quote */
    {"h\xc3\xa9", true, 0, 5, 3},
    {"h\xc3\xa9", false, 0, 5, 14},
    {"h\xc3\xa9", false, 7, 5, 20}, /* columns count characters */
    {"twice", false, 0, 6, 24},
    {"\xf0\x9f\x98\x80", false, 0, 7, 19}, /* a name of one pair */
};

static void test_locate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof located / sizeof *located; i++) {
        const struct located *one = &located[i];
        struct place place = locate_path(located_text, sizeof located_text - 1, one->path,
                                         one->key_itself, one->inside);
        if (place.line != one->line || place.column != one->column)
            fail_msg("%s (%d, %u): %u:%u, expected %u:%u", one->path, one->key_itself, one->inside,
                     place.line, place.column, one->line, one->column);
    }
}

/* Every finding of a file, as `weir lint` prints them; owned by the caller. */
static char *findings_of(const char *path)
{
    struct config *config = config_new();
    struct findings findings = {0};
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_true(file && pipeline);
    config_read(config, path, &findings);
    if (config->buildable) {
        pipeline_build(pipeline, config, &findings);
        pipeline_close(pipeline);
    }
    config_locate_findings(config, &findings);
    config_write_findings(config, &findings, file);
    fclose(file);
    free(pipeline);
    config_free(config, &findings);
    return text;
}

static void check_golden(const char *name)
{
    char path[512], expected[1 << 14];
    snprintf(path, sizeof path, "%s/%.*s.txt", golden_folder, (int)(strlen(name) - 5), name);
    char input[512];
    snprintf(input, sizeof input, "%s/%s", golden_folder, name);
    char *found = findings_of(input);
    bool writes = getenv("WEIR_GOLDEN") && strcmp(getenv("WEIR_GOLDEN"), "write") == 0;
    FILE *file = fopen(path, writes ? "w" : "r");
    if (!file)
        fail_msg("%s is missing", path);
    if (writes)
        fputs(found, file);
    size_t size = writes ? 0 : fread(expected, 1, sizeof expected - 1, file);
    fclose(file);
    expected[size] = '\0';
    if (!writes)
        assert_string_equal(found, expected);
    free(found);
}

static void test_golden(void **state)
{
    (void)state;
    struct dirent **entries;
    int checked = 0, count = scandir(golden_folder, &entries, NULL, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *end = strrchr(entries[i]->d_name, '.');
        if (end && strcmp(end, ".json") == 0 && ++checked)
            check_golden(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_true(checked >= 15);
}

/* What we ship is good. */
static void test_shipped(void **state)
{
    (void)state;
    static const char *const shipped[] = {
        "configs/payments.json", "configs/handbook.json", "configs/bananas.json",
        "configs/cover.json",    "configs/elec2.json",    "configs/mammography.json",
        "configs/phishing.json", "configs/shuttle.json",  "configs/security.json"};
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        char *found = findings_of(shipped[i]);
        assert_string_equal(found, "");
        free(found);
    }
}

static void test_no_file(void **state)
{
    (void)state;
    char *found = findings_of("tests/golden/config/no_such_file.json");
    assert_string_equal(found, "tests/golden/config/no_such_file.json: could not open it: "
                               "No such file or directory\n");
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_full),
        cmocka_unit_test(test_build_again), cmocka_unit_test(test_key),
        cmocka_unit_test(test_locate),      cmocka_unit_test(test_golden),
        cmocka_unit_test(test_shipped),     cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
