/* A model by itself over a table of numbers, tested then taught: what it costs and how good it is.
 * One JSON line a run: accuracy, F1, area under the ROC curve, nanoseconds an event.
 *
 *     models_prequential_bench [--kind KIND] [--options JSON] [--label COLUMN] [--without A,B]
 *                              [--rows N] [--seeds N] [--scores] [FILE.csv | -]
 *
 * The label is the last column unless named; its values in sorted order (numbers as numbers) are
 * the classes 0, 1, ...  Columns that hold anything but numbers are enumerations.  Without a file
 * it makes a stream of its own.  --scores prints "label,score" lines before the figures. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/random.h"
#include "models/model.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 256, CHOICES_MAX = 1024, OWN_ROWS = 200000, OWN_COLUMNS = 10 };

struct table {
    uint64_t rows, room, columns;
    char *name[COLUMNS_MAX];
    bool text[COLUMNS_MAX];
    uint64_t choices[COLUMNS_MAX];
    char *choice[COLUMNS_MAX][CHOICES_MAX];
    union value *cell; /* (rows, columns) */
};

struct request {
    const char *kind, *options, *label, *without, *file;
    uint64_t rows, seeds;
    bool scores;
};

static struct table table;

static double choice_index(uint64_t column, const char *text)
{
    uint64_t index = 0;
    while (index < table.choices[column] && strcmp(table.choice[column][index], text) != 0)
        index++;
    if (index == table.choices[column]) {
        ASSERT(index < CHOICES_MAX);
        table.choice[column][table.choices[column]++] = strdup(text);
    }
    return (double)index;
}

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return end != text && *end == 0;
}

/* Splits in place; quotes around a cell are dropped. */
static uint64_t split(char *line, char **cells)
{
    uint64_t count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *cell; (cell = strsep(&line, ",")) && count < COLUMNS_MAX;) {
        size_t length = strlen(cell);
        if (length >= 2 && cell[0] == '"' && cell[length - 1] == '"') {
            cell[length - 1] = 0;
            cell++;
        }
        cells[count++] = cell;
    }
    return count;
}

static union value *table_row(uint64_t row)
{
    if (row == table.room) {
        table.room = table.room ? 2 * table.room : 1 << 16;
        table.cell = realloc(table.cell, table.room * table.columns * sizeof *table.cell);
        ASSERT(table.cell);
    }
    return table.cell + row * table.columns;
}

/* A column's type is told by its first row. */
static void table_read(FILE *file, uint64_t rows)
{
    static char line[1 << 16];
    char *cells[COLUMNS_MAX];
    ASSERT(fgets(line, sizeof line, file));
    table.columns = split(line, cells);
    for (uint64_t i = 0; i < table.columns; i++)
        table.name[i] = strdup(cells[i]);
    while (table.rows < rows && fgets(line, sizeof line, file)) {
        uint64_t count = split(line, cells);
        union value *row = table_row(table.rows);
        for (uint64_t i = 0; i < table.columns; i++) {
            const char *cell = i < count ? cells[i] : "";
            if (table.rows == 0)
                table.text[i] = *cell && !is_number(cell);
            row[i].number = table.text[i] ? choice_index(i, cell)
                            : *cell       ? strtod(cell, NULL)
                                          : MISSING;
        }
        table.rows++;
    }
}

/* Uniform numbers; the label is on which side of a plane that turns slowly they lie, one of twenty
 * is wrong. */
