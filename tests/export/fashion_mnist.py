# SPDX-License-Identifier: Apache-2.0
# Fashion-MNIST from Debian's files, its pixels laid out for an input of any shape (images.h says how).
import gzip

import torch

FOLDER = "/usr/share/datasets/fashion-mnist/"


def _bytes(name, head, count):
    with gzip.open(FOLDER + name + ".gz") as file:
        return torch.frombuffer(bytearray(file.read(head + count)[head:]), dtype=torch.uint8)


def labels(split, count):
    return _bytes(split + "-labels-idx1-ubyte", 8, count).long()


# [count, ...] for a shape [N, ...]: 0 to 1, f32.
def images(split, count, shape):
    pixels = _bytes(split + "-images-idx3-ubyte", 16, count * 784).reshape(count, 784).float() / 255
    if len(shape) == 4 and shape[2:] == [32, 32]:
        wide = torch.nn.functional.pad(pixels.reshape(count, 1, 28, 28), (2, 2, 2, 2))
        return wide.repeat(1, shape[1], 1, 1)
    size = 1
    for dim in shape[1:]:
        size *= dim
    first = 0 if size >= 784 else 196
    return pixels[:, (torch.arange(size) + first) % 784].reshape([count] + shape[1:])
