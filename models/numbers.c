/* Lists of numbers to and from JSON; see numbers.h. */
#include "models/numbers.h"
#include "base/assert.h"

static enum status number_check(const json_t *item, const struct numbers_list *list, size_t index,
                                struct failure *failure)
{
    double value = json_number_value(item);
    if (!json_is_number(item) || !(fabs(value) <= NUMBERS_LIMIT))
        return failure_set(failure, STATUS_STOP, "`%s[%zu]` is not a sensible number", list->name,
                           index);
    if (list->positive && value < 0)
        return failure_set(failure, STATUS_STOP, "`%s[%zu]` is below 0", list->name, index);
    return STATUS_OK;
}

enum status numbers_check(const json_t *object, const struct numbers_list *list,
                          struct failure *failure)
{
    const json_t *array = json_object_get(object, list->name);
    if (!array && list->optional)
        return STATUS_OK;
    if (!json_is_array(array))
        return failure_set(failure, STATUS_STOP, "there is no list `%s`", list->name);
    if (json_array_size(array) != list->count)
        return failure_set(failure, STATUS_STOP, "`%s` has %zu numbers where %llu are needed",
                           list->name, json_array_size(array), (unsigned long long)list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (number_check(json_array_get(array, i), list, i, failure) != STATUS_OK)
            return failure->status;
    }
    return STATUS_OK;
}

void numbers_load(const json_t *list, double *numbers, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        numbers[i] = json_number_value(json_array_get(list, i));
}

json_t *numbers_save(const double *numbers, uint64_t count)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < count; i++) {
        json_t *number = json_real(numbers[i]);
        ASSERT(number);
        json_array_append_new(list, number);
    }
    return list;
}