static void table_make(uint64_t rows)
{
    static char names[OWN_COLUMNS + 1][8];
    struct random random;
    random_seed(&random, 1);
    table.columns = OWN_COLUMNS + 1;
    for (uint64_t i = 0; i < table.columns; i++) {
        snprintf(names[i], sizeof names[i], "x%d", (int)i);
        table.name[i] = names[i];
    }
    for (; table.rows < rows; table.rows++) {
        union value *row = table_row(table.rows);
        double side = 0;
        for (uint64_t i = 0; i < OWN_COLUMNS; i++) {
            row[i].number = random_uniform(&random);
            side += (row[i].number - 0.5) * cos((double)i + (double)table.rows / 50000);
        }
        row[OWN_COLUMNS].number = (side > 0) ^ (random_below(&random, 20) == 0);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Labels become classes in sorted order; returns how many there are. */
static uint32_t number_classes(uint64_t column)
{
    static double class[CHOICES_MAX];
    uint32_t count = 0;
    char *sorted[CHOICES_MAX];
    memcpy(sorted, table.choice[column], sizeof sorted);
    qsort(sorted, table.choices[column], sizeof *sorted, compare_texts);
    for (uint64_t i = 0; i < table.rows && !table.text[column]; i++) {
        uint32_t known = 0;
        while (known < count && class[known] != table.cell[i * table.columns + column].number)
            known++;
        if (known == count && count < CHOICES_MAX)
            class[count++] = table.cell[i * table.columns + column].number;
    }
    qsort(class, count, sizeof *class, compare_numbers);
    for (uint64_t i = 0; i < table.rows; i++) {
        union value *cell = &table.cell[i * table.columns + column];
        uint32_t place = 0;
        if (table.text[column]) {
            const char *text = table.choice[column][(uint64_t)cell->number];
            while (strcmp(sorted[place], text) != 0)
                place++;
        } else {
            while (place + 1 < count && class[place] != cell->number)
                place++;
        }
        cell->number = place;
    }
    return table.text[column] ? (uint32_t)table.choices[column] : count;
}

/* Whether a comma-separated list names it. */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at && (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ','))
            return true;
    return false;
}

/* Moves the features to the front of each row, the label behind them. */
static void arrange(const struct request *request, struct model_shape *shape)
{
    static enum value_type types[COLUMNS_MAX];
    static const char *names[COLUMNS_MAX];
    uint64_t label = table.columns - 1, kept[COLUMNS_MAX];
    for (uint64_t i = 0; i < table.columns && request->label; i++)
        if (strcmp(table.name[i], request->label) == 0)
            label = i;
    shape->class_count = number_classes(label);
    shape->class_count = shape->class_count < 2 ? 2 : shape->class_count;
    for (uint64_t i = 0; i < table.columns; i++) {
        if (i == label || listed(request->without, table.name[i]))
            continue;
        types[shape->feature_count] = table.text[i] ? TYPE_ENUM : TYPE_NUMBER;
        names[shape->feature_count] = table.name[i];
        kept[shape->feature_count++] = i;
    }
    shape->type = types;
    shape->feature_name = names;
    for (uint64_t i = 0; i < table.rows; i++) {
        union value *row = &table.cell[i * table.columns], before[COLUMNS_MAX];
        memcpy(before, row, table.columns * sizeof *row);
        for (uint32_t j = 0; j < shape->feature_count; j++)
            row[j] = before[kept[j]];
        row[table.columns - 1] = before[label];
    }
}

struct pair {
    double score, label;
};

static int compare_pairs(const void *a, const void *b)
{
    return compare_numbers(&((const struct pair *)a)->score, &((const struct pair *)b)->score);
}

