// SPDX-License-Identifier: Apache-2.0
// A network as one Python file: an nn.Module for PyTorch whose parameters and buffers have the weight
// paths as their names in state_dict(). It computes what the graph says, in training too.
#include "export/export.h"
#include "export/file.h"

#include "text/stream.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct script {
    FILE *out;
    const struct export_network *network;
    struct error *error;
    // Of the node that is being written.
    const esp_graph_node *node;
    uint64_t index;
};

// ---- What every file has ----------------------------------------------------------------------

static const char head[] = "import json\n"
                           "import math\n"
                           "import struct\n"
                           "\n"
                           "import torch\n"
                           "from torch import nn\n"
                           "from torch.nn import functional as F\n"
                           "\n";

static const char functions[] =
    "\n"
    "\n"
    "def _initialise(tensor, begin):\n"
    "    fan_in = math.prod(tensor.shape[1:])\n"
    "    if begin == \"kaiming_normal\":\n"
    "        tensor.normal_(0, math.sqrt(2 / fan_in))\n"
    "    elif begin == \"kaiming_uniform\":\n"
    "        tensor.uniform_(-math.sqrt(1 / fan_in), math.sqrt(1 / fan_in))\n"
    "    elif begin == \"xavier_uniform\":\n"
    "        nn.init.xavier_uniform_(tensor)\n"
    "    else:\n"
    "        tensor.fill_(1 if begin == \"ones\" else 0)\n"
    "\n"
    "\n"
    "def _read_safetensors(path):\n"
    "    with open(path, \"rb\") as file:\n"
    "        (length,) = struct.unpack(\"<Q\", file.read(8))\n"
    "        header = json.loads(file.read(length))\n"
    "        data = bytearray(file.read())\n"
    "    header.pop(\"__metadata__\", None)\n"
    "    tensors = {}\n"
    "    for name, row in header.items():\n"
    "        begin, end = row[\"data_offsets\"]\n"
    "        flat = torch.empty(0)\n"
    "        if end > begin:\n"
    "            flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4,\n"
    "                                    offset=begin)\n"
    "        tensors[name] = flat.reshape(row[\"shape\"]).clone()\n"
    "    return tensors\n"
    "\n"
    "\n"
    "# The mean over what each place of the window counts; pads: left, right, top, bottom; reach: "
    "what\n"
    "# the window reaches beyond the padding at the right and the bottom.\n"
    "def _average_pool(x, kernel, stride, dilation, pads, reach, counted):\n"
    "    ones = F.pad(x.new_ones((1, 1) + tuple(x.shape[2:])), pads, value=counted)\n"
    "    window = x.new_ones((1, 1) + kernel)\n"
    "    sums = F.pad(x, pads).flatten(0, 1).unsqueeze(1)\n"
    "    sums = F.conv2d(F.pad(sums, reach), window, None, stride, 0, dilation)\n"
    "    counts = F.conv2d(F.pad(ones, reach), window, None, stride, 0, dilation)\n"
    "    return (sums / counts).reshape(tuple(x.shape[:2]) + tuple(sums.shape[2:]))\n"
    "\n"
    "\n"
    "# Zeros for a whole sample by chance (Larsson et al. 2017).\n"
    "def _drop_path(x, ratio, training):\n"
    "    if not training or ratio == 0:\n"
    "        return x\n"
    "    shape = (x.shape[0],) + (1,) * (x.dim() - 1)\n"
    "    return x * (torch.rand(shape, dtype=x.dtype, device=x.device) >= ratio) / (1 - ratio)\n"
    "\n"
    "\n";

