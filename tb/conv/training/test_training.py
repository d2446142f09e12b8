"""The training bench: its float convolutions are the golden ones, and integers learn."""

import numpy as np
import pytest

from gemmule.golden.conv.convolution import forward, input_grad, weight_grad
from gemmule.golden.conv.geometry import Geometry
from gemmule.tb.conv.cases import operands

from .benchmark_train import through_rtl
from .network import Floats, Integers, Network, digits, train

LAYER = Geometry(batch=3, channels=4, filters=5, size=(6, 5), kernel=(3, 3), stride=2, padding=1)


def test_float_convolutions_are_the_golden_ones():
    x, w, dy = operands(LAYER, bits=6)
    floats = Floats()
    assert (floats.forward(LAYER, x, w) == forward(LAYER, x, w)).all()
    dx, dw = floats.backward(LAYER, x, w, dy)
    assert (dx == input_grad(LAYER, dy, w)).all()
    assert (dw == weight_grad(LAYER, x, dy)).all()


def test_integers_learn():
    data = digits()
    network = Network(Integers())
    before = network.accuracy(data.test_x, data.test_y)
    after = train(network, data, 2)[-1]
    assert after > max(80, before + 30)


@pytest.mark.full
def test_a_step_of_training_through_the_rtl():
    rows = through_rtl(1, batch=4)
    assert len(rows) == 6
    assert np.all([row["exact"] for row in rows])