/* By ranks, ties sharing theirs. */
static double area_under_curve(struct pair *pairs, uint64_t count)
{
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    double rank_sum = 0, positives = 0;
    for (uint64_t i = 0, j; i < count; i = j) {
        double here = 0;
        for (j = i; j < count && pairs[j].score == pairs[i].score; j++)
            here += pairs[j].label;
        rank_sum += here * ((double)(i + j + 1) / 2);
        positives += here;
    }
    double negatives = (double)count - positives;
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

/* Of class 1 with two classes, else the mean over the classes. */
static double f1_of(uint64_t counts[MODEL_CLASSES_MAX][MODEL_CLASSES_MAX], uint32_t classes)
{
    double sum = 0;
    for (uint32_t i = classes == 2; i < classes; i++) {
        double right = (double)counts[i][i], told = 0, there = 0;
        for (uint32_t j = 0; j < classes; j++) {
            told += (double)counts[j][i];
            there += (double)counts[i][j];
        }
        sum += told + there > 0 ? 2 * right / (told + there) : 0;
    }
    return classes == 2 ? sum : sum / classes;
}

static void report(const struct request *request, const struct model_shape *shape, uint64_t seed,
                   struct pair *pairs, double ns, uint64_t bytes)
{
    static uint64_t counts[MODEL_CLASSES_MAX][MODEL_CLASSES_MAX];
    memset(counts, 0, sizeof counts);
    uint64_t right = 0;
    for (uint64_t i = 0; i < table.rows; i++) {
        double taken = shape->class_count > 2 ? pairs[i].score : pairs[i].score > 0.5;
        counts[(uint32_t)pairs[i].label][(uint32_t)taken]++;
        right += taken == pairs[i].label;
        if (request->scores)
            printf("%.0f,%.17g\n", pairs[i].label, pairs[i].score);
    }
    printf("{\"bench\":\"prequential\",\"kind\":\"%s\",\"seed\":%llu,\"rows\":%llu,"
           "\"features\":%u,\"accuracy\":%.6f,\"f1\":%.6f,",
           request->kind, (unsigned long long)seed, (unsigned long long)table.rows,
           shape->feature_count, (double)right / (double)table.rows,
           f1_of(counts, shape->class_count));
    if (shape->class_count == 2)
        printf("\"auc\":%.6f,", area_under_curve(pairs, table.rows));
    printf("\"us_event\":%.4f,\"bytes\":%llu}\n", ns / 1000, (unsigned long long)bytes);
}

static void run(const struct request *request, const struct model_shape *shape, uint64_t seed)
{
    const struct model_kind *kind = model_find(request->kind);
    ASSERT(kind);
    void *options = calloc(1, kind->option_size + 1);
    struct findings findings = {0};
    json_t *given = json_loads(request->options, 0, NULL);
    options_read(kind->options, given, "bench", NULL, options, &findings);
    ASSERT(options && given && findings.count == 0);
    uint64_t size = kind->state_size(options, shape);
    void *self = aligned_alloc(64, (size + 63) / 64 * 64);
    struct pair *pairs = calloc(table.rows, sizeof *pairs);
    ASSERT(self && pairs);
    kind->init(self, options, shape, seed);
    uint64_t start = clock_monotonic_ns(&system_clock);
    for (uint64_t i = 0; i < table.rows; i++) {
        const union value *row = &table.cell[i * table.columns];
        double label = row[table.columns - 1].number;
        struct example example = {.feature = row,
                                  .time_ms = (int64_t)i * 1000,
                                  .label = kind->supervised ? label : MISSING,
                                  .weight = 1};
        pairs[i] = (struct pair){kind->learn(self, &example), label};
    }
    uint64_t taken = clock_monotonic_ns(&system_clock) - start;
    report(request, shape, seed, pairs, (double)taken / (double)table.rows, size);
    json_decref(given);
    free(options);
    free(self);
    free(pairs);
}

static struct request arguments(int count, char **given)
{
    struct request request = {"logistic_regression", "{}", NULL, NULL, NULL, UINT64_MAX, 1, false};
    for (int i = 1; i < count; i++) {
        const char *name = given[i], *value = i + 1 < count ? given[i + 1] : "";
        i++;
        if (strcmp(name, "--kind") == 0)
            request.kind = value;
        else if (strcmp(name, "--options") == 0)
            request.options = value;
        else if (strcmp(name, "--label") == 0)
            request.label = value;
        else if (strcmp(name, "--without") == 0)
            request.without = value;
        else if (strcmp(name, "--rows") == 0)
            request.rows = strtoull(value, NULL, 10);
        else if (strcmp(name, "--seeds") == 0)
            request.seeds = strtoull(value, NULL, 10);
        else if (strcmp(name, "--scores") == 0)
            request.scores = true, i--;
        else
            request.file = name, i--;
    }
    return request;
}

int main(int count, char **given)
{
    struct request request = arguments(count, given);
    struct model_shape shape = {0};
    if (!model_find(request.kind)) {
        fprintf(stderr, "there is no model %s\n", request.kind);
        return 2;
    }
    if (request.file) {
        FILE *file = strcmp(request.file, "-") == 0 ? stdin : fopen(request.file, "r");
        if (!file) {
            fprintf(stderr, "%s: %s\n", request.file, strerror(errno));
            return 2;
        }
        table_read(file, request.rows);
    } else {
        table_make(request.rows < OWN_ROWS ? request.rows : OWN_ROWS);
    }
    arrange(&request, &shape);
    for (uint64_t seed = 1; seed <= request.seeds; seed++)
        run(&request, &shape, seed);
    return 0;
}
