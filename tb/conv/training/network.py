"""A strided CNN that trains on handwritten digits, its convolutions in floats or in integers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.compile.convolution.lower.views import im2col
from gemmule.golden.conv.convolution import forward, input_grad, weight_grad
from gemmule.golden.conv.geometry import Geometry

__all__ = ["Digits", "Floats", "Integers", "Network", "digits", "train"]

Array = NDArray[np.float64]


class Arithmetic(Protocol):
    """Convolution and its gradients, of real arrays."""

    def forward(self, geometry: Geometry, x: Array, w: Array) -> Array: ...

    def backward(self, geometry: Geometry, x: Array, w: Array, dy: Array) -> tuple[Array, Array]:
        """Return ``dx`` and ``dw``."""


class Floats:
    """float32, by plain matrices: what the integers are compared with."""

    def forward(self, geometry: Geometry, x: Array, w: Array) -> Array:
        return _columns_to_maps(geometry, w.reshape(len(w), -1) @ self._patches(geometry, x))

    def backward(self, geometry: Geometry, x: Array, w: Array, dy: Array) -> tuple[Array, Array]:
        flat = np.moveaxis(dy, 1, 0).reshape(geometry.filters, -1)
        dw = (flat @ self._patches(geometry, x).T).reshape(w.shape)
        columns = w.reshape(len(w), -1).T @ flat
        address, real = im2col(geometry, geometry.channels).walk.beats()
        place, keep = self._order(geometry, address), self._order(geometry, real)
        last = np.zeros(x.size, np.float32)
        np.add.at(last, place[keep], columns[keep])
        shape = (geometry.batch, *geometry.size, geometry.channels)
        return np.moveaxis(last.reshape(shape), -1, 1), dw

    def _patches(self, geometry: Geometry, x: Array) -> Array:
        """Gather ``[channels * taps, pixels]``."""
        address, real = im2col(geometry, geometry.channels).walk.beats()
        flat = np.moveaxis(x, 1, -1).astype(np.float32).ravel()
        values = np.where(real, flat[np.where(real, address, 0)], np.float32(0))
        return self._order(geometry, values)

    def _order(self, geometry: Geometry, beats: NDArray) -> NDArray:
        """Order beats ``[taps, channels, pixels]`` by channels first, as weights have them."""
        by_tap = beats.reshape(geometry.taps, geometry.channels, -1)
        return by_tap.swapaxes(0, 1).reshape(geometry.taps * geometry.channels, -1)


@dataclass
class Integers:
    """Activations and weights in 8 bits, gradients in more; golden convolutions, exact sums.

    Each tensor has one scale, its largest magnitude. ``watch`` sees every operation: its name, the
    geometry, the integer operands and the integer result.
    """

    gradient_bits: int = 16
    watch: Callable[..., None] = field(default=lambda *_: None)

    def forward(self, geometry: Geometry, x: Array, w: Array) -> Array:
        (x, x_scale), (w, w_scale) = _quantized(x, 8), _quantized(w, 8)
        y = forward(geometry, x, w)
        self.watch("forward", geometry, {"x": x, "w": w}, y)
        return y * (x_scale * w_scale)

    def backward(self, geometry: Geometry, x: Array, w: Array, dy: Array) -> tuple[Array, Array]:
        (x, x_scale), (w, w_scale) = _quantized(x, 8), _quantized(w, 8)
        dy, dy_scale = _quantized(dy, self.gradient_bits)
        dx, dw = input_grad(geometry, dy, w), weight_grad(geometry, x, dy)
        self.watch("input_grad", geometry, {"dy": dy, "w": w}, dx)
        self.watch("weight_grad", geometry, {"x": x, "dy": dy}, dw)
        return dx * (dy_scale * w_scale), dw * (x_scale * dy_scale)


@dataclass(frozen=True)
class Digits:
    """Images ``[n, 1, side, side]`` in 0..1 and classes, to train with and to test with."""

    train_x: Array
    train_y: NDArray[np.int64]
    test_x: Array
    test_y: NDArray[np.int64]


def digits() -> Digits:
    """Load scikit-learn's handwritten digits, every fifth kept for the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images[:, None] / 16.0
    test = np.arange(len(images)) % 5 == 0
    return Digits(images[~test], bunch.target[~test], images[test], bunch.target[test])


