"""A quantized tensor goes in, a quantized one comes out, near what they stand for."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.elementwise import domain, truth
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.nonlinear.layernorm import epsilon_code
from gemmule.golden.soc.commands import VECTOR, Combine, VectorFunction
from gemmule.golden.soc.functions import NORMS, OWN
from gemmule.golden.soc.hardware import Hardware
from gemmule.tb.nonlinear.golden.truth import true_layernorm, true_softmax
from gemmule.tb.soc.test_machine import BASE, machine

from .common import HARDWARE, RECORD, UNIT, VECTOR_COMMAND, WITH_B, F, run


def quantized(function: str, x: np.ndarray, given: Format, result: Format, **more) -> np.ndarray:
    """Return a function of whole numbers in its own formats, by a command of rows of x."""
    hardware = Hardware(vector=replace(UNIT, max_length=x.shape[1]))
    made = machine(hardware)
    m, n = x.shape
    command = VECTOR_COMMAND | {"m": m, "n": n, "a_stride": 2 * n, "sizes": 13}
    command |= {"c_size": 1, "c_stride": 2 * n}
    made.memory.octets[0x1000:][: 2 * m * n] = np.frombuffer(x.astype("<u2").tobytes(), np.uint8)
    record = {
        "function": VectorFunction[function.upper()], "signs": int(given.signed), "multiplier": 1,
        "result_multiplier": 1, "low": -(2**31), "high": 2**31 - 1, "delta": 4096,
    }  # fmt: skip
    affine = more.pop("affine", b"")
    assert run(made, command, VECTOR.encode(record | more) + affine)["cause"] == 0
    kind = "<i2" if result.signed else "<u2"
    return made.memory.octets[0x3000:][: 2 * m * n].view(kind).reshape(m, n)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_are_near_the_real_ones(function):
    given, result = map(F, OWN[function])
    x = np.random.default_rng(4).choice(domain(function, given), (4, 100))
    y = quantized(function, x, given, result)
    true = np.clip(truth(function, x, given) * 2.0**result.frac, result.low, result.high)
    steps = 2 if function in ("reciprocal", "rsqrt") else 1
    assert np.abs(y - true).max() <= steps + (true.max() * 2.0**-11 if steps == 2 else 0)


def test_softmax_and_normalizations_are_near_the_real_ones():
    rng = np.random.default_rng(6)
    given, result = F("sq7.9"), F("uq1.15")
    x = rng.integers(-4000, 4000, (5, 97))
    y = quantized("softmax", x, given, result)
    assert np.abs(result.real(y) - true_softmax(given.real(x))).max() <= 2.0**-10
    given, result = F("sq8.8"), F("sq6.10")
    gamma, beta = rng.integers(2000, 6000, 97), rng.integers(-2000, 2000, 97)
    affine = np.stack([gamma, beta], axis=1).astype("<i2").tobytes()
    for function, kind in NORMS.items():
        epsilon = epsilon_code(1e-5, 97, given)
        y = quantized(function, x, given, result, affine=affine, epsilon=epsilon)
        true = true_layernorm(given.real(x), gamma / 4096, beta / 4096, 1e-5, kind)
        assert np.abs(result.real(y) - true).max() <= 2.0**-9 * 1.5


def test_a_residual_of_two_scales_is_near_the_sum_of_what_they_stand_for():
    """C = requantize(s_a (a - z_a) + s_b (b - z_b)), one rounding at the end."""
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 256, (2, 3, 50))
    (sa, za), (sb, zb), (sc, zc) = (0.031, 117), (0.0057, 128), (0.04, -3)
    most = max(sa, sb)
    ma, mb = (round(each / most * 65535) for each in (sa, sb))
    shift = 30
    multiplier = round(most / 65535 / sc * 2**shift)
    made = machine(HARDWARE["own formats"])
    for place, x in ((0x1000, a), (0x2000, b)):
        made.memory.octets[place:][:150] = x.ravel()
    command = WITH_B | {"b": BASE + 0x2000, "n": 50, "a_stride": 50, "b_stride": 50, "c_stride": 50}
    octets = VECTOR.encode(
        RECORD, combine=Combine.ADD, a_zero_point=za, b_zero_point=zb, a_multiplier=ma,
        b_multiplier=mb, multiplier=multiplier, shift=shift, zero_point=zc, low=-128,
    )  # fmt: skip
    assert run(made, command, octets)["cause"] == 0
    got = made.memory.octets[0x3000:][:150].view(np.int8).reshape(3, 50)
    true = np.clip((sa * (a - za) + sb * (b - zb)) / sc + zc, -128, 127)
    assert np.abs(got - true).max() <= 0.51