static const char methods[] =
    "class Network(nn.Module):\n"
    "    # How far the training has come, 0 to 1: DropPath drops with ratio * progress.\n"
    "    progress = 1.0\n"
    "\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        for path, shape, begin, trained in WEIGHTS:\n"
    "            owner, name = self._owner(path)\n"
    "            if trained:\n"
    "                owner.register_parameter(name, nn.Parameter(torch.empty(shape)))\n"
    "            else:\n"
    "                owner.register_buffer(name, torch.empty(shape))\n"
    "        for name, values in INPUT.items():\n"
    "            self.register_buffer(name, torch.tensor(values), persistent=False)\n"
    "        self.reset()\n"
    "\n"
    "    # A point in a weight path is a step in PyTorch's names.\n"
    "    def _owner(self, path):\n"
    "        owner, (*steps, name) = self, path.split(\".\")\n"
    "        for step in steps:\n"
    "            if step not in owner._modules:\n"
    "                owner.add_module(step, nn.Module())\n"
    "            owner = owner._modules[step]\n"
    "        return owner, name\n"
    "\n"
    "    def _get(self, path):\n"
    "        owner, name = self._owner(path)\n"
    "        return getattr(owner, name)\n"
    "\n"
    "    # Weights as at the beginning of a training.\n"
    "    @torch.no_grad()\n"
    "    def reset(self):\n"
    "        for path, _, begin, _ in WEIGHTS:\n"
    "            _initialise(self._get(path), begin)\n"
    "\n"
    "    # Weights of a file that `espalier export --format safetensors` or a training wrote.\n"
    "    def load_safetensors(self, path):\n"
    "        tensors = _read_safetensors(path)\n"
    "        self.load_state_dict({name: tensors[name] for name, _, _, _ in WEIGHTS})\n"
    "\n";

// ---- Weights ----------------------------------------------------------------------------------

static const char *begin_name(uint32_t init)
{
    static const char *const names[] = {
        [ESP_INIT_ZEROS] = "zeros",
        [ESP_INIT_ONES] = "ones",
        [ESP_INIT_KAIMING_NORMAL] = "kaiming_normal",
        [ESP_INIT_KAIMING_UNIFORM] = "kaiming_uniform",
        [ESP_INIT_XAVIER_UNIFORM] = "xavier_uniform",
    };
    return init < ESP_COUNT(names) ? names[init] : "zeros";
}

static void write_weights(const struct script *s)
{
    fprintf(s->out, "# Path, shape, how it begins, whether it is trained.\nWEIGHTS = [\n");
    for (uint64_t i = 0; i < esp_graph_node_count(s->network->graph); i++) {
        const esp_graph_node *node = esp_graph_get(s->network->graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = node_weight(node, j);
            fprintf(s->out, "    (\"%s\", (", weight->path);
            for (uint32_t d = 0; d < weight->shape.rank; d++)
                fprintf(s->out, "%lld, ", (long long)weight->shape.dims[d]);
            fprintf(s->out, "), \"%s\", %s),\n", begin_name(weight->init),
                    weight->role == ESP_WEIGHT_TRAINED ? "True" : "False");
        }
    }
    fprintf(s->out, "]\n");
}

static void write_row(const struct script *s, const char *name, const float *values)
{
    fprintf(s->out, "    \"%s\": [", name);
    for (uint64_t i = 0; i < s->network->channels; i++)
        fprintf(s->out, "%s%.9g", i ? ", " : "", (double)values[i]);
    fprintf(s->out, "],\n");
}

static void write_input_values(const struct script *s)
{
    fprintf(s->out, "# An input x becomes (x - shift) * factor, channel by channel.\nINPUT = {\n");
    if (s->network->shift) {
        write_row(s, "shift", s->network->shift);
        write_row(s, "factor", s->network->factor);
    }
    fprintf(s->out, "}\n");
}

// A text as JSON, which is Python too.
static bool write_text(FILE *out, const char *text)
{
    json_t *json = json_string(text);
    bool written = json && json_dumpf(json, out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) == 0;
    json_decref(json);
    return written;
}

// ---- Operators --------------------------------------------------------------------------------

// `x7 = ` and what follows of the operator.
ESP_PRINTF(2, 3)
static void put(const struct script *s, const char *format, ...)
{
    va_list list;
    fprintf(s->out, "        x%llu = ", (unsigned long long)s->index);
    va_start(list, format);
    vfprintf(s->out, format, list);
    va_end(list);
    fprintf(s->out, "\n");
}

static unsigned input(const struct script *s)
{
    return s->node->inputs[0];
}

// The weight `i` in Python's words, or None.
static void write_get(const struct script *s, uint64_t i)
{
    if (i < s->node->weight_count)
        fprintf(s->out, ", w(\"%s\")", node_weight(s->node, i)->path);
    else
        fprintf(s->out, ", None");
}

