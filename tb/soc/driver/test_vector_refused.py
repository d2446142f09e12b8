"""What the driver's sums, products and functions refuse, before anything is written."""

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.golden.common.errors import UsageError
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware

from .test_vector import HARDWARE

X = np.ones((2, 3), int)

REFUSED = {
    "rows": (lambda acc: acc.apply("softmax", X), "apply: softmax is not of each element"),
    "no such": (lambda acc: acc.apply("relu", X), "unit has gelu, .*, not relu"),
    "shapes": (
        lambda acc: acc.add(X, np.ones(2, int)),
        r"b must broadcast with a of shape \[2, 3\], not have shape \[2\]",
    ),
    "empty": (lambda acc: acc.apply("gelu", X[:0]), "x must hold at least one element"),
    "floats": (lambda acc: acc.add(X, X / 2), "b must hold integers, not float64"),
    "wide": (lambda acc: acc.add(X, X * 70000), r"b\[0, 0\] is 70000, but u16 holds"),
    "format": (lambda acc: acc.apply("gelu", X * 32768), r"x\[0, 0\] is 32768, but sq4.12"),
    "option": (lambda acc: acc.multiply(X, X, a_multiplier=2), "there is no 'a_multiplier'; what"),
    "behind": (lambda acc: acc.add(X, X, result_shift=2), "there is no 'result_shift'; what"),
    "alone": (lambda acc: acc.multiply(X, X, multiplier=2), "multiplier was given without shift"),
    "factor": (lambda acc: acc.add(X, X, a_multiplier=65536), "must be in -65536..65535, not 6553"),
    "many": (lambda acc: acc.add(X, X, shift=[1, 2]), "shift must be one whole number in 0..47"),
    "shift": (lambda acc: acc.add(X, X, shift=48), "shift must be in 0..47, not 48"),
    "zero": (lambda acc: acc.add(X, X, b_zero_point=1 << 16), "b_zero_point must be in -65536"),
    "unsigned": (lambda acc: acc.add(X, X, c_format="u32"), "c_format must be s32 or narrower"),
    "clamp": (lambda acc: acc.add(X, X, clamp=(3, 2)), "--clamp must be LOW,HIGH"),
    "combine": (lambda acc: acc.apply("gelu", X, X, combine="max"), "combine must be one of add"),
    "mask": (
        lambda acc: acc.softmax(X, mask=np.ones((2, 2, 3), bool)),
        r"mask must spread to the shape \[2, 3\] of x, not \[2, 2, 3\]",
    ),
    "mask values": (lambda acc: acc.softmax(X, mask=X * 2), r"mask\[0, 0\] is 2, but u1 holds"),
    "both": (lambda acc: acc.softmax(X, X, mask=X), "either a mask or a second operand b"),
    "delta": (lambda acc: acc.softmax(X, delta=1.5), "delta must be in 0..1, not 1.5"),
    "long": (
        lambda acc: acc.softmax(np.zeros((2, 41), int)),
        "x has rows of 41, but this hardware's rows have at most 40",
    ),
    "no rows": (lambda acc: acc.softmax(np.array(3)), "x must have rows"),
    "gamma": (lambda acc: acc.layernorm(X, X[0, :2]), r"gamma must have shape \[3\]"),
    "epsilon": (
        lambda acc: acc.rmsnorm(X, X[0], epsilon=float("nan")),
        "epsilon must be at least 0 and below .* for rows of 3, not nan",
    ),
    "out": (
        lambda acc: acc.add(X, X, out=np.zeros((2, 3), np.int32)),
        r"out must be an array of \[2, 3\] int32 in shared memory",
    ),
    "row": (lambda acc: acc.transpose(X[0]), r"a must have shape \[..., M, N\], each in 1"),
    "bytes": (lambda acc: acc.transpose(X, c_format="s16"), "c_format must have at most 8 bits"),
    "room": (lambda acc: acc.add(np.zeros(5000, int), 1), "does not fit: of 4096 bytes of shared"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_use_is_refused_and_costs_no_memory(case):
    call, sentence = REFUSED[case]
    with Accelerator(GoldenBus(HARDWARE, size=4096), ring=8) as acc:
        free = list(acc.pool._free)
        with pytest.raises(UsageError, match=sentence):
            call(acc)
        assert acc.pool._free == free
        assert acc.page.word("COMPLETED") == 0


def test_hardware_without_the_unit_or_the_function():
    with pytest.raises(UsageError, match="add: this hardware has no vector unit; --vector-lanes"):
        Accelerator(GoldenBus()).add(X, X)
    acc = Accelerator(GoldenBus(Hardware(vector=VectorHardware(functions=("gelu",)))))
    with pytest.raises(UsageError, match="softmax: this hardware's vector unit has gelu, not soft"):
        acc.softmax(X)


def test_out_may_be_an_operand_but_not_a_part_of_one():
    with Accelerator(GoldenBus(HARDWARE)) as acc:
        x = acc.alloc((4, 8), np.int8)
        x.array[...] = 3
        with pytest.raises(UsageError, match="out must have no byte in common with a, or be a"):
            acc.add(x.array[:, :4], 1, out=x.array[:, 2:6], c_format="s8")
        with pytest.raises(UsageError, match="common with b, or be b element for element"):
            acc.add(1, x, out=x.array[::-1], c_format="s8")
        with pytest.raises(UsageError, match="common with b, or be b element for element"):
            acc.add(x, x.array[2], out=x, c_format="s8")
