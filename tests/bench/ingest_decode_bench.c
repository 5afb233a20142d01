/* CPU time a record, in ns: decoding a transaction of about 260 bytes from JSON and from CSV,
 * beside the bare parse of the same JSON (a schema without fields), and making transactions.  One
 * JSON line a figure. */
#include "ingest/decoder.h"
#include "ingest/simulator.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 800, REPEATS = 15 };

static const char json_text[] =
    "{\"id\":\"t0000012345\",\"time\":\"2025-01-01T00:00:31.250Z\",\"card\":\"4000000000012344\","
    "\"merchant\":\"m001234\",\"terminal\":\"p0001234\",\"mcc\":\"5411\",\"channel\":\"web\","
    "\"amount\":57.16,\"country\":\"FR\",\"lat\":48.8566,\"lon\":2.3522,\"device\":\"d0123456789\","
    "\"status\":\"approved\"}";
static const char csv_header[] =
    "id,time,card,merchant,terminal,mcc,channel,amount,country,lat,lon,device,status";
static const char csv_text[] = "t0000012345,2025-01-01T00:00:31.250Z,4000000000012344,m001234,"
                               "p0001234,5411,web,57.16,FR,48.8566,2.3522,d0123456789,approved";

static void add_field(struct schema *schema, const char *name, enum field_type type)
{
    struct field *field = &schema->field[schema->field_count];
    snprintf(field->name, sizeof field->name, "%s", name);
    snprintf(field->source, sizeof field->source, "%s", name);
    field->type = type;
    field->slot = schema->field_count++;
    field->text_slot = SLOT_NONE;
}

static void make_schema(struct schema *schema)
{
    static char channels[3][SCHEMA_NAME_MAX] = {"pos", "web", "atm"};
    static char statuses[2][SCHEMA_NAME_MAX] = {"approved", "declined"};
    add_field(schema, "id", FIELD_ID);
    schema->field[0].role = ROLE_ID;
    add_field(schema, "time", FIELD_TIME);
    schema->field[1].role = ROLE_TIME;
    add_field(schema, "card", FIELD_KEY);
    schema->field[2].text_slot = 0;
    add_field(schema, "merchant", FIELD_KEY);
    add_field(schema, "terminal", FIELD_KEY);
    add_field(schema, "mcc", FIELD_KEY);
    add_field(schema, "channel", FIELD_ENUM);
    schema->field[6].choices = channels;
    schema->field[6].choice_count = 3;
    add_field(schema, "amount", FIELD_NUMBER);
    add_field(schema, "country", FIELD_TEXT);
    add_field(schema, "lat", FIELD_LATITUDE);
    add_field(schema, "lon", FIELD_LONGITUDE);
    add_field(schema, "device", FIELD_KEY);
    add_field(schema, "status", FIELD_ENUM);
    schema->field[12].choices = statuses;
    schema->field[12].choice_count = 2;
}

/* Of this thread alone: other programs on the machine do not count. */
static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void stop(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

static void report(const char *name, double ns, size_t bytes)
{
    printf("{\"bench\":\"%s\",\"ns_per_record\":%.1f,\"bytes\":%zu}\n", name, ns, bytes);
}

/* Decodes full batches; the best of some repeats. */
static void measure(const char *name, const char *kind_name, const struct schema *schema,
                    const char *header, const char *text)
{
    static struct batch batch;
    struct failure failure;
    const struct decoder_kind *kind = decoder_find(kind_name);
    void *decoder;
    if (batch_open(&batch, 16, 1, &failure) != STATUS_OK ||
        kind->open(&decoder, schema, header, &failure) != STATUS_OK)
        stop(failure.text);
    while (batch_add(&batch, RECORD_EVENT, (struct position){0}, text, strlen(text)))
        continue;
    double best = 1e18;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = cpu_ns();
        for (int round = 0; round < ROUNDS; round++)
            for (uint32_t row = 0; row < batch.count; row++) {
                batch.room_used[row] = 0;
                kind->decode(decoder, &batch, row);
            }
        double ns = (cpu_ns() - start) / ROUNDS / batch.count;
        best = ns < best ? ns : best;
    }
    if (batch.dead[0])
        stop(batch.reason[0]);
    report(name, best, strlen(text));
    kind->close(decoder);
    batch_close(&batch);
}

static void measure_simulator(void)
{
    struct simulator_setting setting;
    struct failure failure;
    struct simulator *simulator;
    simulator_standard(&setting);
    setting.count = 1000000;
    if (simulator_open(&simulator, &setting, &failure) != STATUS_OK)
        stop(failure.text);
    struct transaction transaction;
    char bytes[TRANSACTION_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes);
    size_t total = 0;
    double start = cpu_ns();
    while (simulator_next(simulator, &transaction)) {
        buffer_clear(&text);
        transaction_write(&text, &transaction, true);
        total += text.size;
    }
    double ns = (cpu_ns() - start) / (double)setting.count;
    report("simulate", ns, total / (size_t)setting.count);
    simulator_close(simulator);
}

int main(void)
{
    static struct schema schema, none;
    make_schema(&schema);
    measure("parse_json", "json", &none, NULL, json_text);
    measure("decode_json", "json", &schema, NULL, json_text);
    measure("decode_csv", "csv", &schema, csv_header, csv_text);
    measure_simulator();
    return 0;
}
