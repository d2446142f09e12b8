"""A transformer's block over both units: as golden, byte by byte, and as floats within steps."""

import numpy as np
from scipy.special import erf, softmax

from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS, VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.tb.soc.driver.rtl import CONFIGURATIONS, program

from .transformer import Shape, build

BASE = 0x1000_0000

SMALL = Shape(tokens=11, width=12, heads=2, hidden=20, parts=2)

STEP = 1 / 16
"""Of tensors between layers; probabilities have 1/127, what is normalized 1/32."""


def test_block_on_rtl_is_goldens():
    listed, result = build(SMALL, BASE)
    golden = listed.golden(CONFIGURATIONS["narrow"].hardware)
    with SimulatedBus(program("narrow"), listed.size, AxiMemory(base=BASE)) as bus:
        run = listed.run(bus)
        used = len(listed.octets)
        np.testing.assert_array_equal(bus.memory[:used], golden[:used])
    assert run.counters["commands"] == len(listed.commands)
    assert run.counters["errors"] == 0
    assert run.cycles < run.counters["cycles"]
    first = result.address - BASE
    assert np.ptp(golden[first : first + SMALL.width].view(np.int8).astype(int)) > 20


def test_block_is_a_transformers():
    """Golden's result against float64, layer by layer as the paper has them."""
    shape = Shape(tokens=29, width=48, heads=3, hidden=96)
    listed, result = build(shape, BASE)
    unit = VectorHardware(functions=VECTOR_FUNCTIONS)
    after = listed.golden(Hardware(vector=unit))
    before = iter(listed.put_arrays)
    x = next(before) * STEP
    query_key_value = [next(before) for _ in range(3)]
    project, up, down = (next(before) for _ in range(3))

    def multiply(a, b):
        return a @ b * 2.0 ** -round(np.log2(40 * np.sqrt(len(b))))

    def normalize(x):
        centered = x - x.mean(axis=1, keepdims=True)
        return centered / np.sqrt(centered.var(axis=1, keepdims=True) + 1e-5) * 32 * STEP

    def clamped(x):
        return x.clip(-128 * STEP, 127 * STEP)

    h = normalize(x)
    keys, values, queries = (clamped(multiply(h, each)) for each in query_key_value)
    heads = []
    for n in range(shape.heads):
        columns = slice(n * shape.head, (n + 1) * shape.head)
        scores = clamped(multiply(queries[:, columns] / STEP, keys[:, columns].T))
        chances = softmax(scores, axis=1) * 127 * STEP
        heads.append(clamped(multiply(chances / STEP, values[:, columns])))
    y = clamped(x + clamped(multiply(np.hstack(heads), project)))
    raw = clamped(multiply(normalize(y), up))
    active = raw * (1 + erf(raw / np.sqrt(2))) / 2
    z = clamped(y + clamped(multiply(active, down)))
    at = result.address - BASE
    got = after[at : at + shape.tokens * shape.width].view(np.int8).reshape(z.shape) * STEP
    assert np.corrcoef(got.ravel(), z.ravel())[0, 1] > 0.999
    assert np.abs(got - z).mean() < STEP
