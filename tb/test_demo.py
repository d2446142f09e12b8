"""The demo's network in int8, without hardware: as good as the float model, and within range."""

import numpy as np
import pytest

from gemmule.golden.systolic.gemm import gemm
from gemmule.tb import digits


@pytest.fixture(scope="module")
def data():
    return digits.load()


@pytest.fixture(scope="module")
def network(data):
    return digits.layers(data)


def test_the_test_images_are_not_those_trained_on(data):
    assert data.test.shape == (360, 64)
    seen = {image.tobytes() for image in data.train}
    assert len(data.train) + len(data.test) == 1797
    assert sum(image.tobytes() in seen for image in data.test) == 0


def test_int8_is_within_a_point_of_floating_point(data, network):
    exact = data.activations(data.test)[-1].argmax(axis=1)
    found = digits.classes(data, network, lambda _number, layer, values: through(layer, values))
    accuracy = [(classes == data.test_classes).mean() for classes in (exact, found)]
    assert accuracy[0] > 0.95
    assert abs(accuracy[0] - accuracy[1]) <= 0.01


def test_operands_use_their_range(network):
    for layer in network:
        weights, multiplier = layer.arrays["b"], layer.arrays["multiplier"]
        assert (np.abs(weights).max(axis=0) == 127).all()
        assert ((multiplier >= 2**14) & (multiplier <= 2**15)).all()


def through(layer, values):
    return gemm(values, **layer.arrays, **layer.run)