class Network:
    """Two convolutions of stride 2 with ReLU, then a linear layer; ``side`` is that of images."""

    CHANNELS = (1, 16, 32)

    def __init__(self, arithmetic: Arithmetic, seed: int = 0, side: int = 8):
        rng = np.random.default_rng(seed)
        self.arithmetic = arithmetic
        pairs = zip(self.CHANNELS[:-1], self.CHANNELS[1:], strict=True)
        self.weights = [rng.normal(0, np.sqrt(2 / (9 * c)), (o, c, 3, 3)) for c, o in pairs]
        last = (-(-side // 4)) ** 2 * self.CHANNELS[-1]
        self.weights.append(rng.normal(0, 0.1, (10, last)))
        self.speed = [np.zeros_like(w) for w in self.weights]

    def scores(self, x: Array) -> tuple[Array, list[Array]]:
        """Return the classes' scores, and the input of each layer."""
        inputs = [x]
        for number, w in enumerate(self.weights[:-1]):
            y = self.arithmetic.forward(self._geometry(number, inputs[-1]), inputs[-1], w)
            inputs.append(np.maximum(y, 0))
        return inputs[-1].reshape(len(x), -1) @ self.weights[-1].T, inputs

    def step(self, x: Array, y: NDArray[np.int64], rate: float) -> None:
        """Take one step of gradient descent with momentum on the cross entropy."""
        scores, inputs = self.scores(x)
        chance = np.exp(scores - scores.max(1, keepdims=True))
        error = chance / chance.sum(1, keepdims=True)
        error[np.arange(len(y)), y] -= 1
        error /= len(y)
        slopes = [error.T @ inputs[-1].reshape(len(x), -1)]
        dy = (error @ self.weights[-1]).reshape(inputs[-1].shape)
        for number in reversed(range(len(self.weights) - 1)):
            dy = dy * (inputs[number + 1] > 0)
            geometry = self._geometry(number, inputs[number])
            dy, dw = self.arithmetic.backward(geometry, inputs[number], self.weights[number], dy)
            slopes.insert(0, dw)
        for w, speed, slope in zip(self.weights, self.speed, slopes, strict=True):
            speed *= 0.9
            speed -= rate * slope
            w += speed

    def accuracy(self, x: Array, y: NDArray[np.int64]) -> float:
        """Return the share of the images that is told right, in percent."""
        return float(100 * (self.scores(x)[0].argmax(1) == y).mean())

    def _geometry(self, number: int, x: Array) -> Geometry:
        return Geometry(
            batch=len(x),
            channels=self.CHANNELS[number],
            filters=self.CHANNELS[number + 1],
            size=x.shape[2:],
            kernel=(3, 3),
            stride=2,
            padding=1,
        )


def train(network: Network, data: Digits, epochs: int, seed: int = 0) -> list[float]:
    """Train; return the accuracy on the test images after each epoch."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(epochs):
        order = rng.permutation(len(data.train_x))
        for part in np.array_split(order, len(order) // 64):
            network.step(data.train_x[part], data.train_y[part], 0.05)
        found.append(network.accuracy(data.test_x, data.test_y))
    return found


def _quantized(values: Array, bits: int) -> tuple[NDArray[np.int64], float]:
    """Quantize to integers of so many bits; return them and the scale: what 1 stands for."""
    scale = float(np.abs(values).max()) / ((1 << bits - 1) - 1) or 1.0
    return np.rint(values / scale).astype(np.int64), scale


def _columns_to_maps(geometry: Geometry, columns: Array) -> Array:
    return np.moveaxis(columns.reshape(-1, geometry.batch, *geometry.out), 0, 1)
