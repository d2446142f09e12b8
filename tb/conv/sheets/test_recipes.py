"""D: programs made by a data sheet's recipes alone, with its encoder, give golden results."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.blocks.conv.recipe_sheet import recipes
from gemmule.gen.package.sheet.code import encoder_text
from gemmule.gen.package.sheet.example import payloads
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import compare
from gemmule.gen.verilog.axis import axis_streams
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.refusal import Refusal
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL

from .recipes import COLS, PIXEL, ROWS, Recipe, forward, input_grad, weight_grad

CONV2D = CONVOLUTIONS[0]


@pytest.fixture(scope="module")
def model():
    return build(CONV2D, SMALL)


@pytest.fixture(scope="module")
def encoder(model):
    names: dict = {}
    exec(encoder_text("conv2d", CONV2D.sheet(SMALL), axis_streams(model.manifest.streams)), names)
    return names


LAYER = {"batch": 2, "channels": 5, "filters": 5, "size": (5, 4), "padding": 1, "stride": 2}
LAYERS = {
    "3 x 3": Geometry(**LAYER, kernel=(3, 3)),
    "phases without taps": Geometry(**LAYER, kernel=(2, 2), dilation=2),
    "the one in numbers": Geometry(
        batch=1, channels=ROWS, filters=COLS, size=(5, 5), kernel=(3, 3), stride=2, padding=1
    ),
}


def planned(encoder, geometry: Geometry, op: str) -> tuple:
    """Return a job of the adapter's, of which the memory is taken, and a recipe for it."""
    run, arrays = stimulus(SMALL, geometry, op=op, scaling="column", zeros=True, seed=3)
    job = CONV2D.adapter.plan(SMALL, run, arrays)
    # Where the adapter put the maps is all that is taken from its program.
    at: dict[str, int] = {}
    for kind, name in (("A_LOAD", "base"), ("B_LOAD", "base"), ("PLACES", "walk.origin.step")):
        offset, width, *_ = encoder["VARIANTS"]["command.data.content"][kind][name]
        code = encoder["CODES"]["command.data.kind"][kind]
        numbers = [int.from_bytes(each.tobytes(), "little") for each in job.send["command"]]
        at[kind] = min(n >> 3 + offset & (1 << width) - 1 for n in numbers if n & 7 == code)
    return job, Recipe(encoder, geometry, arrays, at)


def carried_out(model, job, made: Recipe, image: np.ndarray | None = None) -> dict:
    """Run the recipe's commands in the job's memory; return what the hardware gives."""
    streams = {each.name: each for each in axis_streams(model.manifest.streams)}
    words = {"command": made.end(), "scale": made.scale()}
    send = {
        name: payloads(streams[name], tuple(zip(*each, strict=True)))
        for name, each in words.items()
    }
    memory = job.memory if image is None else replace(job.memory, image=image)
    return model.run(send, job.receive, memory=memory, stall=0.2, seed=1).received


def expect_golden(job, received: dict) -> None:
    for name, values in job.decode(received).items():
        compare(name, values, job.golden[name])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("recipe", [forward, input_grad, weight_grad])
def test_a_recipe_gives_golden_results(recipe, layer, model, encoder):
    job, made = planned(encoder, LAYERS[layer], recipe.__name__)
    recipe(made)
    expect_golden(job, carried_out(model, job, made))


def test_lanes_from_n_on_are_written_as_zeros_and_masked_rows_not_at_all(model, encoder):
    """Of two tiles of filters the second has two: with a greater length its third lane is 0."""
    job, recipe = planned(encoder, LAYERS["3 x 3"], "forward")
    forward(recipe)
    places = [parts for kind, parts in recipe.commands if kind == "PLACES"]
    second = places[-1]
    assert second["length"] == 2
    second["length"] = COLS
    pixels = recipe.images * recipe.p * recipe.q
    room = recipe.at["PLACES"] + pixels * PIXEL
    image = np.full(max(room, len(job.memory.image)), 0x77, np.uint8)
    image[: recipe.at["PLACES"]] = job.memory.image[: recipe.at["PLACES"]]

    def written(received: dict) -> np.ndarray:
        return received["memory"][recipe.at["PLACES"] : room].reshape(pixels, PIXEL)

    received = carried_out(model, job, recipe, image)
    expect_golden(job, received)
    assert (written(received)[:, 5:6] == 0).all()
    assert (written(received)[:, 6:] == 0x77).all()
    second["walk.axes.0.limit"] = 0
    recipe.commands.pop()
    masked = carried_out(model, job, recipe, image)
    assert not masked["status"][0, 0] & 31
    assert (written(masked)[:, 3:] == 0x77).all()
    assert (written(masked)[:, :3] == written(received)[:, :3]).all()


def test_k_that_is_no_multiple_of_the_rows(model, encoder):
    """The last tile takes as many beats of `w` as are left; a pass that gives more is a fault."""
    thin = Geometry(batch=1, channels=ROWS - 1, filters=COLS, size=(3, 3), kernel=(1, 1))
    job, made = planned(encoder, thin, "forward")
    forward(made)
    parts = dict(made.commands)
    full, zero = parts["PRODUCT"]["k"], made.products[0][3]
    parts["PRODUCT"]["k"] = full - 1
    received = carried_out(model, job, made)
    assert received["status"][0, 0] & 31 == Refusal.PASSES
    made.commands.pop()
    # The row that is left out was one of zeros that counted in K.
    first, n, offset, _ = made.products[0]
    made.products[0] = first, n, offset - made.zero("x")[0] * zero, zero
    axes, loops = [(ROWS - 2, ROWS - 1, 1, 1)], [(ROWS - 1, [-1], 0)]
    parts["B_PASS"] |= encoder["walk"]("B_PASS", axes, loops)
    expect_golden(job, carried_out(model, job, made))


def test_the_layer_in_numbers_is_what_the_recipe_makes(encoder):
    """Compare each jump that the sheet prints, modulo the fields' widths."""
    told = recipes(SMALL).split("**A layer in numbers**")[1]
    geometry = LAYERS["the one in numbers"]
    arrays = stimulus(SMALL, geometry, scaling="column")[1]
    made = Recipe(encoder, geometry, arrays, {"A_LOAD": 0, "B_LOAD": 25 * PIXEL, "PLACES": 4096})
    forward(made)
    parts = dict(made.commands)
    assert f"m 9, n {COLS}, k 9 * 1 * {ROWS} = {parts['PRODUCT']['k']}" in told
    for kind, room in (("B_PASS", SMALL.w_depth), ("A_PASS", SMALL.x_depth)):
        lines = told.split(f"{kind}  ")[1].split("_PASS")[0]
        first = re.search(r"origin: pixel \((-?\d+), (-?\d+)\), address (-?\d+)", lines)
        row, column, address = map(int, first.groups())
        assert parts[kind]["walk.origin.whole"] == [row, column]
        assert parts[kind]["walk.origin.step"] == address % room
        loops = re.findall(
            r"loop (\d): turns (\d+); jump: pixel \((-?\d+), (-?\d+)\), address (-?\d+)", lines
        )
        turning = [n for n in range(6) if parts[kind][f"walk.loops.{n}.turns"]]
        for number, loop in zip(turning, loops, strict=True):
            _, turns, row, column, address = map(int, loop)
            assert parts[kind][f"walk.loops.{number}.turns"] == turns
            assert parts[kind][f"walk.loops.{number}.jump.whole"] == [row, column]
            assert parts[kind][f"walk.loops.{number}.jump.step"] == address % room