// The functions of one input and no more.
static void write_function(const struct script *s)
{
    static const struct {
        const char *op, *python;
    } functions_of[] = {
        {"Relu", "F.relu(x%u)"},       {"Sigmoid", "torch.sigmoid(x%u)"},
        {"Tanh", "torch.tanh(x%u)"},   {"HardSwish", "F.hardswish(x%u)"},
        {"Swish", "F.silu(x%u)"},      {"Gelu", "F.gelu(x%u)"},
        {"Identity", "x%u"},           {"GlobalAveragePool", "x%u.mean((2, 3), keepdim=True)"},
        {"Flatten", "x%u.flatten(1)"}, {"GlobalMaxPool", "F.adaptive_max_pool2d(x%u, 1)"},
    };
    for (size_t i = 0; i < ESP_COUNT(functions_of); i++) {
        const char *python = functions_of[i].python, *place = strstr(python, "%u");
        if (strcmp(functions_of[i].op, s->node->op) == 0)
            put(s, "%.*s%u%s", (int)(place - python), python, input(s), place + 2);
    }
}

static void write_curve(const struct script *s)
{
    const esp_graph_node *node = s->node;
    if (strcmp(node->op, "LeakyRelu") == 0)
        put(s, "F.leaky_relu(x%u, %.17g)", input(s), node_real(node, "alpha"));
    else if (strcmp(node->op, "Elu") == 0)
        put(s, "F.elu(x%u, %.17g)", input(s), node_real(node, "alpha"));
    else if (strcmp(node->op, "Clip") == 0)
        put(s, "torch.clamp(x%u, %.17g, %.17g)", input(s), node_real(node, "min"),
            node_real(node, "max"));
    else
        put(s, "torch.clamp(%.17g * x%u + %.17g, 0, 1)", node_real(node, "alpha"), input(s),
            node_real(node, "beta"));
}

static void write_dropout(const struct script *s)
{
    double ratio = node_real(s->node, "ratio");
    if (strcmp(s->node->op, "DropPath") == 0)
        put(s, "_drop_path(x%u, %.17g * self.progress, self.training)", input(s), ratio);
    else
        put(s, "F.dropout(x%u, %.17g, self.training)", input(s), ratio);
}

static void write_batch_norm(const struct script *s)
{
    bool affine = node_int(s->node, "affine") != 0;
    fprintf(s->out, "        x%llu = F.batch_norm(x%u", (unsigned long long)s->index, input(s));
    write_get(s, affine ? 2 : 0);
    write_get(s, affine ? 3 : 1);
    write_get(s, affine ? 0 : s->node->weight_count);
    write_get(s, affine ? 1 : s->node->weight_count);
    fprintf(s->out, ", self.training, %.17g, %.17g)\n", 1 - node_real(s->node, "momentum"),
            node_real(s->node, "epsilon"));
}

static void write_gemm(const struct script *s)
{
    fprintf(s->out, "        x%llu = F.linear(x%u", (unsigned long long)s->index, input(s));
    write_get(s, 0);
    write_get(s, 1);
    fprintf(s->out, ")\n");
}

static void write_pair(const struct script *s)
{
    const char *sign = strcmp(s->node->op, "Add") == 0   ? "+"
                       : strcmp(s->node->op, "Mul") == 0 ? "*"
                                                         : "@";
    put(s, "x%u %s x%u", input(s), sign, s->node->inputs[1]);
}

// ---- Along axes -------------------------------------------------------------------------------

// ", (a, b, )"
static void write_tuple(const struct script *s, const int64_t *values, uint64_t count)
{
    fprintf(s->out, ", (");
    for (uint64_t i = 0; i < count; i++)
        fprintf(s->out, "%lld, ", (long long)values[i]);
    fprintf(s->out, ")");
}

static void write_softmax(const struct script *s)
{
    put(s, "torch.softmax(x%u, %lld)", input(s), (long long)node_int(s->node, "axis"));
}

static void write_layer_norm(const struct script *s)
{
    const esp_shape *shape = &s->node->shape;
    int64_t axis = node_int(s->node, "axis");
    fprintf(s->out, "        x%llu = F.layer_norm(x%u", (unsigned long long)s->index, input(s));
    write_tuple(s, shape->dims + axis, shape->rank - (uint64_t)axis);
    write_get(s, 0);
    write_get(s, 1);
    fprintf(s->out, ", %.17g)\n", node_real(s->node, "epsilon"));
}

