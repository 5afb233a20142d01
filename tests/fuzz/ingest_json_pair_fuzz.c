/* Any two JSON records, one behind the other: the second is compared with the first where both are
 * plain, and whatever comes of that must be what the tree says of it. */
#include "tests/fuzz/ingest_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char list[] = "{\"~\":[],"; /* in front of a record's first member: no plain one */
enum { LIST_SIZE = sizeof list - 1, SIZE_MOST = 4096, BOUNDARY = 0xFE /* never in UTF-8 */ };

static struct schema schema;

static void decode(void *decoder, struct batch *batch, const void *bytes, size_t size)
{
    batch_clear(batch);
    ASSERT(batch_add(batch, RECORD_EVENT, (struct position){0}, bytes, size));
    /* Whatever is not filled shows. */
    for (uint32_t i = 0; i < schema.field_count; i++)
        batch_column(batch, i)[0].key = (uintptr_t)batch;
    decoder_find("json")->decode(decoder, batch, 0);
    fuzz_check(&schema, batch);
}

static void check_span(const struct batch *a, struct span of_a, const struct batch *b,
                       struct span of_b)
{
    ASSERT(of_a.size == of_b.size &&
           memcmp(batch_bytes(a, of_a), batch_bytes(b, of_b), of_a.size) == 0);
}

static void check_same(const struct batch *a, const struct batch *b)
{
    ASSERT(a->dead[0] == b->dead[0] && a->id[0] == b->id[0]);
    ASSERT(memcmp(&a->label[0], &b->label[0], sizeof a->label[0]) == 0);
    check_span(a, a->id_text[0], b, b->id_text[0]);
    for (uint32_t i = 0; i < schema.field_count; i++) {
        ASSERT(batch_column(a, i)[0].key == batch_column(b, i)[0].key);
        check_span(a, batch_texts(a, i)[0], b, batch_texts(b, i)[0]);
    }
}

/* The record with the list in it; 0: it cannot be put there. */
static size_t with_list(const uint8_t *record, size_t size, uint8_t bytes[LIST_SIZE + SIZE_MOST])
{
    size_t at = 1;
    if (size < 2 || record[0] != '{')
        return 0;
    while (at < size && strchr(" \n\r\t", record[at]) && record[at])
        at++;
    if (at == size || record[at] == '}')
        return 0;
    memcpy(bytes, list, LIST_SIZE);
    memcpy(bytes + LIST_SIZE, record + 1, size - 1);
    return LIST_SIZE + size - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct batch one, other;
    static void *tree;
    static uint8_t listed[LIST_SIZE + SIZE_MOST];
    struct failure failure;
    void *decoder;
    const struct decoder_kind *kind = decoder_find("json");
    if (!tree) {
        fuzz_schema(&schema);
        ASSERT(batch_open(&one, schema.field_count, schema.field_count, &failure) == STATUS_OK);
        ASSERT(batch_open(&other, schema.field_count, schema.field_count, &failure) == STATUS_OK);
        ASSERT(kind->open(&tree, &schema, NULL, &failure) == STATUS_OK);
    }
    const uint8_t *boundary = size ? memchr(bytes, BOUNDARY, size) : NULL;
    const uint8_t *second = boundary ? boundary + 1 : bytes;
    size_t first_size = boundary ? (size_t)(boundary - bytes) : size;
    size_t second_size = size - (size_t)(second - bytes);
    if (size > SIZE_MOST)
        return 0;
    ASSERT(kind->open(&decoder, &schema, NULL, &failure) == STATUS_OK);
    decode(decoder, &one, bytes, first_size);
    decode(decoder, &one, bytes, first_size); /* the first look only begins a pause */
    decode(decoder, &one, second, second_size);
    kind->close(decoder);
    size_t listed_size = with_list(second, second_size, listed);
    if (listed_size > 0) {
        decode(tree, &other, listed, listed_size);
        check_same(&one, &other);
    }
    return 0;
}
