// SPDX-License-Identifier: Apache-2.0
// my_engine: a reference engine in plain loops. It computes convolutional networks of the operators in
// make_node, trains them, and refuses every other operator by its name. It is slow and easy to read:
// the place to try a layer out before it is made fast.
//
// An engine compiles a graph into a program. Here a program is a list of nodes in the order of the
// graph; each has the tensor that it yields, [batch, ...], and in training the gradient of it. Numbers
// are added up in a fixed order, in double where there are many: the same calls give the same bits,
// and a sample's result does not depend on its batch.
#include <espalier/espalier.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace
{

// What is refused: becomes an error of the call.
struct refused {
    esp_status status;
    std::string words;
};

struct weight {
    std::string path;
    esp_shape shape;
    bool trained;
    std::array<std::vector<float>, 4> tensors; // ESP_TENSOR_WEIGHT, _GRADIENT, _FIRST, _SECOND

    float *value()
    {
        return tensors[ESP_TENSOR_WEIGHT].data();
    }

    float *gradient()
    {
        return tensors[ESP_TENSOR_GRADIENT].data();
    }
};

// The pass that is computed.
struct pass {
    uint64_t batch;
    bool batch_statistics; // training mode: batch normalization uses the batch's own
};

// ---- Nodes --------------------------------------------------------------------------------------

struct node {
    std::string path;
    std::vector<node *> inputs;
    std::vector<weight> weights;
    esp_shape shape;
    uint64_t size;                     // floats of one sample
    std::vector<float> data, gradient; // [batch, ...]; the gradient empty without training
    bool kept = false, needed = false; // asked for by its path; part of this forward

    explicit node(const esp_graph_node &from, const std::vector<std::unique_ptr<node>> &before)
        : path(from.path), shape(from.shape), size(esp_shape_size(&from.shape))
    {
        for (uint64_t i = 0; i < from.input_count; i++)
            inputs.push_back(before[from.inputs[i]].get());
        // The host's rows may be longer than ours: the stride is theirs.
        for (uint64_t i = 0; i < from.weight_count; i++) {
            const void *row = reinterpret_cast<const char *>(from.weights) + i * from.weight_stride;
            const esp_weight &w = *static_cast<const esp_weight *>(row);
            weights.push_back({w.path, w.shape, w.role == ESP_WEIGHT_TRAINED, {}});
        }
    }

    node(const node &) = delete;
    node &operator=(const node &) = delete;
    virtual ~node() = default;

    virtual bool is_input() const
    {
        return false;
    }

    // Computes `data`.
    virtual void forward(const pass &now) = 0;

    // Adds to the gradients of inputs and weights, which begin as zeros.
    virtual void backward(const pass &now) = 0;

    // [N, channels, H, W]: a plane is one channel of one sample.
    int64_t area() const
    {
        return shape.dims[2] * shape.dims[3];
    }
};

// An input of the graph: the caller fills it.
struct input_node : node {
    using node::node;

    bool is_input() const override
    {
        return true;
    }

    void forward(const pass &) override {}

    void backward(const pass &) override {}
};

// Identity, Flatten: the same numbers.
struct copy_node : node {
    using node::node;

    void forward(const pass &now) override
    {
        std::copy_n(inputs[0]->data.data(), now.batch * size, data.data());
    }

    void backward(const pass &now) override
    {
        for (uint64_t i = 0; i < now.batch * size; i++)
            inputs[0]->gradient[i] += gradient[i];
    }
};

struct relu_node : node {
    using node::node;

    void forward(const pass &now) override
    {
        for (uint64_t i = 0; i < now.batch * size; i++)
            data[i] = inputs[0]->data[i] > 0 ? inputs[0]->data[i] : 0;
    }

    void backward(const pass &now) override
    {
        for (uint64_t i = 0; i < now.batch * size; i++)
            if (data[i] > 0)
                inputs[0]->gradient[i] += gradient[i];
    }
};

struct add_node : node {
    using node::node;

    void forward(const pass &now) override
    {
        for (uint64_t i = 0; i < now.batch * size; i++)
            data[i] = inputs[0]->data[i] + inputs[1]->data[i];
    }

    void backward(const pass &now) override
    {
        for (node *input : inputs)
            for (uint64_t i = 0; i < now.batch * size; i++)
                input->gradient[i] += gradient[i];
    }
};

// Gemm: y = W x + b, W [features, inputs].
struct linear_node : node {
    using node::node;

    void forward(const pass &now) override
    {
        const uint64_t width = inputs[0]->size;
        const float *w = weights[0].value();
        for (uint64_t n = 0; n < now.batch; n++)
            for (uint64_t o = 0; o < size; o++) {
                double sum = weights.size() > 1 ? double(weights[1].value()[o]) : 0;
                for (uint64_t i = 0; i < width; i++)
                    sum += double(w[o * width + i]) * double(inputs[0]->data[n * width + i]);
                data[n * size + o] = float(sum);
            }
    }

    void backward(const pass &now) override
    {
        node &x = *inputs[0];
        for (uint64_t n = 0; n < now.batch; n++)
            for (uint64_t o = 0; o < size; o++) {
                float g = gradient[n * size + o];
                for (uint64_t i = 0; i < x.size; i++) {
                    weights[0].gradient()[o * x.size + i] += g * x.data[n * x.size + i];
                    x.gradient[n * x.size + i] += g * weights[0].value()[o * x.size + i];
                }
                if (weights.size() > 1)
                    weights[1].gradient()[o] += g;
            }
    }
};

// ---- Windows: convolutions and pools ------------------------------------------------------------

using pair = std::array<int64_t, 2>; // of height, of width

// The host has tested attributes and shapes, and turned auto_pad into pads.
pair read_pair(const esp_graph_node &from, const char *name, uint64_t first, int64_t missing)
{
    const esp_attribute *attribute = esp_graph_attribute(&from, name);
    if (!attribute || attribute->count < first + 2)
        return {missing, missing};
    return {attribute->ints[first], attribute->ints[first + 1]};
}

double read_real(const esp_graph_node &from, const char *name, double missing)
{
    const esp_attribute *attribute = esp_graph_attribute(&from, name);
    return attribute ? attribute->real : missing;
}

struct window_node : node {
    pair kernel, stride, dilation, before, behind; // before, behind: the padding

    window_node(const esp_graph_node &from, const std::vector<std::unique_ptr<node>> &nodes)
        : node(from, nodes), kernel(read_pair(from, "kernel_shape", 0, 1)),
          stride(read_pair(from, "strides", 0, 1)), dilation(read_pair(from, "dilations", 0, 1)),
          before(read_pair(from, "pads", 0, 0)), behind(read_pair(from, "pads", 2, 0))
    {
    }
};

// Weights [channels, channels of the input / groups, height, width]: each output channel sees the
// input channels of its group.
struct conv_node : window_node {
    using window_node::window_node;

    void forward(const pass &now) override
    {
        int64_t planes = int64_t(now.batch) * shape.dims[1];
        for (int64_t plane = 0; plane < planes; plane++)
            std::fill_n(&data[size_t(plane * area())], area(),
                        weights.size() > 1 ? weights[1].value()[plane % shape.dims[1]] : 0);
        each_tap(now, [&](tap at, float &w, float &, const float *x, float *y, float *, float *) {
            for (int64_t i = at.left; i < at.right; i++)
                y[i] += w * x[i * stride[1] + at.shift];
        });
    }

    void backward(const pass &now) override
    {
        each_tap(now, [&](tap at, float &w, float &slope, const float *x, float *, float *gx,
                          const float *gy) {
            double sum = 0;
            for (int64_t i = at.left; i < at.right; i++) {
                sum += double(gy[i]) * double(x[i * stride[1] + at.shift]);
                gx[i * stride[1] + at.shift] += w * gy[i];
            }
            slope += float(sum);
        });
        for (int64_t i = 0; weights.size() > 1 && i < int64_t(now.batch * size); i++)
            weights[1].gradient()[i / area() % shape.dims[1]] += gradient[size_t(i)];
    }

  private:
    // A tap of the kernel along an axis: it lies inside the input for the outputs from `left` to below
    // `right`, and output i meets place i * stride + shift of the input.
    struct tap {
        int64_t left, right, shift;
    };

    tap tap_of(size_t axis, int64_t k) const
    {
        int64_t length = inputs[0]->shape.dims[2 + axis], shift = k * dilation[axis] - before[axis];
        int64_t most = length - shift > 0 ? (length - shift - 1) / stride[axis] + 1 : 0;
        return {shift < 0 ? (stride[axis] - 1 - shift) / stride[axis] : 0,
                std::min(most, shape.dims[2 + axis]), shift};
    }

    // For every tap of every kernel and each row of outputs calls `visit` with the tap along the row,
    // its weight and the weight's gradient, the row of the input that it meets, the row of the output,
    // and the rows of their gradients (null without training).
    template <class Visit> void each_tap(const pass &now, Visit visit)
    {
        node &in = *inputs[0];
        bool training = !gradient.empty();
        int64_t outputs = shape.dims[1], channels = in.shape.dims[1];
        int64_t seen = weights[0].shape.dims[1], place = 0;
        for (int64_t o = 0; o < outputs; o++)
            for (int64_t i = 0; i < seen; i++)
                for (int64_t ky = 0; ky < kernel[0]; ky++)
                    for (int64_t kx = 0; kx < kernel[1]; kx++, place++) {
                        float unused = 0;
                        float &slope = training ? weights[0].gradient()[place] : unused;
                        int64_t channel = o / (outputs / (channels / seen)) * seen + i;
                        tap down = tap_of(0, ky), across = tap_of(1, kx);
                        for (int64_t n = 0; n < int64_t(now.batch); n++)
                            for (int64_t row = down.left; row < down.right; row++) {
                                int64_t line = row * stride[0] + down.shift;
                                int64_t from =
                                    ((n * channels + channel) * in.shape.dims[2] + line) *
                                    in.shape.dims[3];
                                int64_t to = (n * outputs + o) * area() + row * shape.dims[3];
                                visit(across, weights[0].value()[place], slope,
                                      in.data.data() + from, data.data() + to,
                                      training ? in.gradient.data() + from : nullptr,
                                      training ? gradient.data() + to : nullptr);
                            }
                    }
    }
};

// MaxPool (the first maximum of a window gets the gradient), AveragePool, GlobalAveragePool.
struct pool_node : window_node {
    bool maximum, count_padding;

    pool_node(const esp_graph_node &from, const std::vector<std::unique_ptr<node>> &nodes)
        : window_node(from, nodes), maximum(std::string(from.op) == "MaxPool")
    {
        const esp_attribute *counted = esp_graph_attribute(&from, "count_include_pad");
        count_padding = counted && counted->integer != 0;
        if (std::string(from.op) == "GlobalAveragePool") // one window over all
            kernel = {inputs[0]->shape.dims[2], inputs[0]->shape.dims[3]};
    }

    void forward(const pass &now) override
    {
        each_window(now, [&](size_t to, size_t best, double sum, double count, auto &&) {
            data[to] = maximum ? inputs[0]->data[best] : float(sum / count);
        });
    }

    void backward(const pass &now) override
    {
        each_window(now, [&](size_t to, size_t best, double, double count, auto &&each_place) {
            if (maximum)
                inputs[0]->gradient[best] += gradient[to];
            else
                each_place([&](size_t at) {
                    inputs[0]->gradient[at] += float(double(gradient[to]) / count);
                });
        });
    }

  private:
    // Calls `visit` for each output with its place, the place of the first maximum of its window in the
    // input, the window's sum, how many places a mean counts, and a function that visits them.
    template <class Visit> void each_window(const pass &now, Visit visit)
    {
        const node &in = *inputs[0];
        int64_t height = in.shape.dims[2], width = in.shape.dims[3];
        size_t to = 0;
        for (int64_t plane = 0; plane < int64_t(now.batch) * shape.dims[1]; plane++)
            for (int64_t row = 0; row < shape.dims[2]; row++)
                for (int64_t column = 0; column < shape.dims[3]; column++, to++) {
                    int64_t y = row * stride[0] - before[0], x = column * stride[1] - before[1];
                    int64_t top = std::max<int64_t>(y, 0), left = std::max<int64_t>(x, 0);
                    int64_t bottom = std::min(y + kernel[0], height);
                    int64_t right = std::min(x + kernel[1], width);
                    auto each_place = [&](auto &&take) {
                        for (int64_t i = top; i < bottom; i++)
                            for (int64_t j = left; j < right; j++)
                                take(size_t((plane * height + i) * width + j));
                    };
                    size_t best = size_t((plane * height + top) * width + left);
                    double sum = 0;
                    each_place([&](size_t at) {
                        sum += double(in.data[at]);
                        best = in.data[at] > in.data[best] ? at : best;
                    });
                    int64_t count = (bottom - top) * (right - left);
                    if (count_padding)
                        count = (std::min(y + kernel[0], height + behind[0]) - y) *
                                (std::min(x + kernel[1], width + behind[1]) - x);
                    visit(to, best, sum, double(count), each_place);
                }
    }
};

// ---- Batch normalization ------------------------------------------------------------------------
// x [N, channels, ...]: y = (x - mean) / sqrt(variance + epsilon) scale + shift. In training mode the
// mean and variance of the batch, and the running ones move; else the running ones. Without "affine"
// there is no scale and no shift, and the first weights are mean and variance.
struct norm_node : node {
    double epsilon, momentum;
    std::vector<double> means, factors; // of the last forward; factor: 1 / deviation

    norm_node(const esp_graph_node &from, const std::vector<std::unique_ptr<node>> &nodes)
        : node(from, nodes), epsilon(read_real(from, "epsilon", 1e-5)),
          momentum(read_real(from, "momentum", 0.9)), means(size_t(shape.dims[1])),
          factors(size_t(shape.dims[1]))
    {
    }

    void forward(const pass &now) override
    {
        const std::vector<float> &x = inputs[0]->data;
        bool affine = weights.size() == 4;
        for (size_t c = 0; c < means.size(); c++) {
            float &running_mean = weights[affine ? 2 : 0].value()[c];
            float &running_variance = weights[affine ? 3 : 1].value()[c];
            double mean = double(running_mean), variance = double(running_variance);
            if (now.batch_statistics) {
                double sum = 0, squares = 0;
                uint64_t count = 0;
                each(now, c, [&](size_t i) { sum += double(x[i]), count++; });
                mean = sum / double(count);
                each(now, c, [&](size_t i) { squares += std::pow(double(x[i]) - mean, 2); });
                variance = squares / double(count);
                running_mean += float((1 - momentum) * (mean - double(running_mean)));
                running_variance += float((1 - momentum) * (variance - double(running_variance)));
            }
            double factor = 1 / std::sqrt(variance + epsilon);
            double scale = affine ? double(weights[0].value()[c]) : 1;
            double shift = affine ? double(weights[1].value()[c]) : 0;
            means[c] = mean;
            factors[c] = factor;
            each(now, c, [&](size_t i) {
                data[i] = float((double(x[i]) - mean) * factor * scale + shift);
            });
        }
    }

    void backward(const pass &now) override
    {
        node &in = *inputs[0];
        for (size_t c = 0; c < means.size(); c++) {
            double mean = means[c], factor = factors[c], sum = 0, product = 0, scale = 1, count = 0;
            each(now, c, [&](size_t i) {
                sum += double(gradient[i]);
                product += double(gradient[i]) * (double(in.data[i]) - mean) * factor;
                count++;
            });
            if (weights.size() == 4) {
                scale = double(weights[0].value()[c]);
                weights[0].gradient()[c] = float(product);
                weights[1].gradient()[c] = float(sum);
            }
            if (!now.batch_statistics) // mean and deviation were constants
                sum = product = 0;
            each(now, c, [&](size_t i) {
                double x = (double(in.data[i]) - mean) * factor;
                in.gradient[i] += float(scale * factor *
                                        (double(gradient[i]) - sum / count - x * product / count));
            });
        }
    }

  private:
    // Visits the numbers of a channel, sample by sample.
    template <class Visit> void each(const pass &now, size_t c, Visit visit) const
    {
        size_t length = size / means.size();
        for (size_t n = 0; n < now.batch; n++)
            for (size_t i = 0; i < length; i++)
                visit(n * size + c * length + i);
    }
};

// To compute one more operator: a class above, and a row here. "Input" is the host's name for an input
// of the graph.
std::unique_ptr<node> make_node(const esp_graph_node &from,
                                const std::vector<std::unique_ptr<node>> &before)
{
    const std::string op = from.op;
    if (op == "Input")
        return std::make_unique<input_node>(from, before);
    if (op == "Conv")
        return std::make_unique<conv_node>(from, before);
    if (op == "BatchNormalization")
        return std::make_unique<norm_node>(from, before);
    if (op == "Relu")
        return std::make_unique<relu_node>(from, before);
    if (op == "MaxPool" || op == "AveragePool" || op == "GlobalAveragePool")
        return std::make_unique<pool_node>(from, before);
    if (op == "Add")
        return std::make_unique<add_node>(from, before);
    if (op == "Flatten" || op == "Identity")
        return std::make_unique<copy_node>(from, before);
    if (op == "Gemm")
        return std::make_unique<linear_node>(from, before);
    throw refused{ESP_ERROR_UNSUPPORTED,
                  "'" + std::string(from.path) + "': my_engine has no operator " + op};
}

// ---- Programs -----------------------------------------------------------------------------------

class program
{
  public:
    program(const esp_graph *graph, const esp_compile_options &options)
        : most(options.batch), training(options.training != 0),
          input_gradient(options.input_gradient != 0)
    {
        for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
            nodes.push_back(make_node(*esp_graph_get(graph, i), nodes));
        for (uint64_t i = 0; i < esp_graph_output_count(graph); i++)
            outputs.push_back(nodes[esp_graph_output(graph, i)].get());
        for (uint64_t i = 0; i < options.keep_count; i++)
            for (auto &each : nodes)
                each->kept = each->kept || each->path == options.keep[i];
        take_memory(options.memory_limit);
    }

    void forward(const esp_forward &asked)
    {
        uint64_t inputs = 0;
        passed = false;
        if (asked.batch < 1 || asked.batch > most)
            throw refused{ESP_ERROR_MISUSE, "a batch of " + std::to_string(asked.batch) +
                                                ": it was compiled for 1 to " +
                                                std::to_string(most)};
        if (asked.output_count > outputs.size())
            throw refused{ESP_ERROR_MISUSE, "there are not so many outputs"};
        now = {asked.batch, asked.training != 0};
        mark_needed(asked.output_count ? asked.output_count : outputs.size());
        for (auto &each : nodes) {
            if (each->is_input()) {
                if (inputs == asked.input_count)
                    throw refused{ESP_ERROR_MISUSE, "an input is missing"};
                std::copy_n(asked.inputs[inputs++].data, now.batch * each->size, each->data.data());
            } else if (each->needed) {
                each->forward(now);
            }
        }
        passed = true;
    }

    void backward(const esp_output_gradient *gradients, uint64_t count, uint64_t stride)
    {
        if (!training || !passed)
            throw refused{ESP_ERROR_MISUSE, "backward needs a program compiled for training, and a "
                                            "forward before it"};
        for (auto &each : nodes) {
            std::fill(each->gradient.begin(), each->gradient.end(), 0.0f);
            for (weight &w : each->weights)
                std::fill(w.tensors[ESP_TENSOR_GRADIENT].begin(),
                          w.tensors[ESP_TENSOR_GRADIENT].end(), 0.0f);
        }
        for (uint64_t i = 0; i < count; i++) {
            const void *row = reinterpret_cast<const char *>(gradients) + i * stride;
            const esp_output_gradient &given = *static_cast<const esp_output_gradient *>(row);
            if (given.output >= computed)
                throw refused{ESP_ERROR_MISUSE, "a gradient of output " +
                                                    std::to_string(given.output) +
                                                    ", which was not computed"};
            node &output = *outputs[given.output];
            for (uint64_t j = 0; j < now.batch * output.size; j++)
                output.gradient[j] += given.data[j];
        }
        for (auto each = nodes.rbegin(); each != nodes.rend(); ++each)
            if ((*each)->needed)
                (*each)->backward(now);
    }

    void apply(const esp_optimizer &optimizer)
    {
        if (!training)
            throw refused{ESP_ERROR_MISUSE, "a step needs a program compiled for training"};
        if (optimizer.kind < ESP_OPTIMIZER_SGD || optimizer.kind > ESP_OPTIMIZER_ADAM)
            throw refused{ESP_ERROR_UNSUPPORTED,
                          "my_engine has no optimizer " + std::to_string(optimizer.kind)};
        for (auto &each : nodes)
            for (weight &w : each->weights)
                if (w.trained)
                    step(w, optimizer);
    }

    bool find(uint32_t which, const std::string &name, esp_tensor &out)
    {
        if (which <= ESP_TENSOR_SECOND)
            return find_weight(which, name, out);
        if (which == ESP_TENSOR_ACTIVATION || which == ESP_TENSOR_ACTIVATION_GRADIENT) {
            for (auto &each : nodes)
                if (each->kept && each->path == name)
                    return set(*each, which == ESP_TENSOR_ACTIVATION_GRADIENT, out);
            return false;
        }
        if (which == ESP_TENSOR_OUTPUT) { // "0", "1", ...
            for (uint64_t i = 0; i < outputs.size(); i++)
                if (std::to_string(i) == name)
                    return set(*outputs[i], false, out);
            return false;
        }
        uint64_t inputs = 0;
        for (auto &each : nodes)
            if (input_gradient && each->is_input() && std::to_string(inputs++) == name)
                return set(*each, true, out);
        return false;
    }

  private:
    // Counts first, so that what passes the limit is refused before anything is taken.
    void take_memory(uint64_t limit)
    {
        uint64_t floats = 0;
        for (auto &each : nodes) {
            floats += most * each->size * (training ? 2 : 1);
            for (const weight &w : each->weights)
                floats += esp_shape_size(&w.shape) * (training && w.trained ? 4 : 1);
        }
        if (limit > 0 && floats > limit / sizeof(float))
            throw refused{ESP_ERROR_MEMORY,
                          "the program would take " + std::to_string(floats * sizeof(float)) +
                              " bytes, and " + std::to_string(limit) + " are allowed"};
        for (auto &each : nodes) {
            each->data.resize(most * each->size);
            each->gradient.resize(training ? most * each->size : 0);
            for (weight &w : each->weights)
                for (auto &tensor : w.tensors)
                    if (&tensor == &w.tensors[ESP_TENSOR_WEIGHT] || (training && w.trained))
                        tensor.resize(esp_shape_size(&w.shape)); // zeros
        }
    }

    // What the first `count` outputs need: from the end to the beginning, since inputs come first.
    void mark_needed(uint64_t count)
    {
        for (auto &each : nodes)
            each->needed = false;
        for (uint64_t i = 0; i < count; i++)
            outputs[i]->needed = true;
        for (auto each = nodes.rbegin(); each != nodes.rend(); ++each)
            for (node *input : (*each)->inputs)
                input->needed = input->needed || (*each)->needed;
        computed = count;
    }

    // The formulas stand at esp_optimizer in engine.h.
    static void step(weight &w, const esp_optimizer &o)
    {
        for (size_t i = 0; i < w.tensors[0].size(); i++) {
            double value = double(w.tensors[ESP_TENSOR_WEIGHT][i]);
            double slope = double(w.tensors[ESP_TENSOR_GRADIENT][i]);
            double first = double(w.tensors[ESP_TENSOR_FIRST][i]);
            double second = double(w.tensors[ESP_TENSOR_SECOND][i]);
            if (o.kind == ESP_OPTIMIZER_ADAMW)
                value -= o.learning_rate * o.weight_decay * value;
            else
                slope += o.weight_decay * value;
            if (o.kind == ESP_OPTIMIZER_SGD) {
                first = o.momentum * first + slope;
                value -= o.learning_rate * (o.nesterov ? slope + o.momentum * first : first);
            } else {
                first = o.beta1 * first + (1 - o.beta1) * slope;
                second = o.beta2 * second + (1 - o.beta2) * slope * slope;
                value -= o.learning_rate * (first / (1 - std::pow(o.beta1, double(o.step)))) /
                         (std::sqrt(second / (1 - std::pow(o.beta2, double(o.step)))) + o.epsilon);
            }
            w.tensors[ESP_TENSOR_WEIGHT][i] = float(value);
            w.tensors[ESP_TENSOR_FIRST][i] = float(first);
            w.tensors[ESP_TENSOR_SECOND][i] = float(second);
        }
    }

    bool find_weight(uint32_t which, const std::string &name, esp_tensor &out)
    {
        for (auto &each : nodes)
            for (weight &w : each->weights)
                if (w.path == name) {
                    out = {w.tensors[which].data(), w.shape};
                    return !w.tensors[which].empty(); // running statistics have no gradient
                }
        return false;
    }

    bool set(node &from, bool gradient, esp_tensor &out) const
    {
        std::vector<float> &numbers = gradient ? from.gradient : from.data;
        out = {numbers.data(), from.shape};
        out.shape.dims[0] = int64_t(now.batch);
        return !numbers.empty();
    }

    std::vector<std::unique_ptr<node>> nodes;
    std::vector<node *> outputs;
    uint64_t computed = 0; // outputs of the last forward
    uint64_t most;         // samples of a pass, at most
    bool training, input_gradient;
    pass now = {};       // the last one
    bool passed = false; // it came to its end
};

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it.

template <class Body> esp_status guarded(esp_call *call, Body body)
{
    try {
        body();
        return ESP_OK;
    } catch (const refused &what) {
        return esp_fail(call, what.status, "%s", what.words.c_str());
    } catch (const std::bad_alloc &) {
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    }
}

// It has no parameters and no state beside its programs.
esp_status engine_open(esp_create *, void **out)
{
    *out = nullptr;
    return ESP_OK;
}

void engine_close(void *) {}

esp_status engine_compile(void *, esp_call *call, const esp_graph *graph,
                          const esp_compile_options *options, void **out)
{
    return guarded(call, [&] { *out = new program(graph, *options); });
}

void engine_release(void *, void *handle)
{
    delete static_cast<program *>(handle);
}

esp_status engine_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    return guarded(call, [&] { static_cast<program *>(handle)->forward(*forward); });
}

esp_status engine_backward(void *handle, esp_call *call, const esp_output_gradient *gradients,
                           uint64_t count, uint64_t stride)
{
    return guarded(call,
                   [&] { static_cast<program *>(handle)->backward(gradients, count, stride); });
}

esp_status engine_apply(void *handle, esp_call *call, const esp_optimizer *optimizer)
{
    return guarded(call, [&] { static_cast<program *>(handle)->apply(*optimizer); });
}

esp_status engine_tensor(void *handle, esp_call *call, uint32_t which, const char *name,
                         esp_tensor *out)
{
    return guarded(call, [&] {
        if (!static_cast<program *>(handle)->find(which, name, *out))
            throw refused{ESP_ERROR_NOT_FOUND, "there is no tensor '" + std::string(name) +
                                                   "' of kind " + std::to_string(which)};
    });
}

void engine_describe(esp_engine_type *out)
{
    out->summary = "a reference in plain loops";
    out->rank = 0; // `engine = auto` takes every other one first
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = engine_forward;
    out->backward = engine_backward;
    out->apply = engine_apply;
    out->tensor = engine_tensor;
}

} // namespace

ESP_PLUGIN("0.1.0", ESP_ENGINE("my_engine", engine_describe))