static void write_reshape(const struct script *s)
{
    fprintf(s->out, "        x%llu = x%u.reshape(x%u.shape[0]", (unsigned long long)s->index,
            input(s), input(s));
    for (uint32_t i = 1; i < s->node->shape.rank; i++)
        fprintf(s->out, ", %lld", (long long)s->node->shape.dims[i]);
    fprintf(s->out, ")\n");
}

static void write_transpose(const struct script *s)
{
    fprintf(s->out, "        x%llu = torch.permute(x%u", (unsigned long long)s->index, input(s));
    write_tuple(s, node_ints(s->node, "perm"), s->node->shape.rank);
    fprintf(s->out, ")\n");
}

static void write_reduce_mean(const struct script *s)
{
    const esp_attribute *axes = esp_graph_attribute(s->node, "axes");
    fprintf(s->out, "        x%llu = torch.mean(x%u", (unsigned long long)s->index, input(s));
    write_tuple(s, axes->ints, axes->count);
    fprintf(s->out, ", keepdim=%s)\n", node_int(s->node, "keepdims") ? "True" : "False");
}

static void write_concat(const struct script *s)
{
    fprintf(s->out, "        x%llu = torch.cat((", (unsigned long long)s->index);
    for (uint64_t i = 0; i < s->node->input_count; i++)
        fprintf(s->out, "x%u, ", s->node->inputs[i]);
    fprintf(s->out, "), %lld)\n", (long long)node_int(s->node, "axis"));
}

static void write_slice(const struct script *s)
{
    uint64_t count = esp_graph_attribute(s->node, "starts")->count;
    fprintf(s->out, "        x%llu = x%u[(", (unsigned long long)s->index, input(s));
    for (int64_t axis = 0; axis < s->node->shape.rank; axis++) {
        uint64_t i = 0;
        while (i < count && node_ints(s->node, "axes")[i] != axis)
            i++;
        if (i == count)
            fprintf(s->out, "slice(None), ");
        else
            fprintf(s->out, "slice(%lld, %lld, %lld), ", (long long)node_ints(s->node, "starts")[i],
                    (long long)node_ints(s->node, "ends")[i],
                    (long long)node_ints(s->node, "steps")[i]);
    }
    fprintf(s->out, ")]\n");
}

// PyTorch's pads begin with the last axis.
static void write_pad(const struct script *s)
{
    const int64_t *pads = node_ints(s->node, "pads");
    uint32_t rank = s->node->shape.rank;
    fprintf(s->out, "        x%llu = F.pad(x%u, (", (unsigned long long)s->index, input(s));
    for (uint32_t i = rank; i-- > 1;)
        fprintf(s->out, "%lld, %lld, ", (long long)pads[i], (long long)pads[rank + i]);
    fprintf(s->out, "), value=%.17g)\n", node_real(s->node, "value"));
}

static void write_none(const struct script *s)
{
    fprintf(s->out, "        x%llu = x%u.new_zeros((x%u.shape[0], ", (unsigned long long)s->index,
            input(s), input(s));
    for (uint32_t i = 1; i < s->node->shape.rank; i++)
        fprintf(s->out, "%lld, ", (long long)s->node->shape.dims[i]);
    fprintf(s->out, "))\n");
}

// ---- Windows ----------------------------------------------------------------------------------

static bool symmetric(const struct export_window *window)
{
    return window->begin[0] == window->end[0] && window->begin[1] == window->end[1];
}

static void write_pair_of(const struct script *s, const int64_t *pair)
{
    fprintf(s->out, ", (%lld, %lld)", (long long)pair[0], (long long)pair[1]);
}

// Left, right, top, bottom.
static void write_pads(const struct script *s, const int64_t *begin, const int64_t *end)
{
    fprintf(s->out, ", (%lld, %lld, %lld, %lld)", (long long)begin[1], (long long)end[1],
            (long long)begin[0], (long long)end[0]);
}

