/* Any bytes as a configuration: read, or refused with findings that all have a place. */
#include "base/assert.h"
#include "engine/config.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct config *config = calloc(1, sizeof *config);
    struct findings findings = {0};
    ASSERT(config);
    bool good = config_read_text(config, "fuzz", (const char *)bytes, size, &findings);
    ASSERT(good == (findings.count == 0));
    config_locate_findings(config, &findings);
    for (uint32_t i = 0; i < findings.count; i++)
        ASSERT(findings.list[i].line > 0 && findings.list[i].line_column > 0);
    findings_close(&findings);
    config_close(config);
    free(config);
    return 0;
}
