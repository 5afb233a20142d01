/* Any bytes as a JSON record. */
#include "tests/fuzz/ingest_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct schema schema;
    static struct batch batch;
    static void *decoder;
    struct failure failure;
    const struct decoder_kind *kind = decoder_find("json");
    if (!decoder) {
        fuzz_schema(&schema);
        ASSERT(batch_open(&batch, schema.field_count, schema.field_count, &failure) == STATUS_OK);
        ASSERT(kind->open(&decoder, &schema, NULL, &failure) == STATUS_OK);
    }
    if (size > BATCH_PAYLOAD_MAX)
        return 0;
    batch_clear(&batch);
    ASSERT(batch_add(&batch, RECORD_EVENT, (struct position){0}, bytes, size));
    kind->decode(decoder, &batch, 0);
    fuzz_check(&schema, &batch);
    return 0;
}