static void write_conv(const struct script *s)
{
    static const int64_t none[2] = {0, 0};
    struct export_window window = export_window_of(s->network->graph, s->node);
    bool own = symmetric(&window);
    fprintf(s->out, "        x%llu = F.conv2d(", (unsigned long long)s->index);
    if (own) {
        fprintf(s->out, "x%u", input(s));
    } else {
        fprintf(s->out, "F.pad(x%u", input(s));
        write_pads(s, window.begin, window.end);
        fprintf(s->out, ")");
    }
    write_get(s, 0);
    write_get(s, 1);
    write_pair_of(s, window.stride);
    write_pair_of(s, own ? window.begin : none);
    write_pair_of(s, window.dilation);
    fprintf(s->out, ", %lld)\n", (long long)node_int(s->node, "group"));
}

// PyTorch's pools pad at most half a kernel, both ends alike.
static bool pads_itself(const struct export_window *window)
{
    for (int side = 0; side < 2; side++)
        if (2 * window->begin[side] > window->kernel[side] ||
            window->reach[side] > window->end[side])
            return false;
    return symmetric(window);
}

static void write_max_pool(const struct script *s)
{
    struct export_window window = export_window_of(s->network->graph, s->node);
    static const int64_t none[2] = {0, 0};
    bool own = pads_itself(&window);
    fprintf(s->out, "        x%llu = F.max_pool2d(", (unsigned long long)s->index);
    if (own) {
        fprintf(s->out, "x%u", input(s));
    } else {
        fprintf(s->out, "F.pad(x%u", input(s));
        write_pads(s, window.begin, window.reach);
        fprintf(s->out, ", value=-math.inf)");
    }
    write_pair_of(s, window.kernel);
    write_pair_of(s, window.stride);
    write_pair_of(s, own ? window.begin : none);
    write_pair_of(s, window.dilation);
    fprintf(s->out, ")\n");
}

static void write_average_pool(const struct script *s)
{
    struct export_window window = export_window_of(s->network->graph, s->node);
    bool padded = node_int(s->node, "count_include_pad") != 0;
    bool own = pads_itself(&window) && !window.dilated;
    fprintf(s->out, "        x%llu = %s(x%u", (unsigned long long)s->index,
            own ? "F.avg_pool2d" : "_average_pool", input(s));
    write_pair_of(s, window.kernel);
    write_pair_of(s, window.stride);
    if (own) {
        write_pair_of(s, window.begin);
        fprintf(s->out, ", count_include_pad=%s)\n", padded ? "True" : "False");
        return;
    }
    write_pair_of(s, window.dilation);
    write_pads(s, window.begin, window.end);
    fprintf(s->out, ", (0, %lld, 0, %lld), %d)\n", (long long)(window.reach[1] - window.end[1]),
            (long long)(window.reach[0] - window.end[0]), padded);
}

// ---- The network ------------------------------------------------------------------------------

static void refuse_choice(const struct script *s)
{
    error_set(s->error, ESP_ERROR_UNSUPPORTED,
              "Choice '%s': the decision %s is open, as in a supernet; only an architecture whose "
              "decisions are all made can be exported",
              s->node->path, esp_graph_attribute(s->node, "path")->text);
}

static const struct form {
    const char *op;
    void (*write)(const struct script *s);
} forms[] = {
    {"Conv", write_conv},
    {"BatchNormalization", write_batch_norm},
    {"LayerNormalization", write_layer_norm},
    {"Softmax", write_softmax},
    {"Relu", write_function},
    {"Sigmoid", write_function},
    {"Tanh", write_function},
    {"LeakyRelu", write_curve},
    {"Elu", write_curve},
    {"Clip", write_curve},
    {"HardSigmoid", write_curve},
    {"HardSwish", write_function},
    {"Swish", write_function},
    {"Gelu", write_function},
    {"Identity", write_function},
    {"MaxPool", write_max_pool},
    {"AveragePool", write_average_pool},
    {"GlobalAveragePool", write_function},
    {"GlobalMaxPool", write_function},
    {"Add", write_pair},
    {"Mul", write_pair},
    {"Concat", write_concat},
    {"Slice", write_slice},
    {"Pad", write_pad},
    {"Gemm", write_gemm},
    {"MatMul", write_pair},
    {"Flatten", write_function},
    {"Reshape", write_reshape},
    {"Transpose", write_transpose},
    {"ReduceMean", write_reduce_mean},
    {"Dropout", write_dropout},
    {"DropPath", write_dropout},
    {"Choice", refuse_choice},
    {"None", write_none},
};

