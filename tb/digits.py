"""A small network for handwritten digits: trained in floating point, then in int8 for `gemm`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digits", "Layer", "classes", "layers", "load"]

SEED = 0
TEST_IMAGES = 360
HIDDEN = (64, 48)
"""Neurons of the hidden layers."""

LEVELS = 127
"""The largest int8 on both sides of zero."""

MULTIPLIER_BITS = 15


@dataclass(frozen=True)
class Digits:
    """The data and the network: images [n, 64] of 0..16, their classes, weights, biases."""

    train: NDArray[np.float64]
    test: NDArray[np.float64]
    test_classes: NDArray[np.int64]
    weights: Sequence[NDArray[np.float64]]
    biases: Sequence[NDArray[np.float64]]

    def activations(self, images: NDArray) -> list[NDArray[np.float64]]:
        """Return the float model's input and the output of each layer."""
        found = [np.asarray(images, np.float64)]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            total = found[-1] @ weight + bias
            found.append(total if number == len(self.weights) - 1 else np.maximum(total, 0))
        return found


@dataclass(frozen=True)
class Layer:
    """One matrix product in int8: what `gemm` takes besides the activations."""

    arrays: dict[str, NDArray[np.int64]]
    run: dict[str, Any]


def load() -> Digits:
    """Load scikit-learn's digits, and train a multilayer perceptron on all but the test images."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    images, found = load_digits(return_X_y=True)
    train, test, train_classes, test_classes = train_test_split(
        images, found, test_size=TEST_IMAGES, random_state=SEED, stratify=found
    )
    network = MLPClassifier(HIDDEN, max_iter=400, random_state=SEED)
    network.fit(train, train_classes)
    return Digits(train, test, test_classes, network.coefs_, network.intercepts_)


def layers(digits: Digits) -> list[Layer]:
    """Quantize the network to int8, by the training images alone.

    A real value is ``scale * integer``: one scale for a layer's activations, one for each column
    of its weights. A ReLU is a clamp; the last layer gives int16 on one scale for all classes.
    """
    ranges = [np.abs(values).max() for values in digits.activations(digits.train)]
    last = len(digits.weights) - 1
    quantized = []
    for number, (weight, bias) in enumerate(zip(digits.weights, digits.biases, strict=True)):
        into = ranges[number] / LEVELS
        columns = np.abs(weight).max(axis=0) / LEVELS
        out = ranges[number + 1] / (LEVELS if number < last else 2**15 - 1)
        multiplier, shift = _fixed(into * columns / out)
        quantized.append(
            Layer(
                arrays={
                    "b": np.rint(weight / columns).astype(np.int64),
                    "bias": np.rint(bias / (into * columns)).astype(np.int64),
                    "multiplier": multiplier,
                    "shift": shift,
                },
                run={"c_format": "s8", "clamp": (0, LEVELS)}
                if number < last
                else {"c_format": "s16"},
            )
        )
    return quantized


def classes(
    digits: Digits, network: Sequence[Layer], product: Callable[[int, Layer, NDArray], NDArray]
) -> NDArray[np.int64]:
    """Classify the test images; ``product(number, layer, activations)`` computes each layer."""
    values = np.rint(digits.test / np.abs(digits.train).max() * LEVELS).astype(np.int64)
    for number, layer in enumerate(network):
        values = product(number, layer, values)
    return values.argmax(axis=1)


def _fixed(ratio: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Express ``ratio`` as ``multiplier / 2**shift``, as finely as the multiplier's bits allow."""
    shift = MULTIPLIER_BITS - np.ceil(np.log2(ratio)).astype(np.int64)
    return np.rint(ratio * 2.0**shift).astype(np.int64), shift
