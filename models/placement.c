/* The features that are numbers, in one unit; see placement.h. */
#include "models/placement.h"
#include <math.h>

enum { FIRST_RENEWAL = 16 };

/* Beyond these a value is not told from others as far out. */
static const double PLACE_LIMIT = 1e9, VALUE_LIMIT = 1e150, REACH = 8;

uint64_t placement_columns(const struct model_shape *shape)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        count += !value_type_is_key(shape->type[i]);
    return count;
}

uint64_t placement_size(const struct model_shape *shape)
{
    return sizeof(struct placement) + placement_columns(shape) * sizeof(struct placement_column);
}

void placement_init(struct placement *self, const struct model_shape *shape)
{
    self->renewal = 1;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            self->column[self->count++].feature = i;
    }
}

enum status placement_check(const struct model_shape *shape, const char *who,
                            struct failure *failure)
{
    if (placement_columns(shape) > 0)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP, "%s needs at least one feature that is a number", who);
}

void placement_place(const struct placement *self, const union value *feature, float *place)
{
    for (uint64_t i = 0; i < self->count; i++) {
        const struct placement_column *column = &self->column[i];
        double value = (feature[column->feature].number - column->offset) * column->inverse;
        value = value == value ? value : 0;
        value = value > PLACE_LIMIT ? PLACE_LIMIT : value;
        place[i] = (float)(value < -PLACE_LIMIT ? -PLACE_LIMIT : value);
    }
}

static void column_learn(struct placement_column *column, double value)
{
    if (!(fabs(value) <= VALUE_LIMIT))
        return;
    column->count++;
    double change = value - column->mean;
    double reach = REACH * REACH * column->square_sum;
    if (column->count > FIRST_RENEWAL && reach > 0 && change * change * column->count > reach)
        change = copysign(sqrt(reach / column->count), change);
    column->mean += change / column->count;
    column->square_sum += change * change * (1 - 1 / column->count);
}

/* A feature that was always the same has a unit as wide as it is large. */
static void column_renew(struct placement_column *column)
{
    double variance = column->count > 0 ? column->square_sum / column->count : 0;
    double deviation = sqrt(variance);
    if (!(deviation > 1e-200))
        deviation = fabs(column->mean) > 1 ? fabs(column->mean) : 1;
    column->offset = column->mean;
    column->inverse = 1 / deviation;
}

void placement_learn(struct placement *self, const union value *feature)
{
    for (uint64_t i = 0; i < self->count; i++)
        column_learn(&self->column[i], feature[self->column[i].feature].number);
    if (++self->events < self->renewal)
        return;
    for (uint64_t i = 0; i < self->count; i++)
        column_renew(&self->column[i]);
    uint64_t growth = self->events / 4;
    self->renewal = self->events + (growth > 0 ? growth : 1);
}
