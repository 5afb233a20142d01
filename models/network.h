/* A small feed-forward network in flat memory: full layers, mini-batches, Adam.  The perceptron and
 * the autoencoders are made of it.
 *
 *     a_0 = x,   a_l = bend(W_l (a_{l-1}, 1)),   outputs = W_last (a, 1)
 *
 * What outputs mean and what they should have been is the caller's: it gives back delta, the slope
 * of its loss by each output.  Slopes by the weights follow by the chain rule (David Rumelhart,
 * Geoffrey Hinton, Ronald Williams, "Learning representations by back-propagating errors", 1986)
 * and are averaged over `batch` examples, by one matrix product a layer if there are several; then
 * (Diederik Kingma, Jimmy Ba, "Adam: a method for stochastic optimization", 2015)
 *
 *     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
 *     w -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8)
 *
 * An example goes through by itself, in sums of fixed lanes, so that its score does not depend on
 * where in a batch it stands; the network counts its own batches and keeps those under way. */
#ifndef MODELS_NETWORK_H
#define MODELS_NETWORK_H

#include "base/random.h"
#include <stdint.h>

enum { NETWORK_LAYERS_MAX = 5, NETWORK_HIDDEN_MAX = 256, NETWORK_ENDS_MAX = 1024 };

/* The cells of all layers' values of one example, at most. */
enum {
    NETWORK_ROW_MAX = 2 * (NETWORK_ENDS_MAX + 8) + NETWORK_LAYERS_MAX * (NETWORK_HIDDEN_MAX + 8)
};

enum network_bend { NETWORK_RELU, NETWORK_LOGISTIC };

struct network_plan {
    uint32_t layers;                        /* of weights */
    uint32_t width[NETWORK_LAYERS_MAX + 1]; /* inputs, hidden layers, outputs */
    uint32_t batch;
    enum network_bend bend;
    double learning_rate;
};

/* The cells follow: weights, m, v, slopes (4, parameters); values and deltas (2, batch, row).  The
 * weights of a layer are (width of its outputs, padded width of its inputs); a layer's values are
 * followed by a 1, whose weight is the bias, and zeros. */
struct network {
    uint64_t layers, batch, filled, bend;
    uint64_t width[NETWORK_LAYERS_MAX + 1], padded[NETWORK_LAYERS_MAX + 1];
    uint64_t place[NETWORK_LAYERS_MAX + 1]; /* of a layer's values in a row */
    uint64_t weights[NETWORK_LAYERS_MAX];   /* of a layer's weights among the parameters */
    uint64_t parameters, row;
    double learning_rate, power_1, power_2; /* b1^t, b2^t */
    double cells[];
};

/* Bytes, a multiple of 8. */
uint64_t network_size(const struct network_plan *plan);

/* Memory is zero.  Weights are uniform as in Xavier Glorot, Yoshua Bengio, "Understanding the
 * difficulty of training deep feedforward neural networks", 2010; those of the outputs are 0. */
void network_init(struct network *self, const struct network_plan *plan, struct random *random);

/* From the inputs at the front of values (row) to all layers; returns the outputs, inside it. */
const double *network_forward(const struct network *self, double *values);

/* Learns from values that forward has filled, given the slopes by the outputs. */
void network_learn(struct network *self, const double *values, const double *slopes);

#endif
