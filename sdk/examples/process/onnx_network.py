# SPDX-License-Identifier: Apache-2.0
"""A network that Espalier wrote as ONNX (opset 17), as a module of PyTorch that can be trained.

PyTorch writes ONNX and reads none. These are the operators that Espalier's networks hold; `Network` says
which one is missing where there is another. Initialisers of floats are parameters, but for the statistics
of batch normalisation and what the graph itself computes with; their names are Espalier's weight paths.
"""
import onnx
import onnx.numpy_helper
import torch
from torch.nn import functional

RUNNING = (3, 4)  # the inputs of BatchNormalization that are statistics
MOMENTUM = 0.1  # of PyTorch: the new statistics' share


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def pad_image(x, pads, value=0.0):
    top, left, bottom, right = pads
    return functional.pad(x, (left, right, top, bottom), value=value) if any(pads) else x


class Network(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        model = onnx.load(path)
        self.graph = model.graph
        self.tensors = {}  # initialisers' names to the names of tensors of this module
        for node in self.graph.node:
            if not hasattr(self, "op_" + node.op_type):
                raise NotImplementedError("the operator %s of %s" % (node.op_type, node.name))
        weights = self.weight_names()
        for number, initializer in enumerate(self.graph.initializer):
            value = torch.from_numpy(onnx.numpy_helper.to_array(initializer).copy())
            name = self.tensors[initializer.name] = "tensor_%d" % number
            if initializer.name in weights:
                self.register_parameter(name, torch.nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def weight_names(self):
        """Paths of weights hold no colon, the graph's own constants do."""
        statistics = {node.input[i] for node in self.graph.node
                      if node.op_type == "BatchNormalization" for i in RUNNING}
        return {i.name for i in self.graph.initializer
                if i.data_type == onnx.TensorProto.FLOAT and ":" not in i.name} - statistics

    def forward(self, x):
        values = {name: getattr(self, own) for name, own in self.tensors.items()}
        values[""] = None
        values[self.graph.input[0].name] = x
        for node in self.graph.node:
            inputs = [values[name] for name in node.input]
            values[node.output[0]] = getattr(self, "op_" + node.op_type)(attributes(node), *inputs)
        return values[self.graph.output[0].name]

    # ---- Operators: attributes, then inputs ---------------------------------------------------------

    @staticmethod
    def op_Conv(a, x, weight, bias=None):
        return functional.conv2d(pad_image(x, a["pads"]), weight, bias, stride=a["strides"],
                                 dilation=a["dilations"], groups=a.get("group", 1))

    @staticmethod
    def op_MaxPool(a, x):
        x = pad_image(x, a.get("pads", [0] * 4), -float("inf"))
        return functional.max_pool2d(x, a["kernel_shape"], a.get("strides", 1),
                                     dilation=a.get("dilations", 1))

    @staticmethod
    def op_AveragePool(a, x):
        def pooled(t):
            return functional.avg_pool2d(pad_image(t, a.get("pads", [0] * 4)), a["kernel_shape"],
                                         a.get("strides", 1))
        # What the padding adds is not counted, unless it says so.
        return pooled(x) if a.get("count_include_pad", 0) else pooled(x) / pooled(torch.ones_like(x))

    def op_BatchNormalization(self, a, x, scale, shift, mean, variance):
        return functional.batch_norm(x, mean, variance, scale, shift, self.training, MOMENTUM,
                                     a.get("epsilon", 1e-5))

    @staticmethod
    def op_LayerNormalization(a, x, scale, shift=None):
        axis = a.get("axis", -1) % x.dim()
        return functional.layer_norm(x, x.shape[axis:], scale, shift, a.get("epsilon", 1e-5))

    @staticmethod
    def op_Gemm(a, x, weight, bias=None):
        y = x @ (weight.t() if a.get("transB", 0) else weight)
        return y if bias is None else y + bias

    @staticmethod
    def op_Reshape(a, x, shape):
        sizes = shape.tolist()
        return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(sizes)])

    @staticmethod
    def op_Pad(a, x, pads, value=None):
        begins, ends = pads[:x.dim()].tolist(), pads[x.dim():].tolist()
        flat = [n for i in reversed(range(x.dim())) for n in (begins[i], ends[i])]
        return functional.pad(x, flat, value=0.0 if value is None else value.item())

    @staticmethod
    def op_Slice(a, x, starts, ends, axes, steps=None):
        steps = [1] * len(starts) if steps is None else steps.tolist()
        for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps):
            places = range(x.shape[axis])[start:end:step]
            x = x.index_select(axis, torch.tensor(list(places), device=x.device))
        return x

    @staticmethod
    def op_Gather(a, x, indices):
        axis = a.get("axis", 0)
        return x.index_select(axis, indices.flatten()).reshape(
            x.shape[:axis] + indices.shape + x.shape[axis + 1:])

    @staticmethod
    def op_ReduceMean(a, x):
        return x.mean(a["axes"], keepdim=bool(a.get("keepdims", 1)))

    @staticmethod
    def op_Clip(a, x, least=None, most=None):
        return x.clamp(None if least is None else least.item(),
                       None if most is None else most.item())

    @staticmethod
    def op_ConstantOfShape(a, shape):
        value = onnx.numpy_helper.to_array(a["value"]) if "value" in a else None
        return torch.full(shape.tolist(), 0.0 if value is None else float(value[0]))

    @staticmethod
    def op_Concat(a, *xs):
        return torch.cat(xs, a["axis"])

    @staticmethod
    def op_Transpose(a, x):
        return x.permute(a["perm"])

    @staticmethod
    def op_Flatten(a, x):
        return x.flatten(a.get("axis", 1))

    @staticmethod
    def op_Softmax(a, x):
        return x.softmax(a.get("axis", -1))

    @staticmethod
    def op_Elu(a, x):
        return functional.elu(x, a.get("alpha", 1.0))

    @staticmethod
    def op_LeakyRelu(a, x):
        return functional.leaky_relu(x, a.get("alpha", 0.01))

    @staticmethod
    def op_HardSigmoid(a, x):
        return (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1)

    @staticmethod
    def op_HardSwish(a, x):
        return functional.hardswish(x)

    @staticmethod
    def op_GlobalAveragePool(a, x):
        return x.mean((2, 3), keepdim=True)

    @staticmethod
    def op_GlobalMaxPool(a, x):
        return x.amax((2, 3), keepdim=True)

    @staticmethod
    def op_Shape(a, x):
        return torch.tensor(x.shape[a.get("start", 0):a.get("end", None)])

    def op_Identity(self, a, x):
        return x

    def op_Relu(self, a, x):
        return x.relu()

    def op_Sigmoid(self, a, x):
        return x.sigmoid()

    def op_Tanh(self, a, x):
        return x.tanh()

    def op_Erf(self, a, x):
        return x.erf()

    def op_Add(self, a, x, y):
        return x + y

    def op_Sub(self, a, x, y):
        return x - y

    def op_Mul(self, a, x, y):
        return x * y

    def op_Div(self, a, x, y):
        return x / y

    def op_MatMul(self, a, x, y):
        return x @ y
