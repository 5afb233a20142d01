/* All decoders, in the order of `weir list decoders`. */
#include "ingest/decoder.h"
#include <string.h>

extern const struct decoder_kind json_decoder, csv_decoder;

const struct decoder_kind *const decoder_table[] = {&json_decoder, &csv_decoder, NULL};

const struct decoder_kind *decoder_find(const char *name)
{
    for (const struct decoder_kind *const *kind = decoder_table; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