static void write_input(const struct script *s)
{
    uint32_t rank = s->node->shape.rank;
    if (!s->network->shift) {
        put(s, "image");
        return;
    }
    fprintf(s->out, "        shape = (");
    for (uint32_t i = 0; i < rank; i++)
        fprintf(s->out, "%d, ", i == 1 ? -1 : 1);
    fprintf(s->out, ")\n");
    put(s, "(image - self.shift.reshape(shape)) * self.factor.reshape(shape)");
}

static esp_status write_node(struct script *s, uint64_t i)
{
    s->node = esp_graph_get(s->network->graph, i);
    s->index = i;
    if (s->node->input_count == 0) {
        write_input(s);
        return ESP_OK;
    }
    for (size_t f = 0; f < ESP_COUNT(forms); f++)
        if (strcmp(forms[f].op, s->node->op) == 0) {
            forms[f].write(s);
            return s->error->status;
        }
    return error_set(s->error, ESP_ERROR_UNSUPPORTED, "%s '%s': no form in PyTorch is known for it",
                     s->node->op, s->node->path);
}

// What the logits need, and behind it, for training alone, what auxiliary heads need besides.
static esp_status write_forward(struct script *s, const bool *used)
{
    const esp_graph *graph = s->network->graph;
    uint64_t outputs = esp_graph_output_count(graph);
    esp_status status = ESP_OK;
    fprintf(s->out, "    # Logits%s; image: values of 0 to 1, the normalisation is in here.\n",
            outputs > 1 ? ", and in training those of the auxiliary heads" : "");
    fprintf(s->out, "    def forward(self, image):\n        w = self._get\n");
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(graph); i++)
        if (used[i] || esp_graph_get(graph, i)->input_count == 0)
            status = write_node(s, i);
    if (outputs == 1) {
        fprintf(s->out, "        return x%u\n", esp_graph_output(graph, 0));
        return status;
    }
    fprintf(s->out, "        if not self.training:\n            return x%u\n",
            esp_graph_output(graph, 0));
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(graph); i++)
        if (!used[i] && esp_graph_get(graph, i)->input_count > 0)
            status = write_node(s, i);
    fprintf(s->out, "        return ");
    for (uint64_t i = 0; i < outputs; i++)
        fprintf(s->out, "%sx%u", i ? ", " : "", esp_graph_output(graph, i));
    fprintf(s->out, "\n");
    return status;
}

static esp_status write_all(struct script *s, const bool *used)
{
    fprintf(s->out,
            "# A network of Espalier " ESPALIER_VERSION
            " for PyTorch. Names in state_dict() are its "
            "weight paths.\n"
            "#   network = Network()\n"
            "#   network.load_safetensors(\"FILE\")  # of espalier export --format safetensors\n");
    fputs(head, s->out);
    fprintf(s->out, "NAME = ");
    bool written = write_text(s->out, s->network->name);
    fprintf(s->out, "\nARCH = ");
    written = written && write_text(s->out, s->network->arch);
    fprintf(s->out, "\n");
    if (!written)
        return error_memory(s->error);
    write_weights(s);
    write_input_values(s);
    fputs(functions, s->out);
    fputs(methods, s->out);
    return write_forward(s, used);
}

esp_status export_torch(const struct export_network *network, const char *path, struct error *error)
{
    struct script script = {.network = network, .error = error};
    char *text = NULL;
    size_t size = 0;
    bool *used = export_used(network->graph, 1);
    script.out = open_memstream(&text, &size);
    esp_status status = used && script.out ? write_all(&script, used) : error_memory(error);
    if (script.out && !text_stream_close(script.out, &text) && status == ESP_OK)
        status = error_memory(error);
    struct file_aside file;
    if (status == ESP_OK)
        status = file_begin(&file, path, error);
    if (status == ESP_OK) {
        fputs(text, file.stream);
        status = file_end(&file, error);
    }
    free(text);
    free(used);
    return status;
}
