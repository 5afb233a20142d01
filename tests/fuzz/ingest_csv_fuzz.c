/* Any bytes as a CSV record under a good header, and their first line as a header. */
#include "tests/fuzz/ingest_fuzz.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void open_header(const struct decoder_kind *kind, const struct schema *schema,
                        const uint8_t *bytes, size_t size)
{
    struct failure failure;
    void *decoder;
    const uint8_t *end = memchr(bytes, '\n', size);
    char *header = strndup((const char *)bytes, end ? (size_t)(end - bytes) : size);
    ASSERT(header);
    if (kind->open(&decoder, schema, header, &failure) == STATUS_OK)
        kind->close(decoder);
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct schema schema;
    static struct batch batch;
    static void *decoder;
    struct failure failure;
    const struct decoder_kind *kind = decoder_find("csv");
    if (!decoder) {
        fuzz_schema(&schema);
        ASSERT(batch_open(&batch, schema.field_count, schema.field_count, &failure) == STATUS_OK);
        ASSERT(kind->open(&decoder, &schema, "id,t,c.i,n,b,e,lat,lon", &failure) == STATUS_OK);
    }
    if (size == 0 || size > BATCH_PAYLOAD_MAX)
        return 0;
    open_header(kind, &schema, bytes, size);
    batch_clear(&batch);
    ASSERT(batch_add(&batch, RECORD_EVENT, (struct position){0}, bytes, size));
    kind->decode(decoder, &batch, 0);
    fuzz_check(&schema, &batch);
    return 0;
}
