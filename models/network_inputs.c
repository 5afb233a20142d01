/* Features as inputs of a network; see network_inputs.h. */
#include "models/network_inputs.h"
#include "models/network.h"
#include <math.h>

enum { CHOICES = 8 };
enum { INPUT_NUMBER, INPUT_CHOICE, INPUT_KEY };

static const double FEATURE_LIMIT = 1e100, BOUND = 8;

static uint32_t inputs_of(enum value_type type)
{
    return value_type_is_key(type) ? 0 : type == TYPE_ENUM ? CHOICES : 1;
}

uint32_t network_inputs_count(const struct model_shape *shape)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        count += inputs_of(shape->type[i]);
    return count < NETWORK_ENDS_MAX ? count : NETWORK_ENDS_MAX;
}

uint64_t network_inputs_size(const struct model_shape *shape)
{
    return sizeof(struct network_inputs) + shape->feature_count * sizeof(struct network_input);
}

enum status network_inputs_check(const struct model_shape *shape, struct failure *failure)
{
    if (network_inputs_count(shape) == 0)
        return failure_set(failure, STATUS_STOP,
                           "a network needs at least one feature that is a number or a choice");
    if (network_inputs_count(shape) == NETWORK_ENDS_MAX)
        return failure_set(failure, STATUS_STOP,
                           "a network takes fewer than %d inputs, of which a choice needs %d; "
                           "leave features out",
                           NETWORK_ENDS_MAX, CHOICES);
    return STATUS_OK;
}

void network_inputs_init(struct network_inputs *self, const struct model_shape *shape)
{
    self->feature_count = shape->feature_count;
    self->input_count = network_inputs_count(shape);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        enum value_type type = shape->type[i];
        self->feature[i].choice = value_type_is_key(type) ? INPUT_KEY
                                  : type == TYPE_ENUM     ? INPUT_CHOICE
                                                          : INPUT_NUMBER;
    }
}

void network_inputs_learn(struct network_inputs *self, const union value *feature)
{
    for (uint64_t i = 0; i < self->feature_count; i++) {
        struct network_input *input = &self->feature[i];
        double value = feature[i].number;
        if (input->choice != INPUT_NUMBER || !(fabs(value) <= FEATURE_LIMIT))
            continue;
        double delta = value - input->mean;
        input->count += 1;
        input->mean += delta / input->count;
        input->square += delta * (value - input->mean);
        double deviation = sqrt(input->square / input->count);
        input->inverse = deviation > 1e-200 ? 1 / deviation : 0;
        input->bound = input->count < BOUND * BOUND ? sqrt(input->count) : BOUND;
    }
}

static double standardised(const struct network_input *input, double value)
{
    double z = (value - input->mean) * input->inverse;
    z = z > input->bound ? input->bound : z;
    z = z < -input->bound ? -input->bound : z;
    return z == z ? z : 0;
}

void network_inputs_apply(const struct network_inputs *self, const union value *feature,
                          double *values, double *known)
{
    uint64_t next = 0;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        const struct network_input *input = &self->feature[i];
        if (input->choice == INPUT_KEY)
            continue;
        double value = feature[i].number;
        bool choice = input->choice == INPUT_CHOICE, there = value == value;
        bool chosen = choice && value >= 0 && value < 1e9;
        uint64_t choices = choice ? CHOICES : 1, which = chosen ? (uint64_t)value % CHOICES : 0;
        for (uint64_t j = 0; j < choices && next < self->input_count; j++, next++) {
            values[next] = choice ? chosen && j == which : standardised(input, value);
            if (known)
                known[next] = there;
        }
    }
}
