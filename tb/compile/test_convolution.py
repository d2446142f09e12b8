"""Compiled convolutions on the golden model of programs: results, regions, records."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from gemmule.gen.compile.convolution.compiled import Compiled, compiled
from gemmule.golden.common.memory import Region
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.layout import KIND
from gemmule.golden.conv.program import run as carry_out
from gemmule.golden.conv.records import UNIT, beat_units, command_units, unpacked
from gemmule.golden.conv.refusal import ProgramError, Refusal
from gemmule.golden.soc.memory import MemoryImage
from gemmule.tb.conv.cases import runs
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL, VOLUME, VOLUMES, WIDE

GUARD = 4096
"""Bytes around each region: nothing of a program may touch them."""


def cases():
    """Yield hardware, run and arrays of a covering set of layers, of two and three axes."""
    for seed, (geometry, run) in enumerate(runs()):
        op, method = run.pop("job")
        run.pop("stall")
        params = WIDE if seed % 3 == 0 and max(geometry.kernel) < 7 else SMALL
        more = stimulus(params, geometry, op=op, method=method, seed=seed, **run)
        yield params.golden, *more
    for geometry in VOLUMES:
        for op in ("forward", "transposed"):
            more = stimulus(VOLUME, geometry, op=op, zeros=True, scaling="column")
            yield VOLUME.golden, *more


def apart(made: Compiled, seed: int) -> tuple[np.ndarray, dict[str, Region]]:
    """Return a memory of random bytes with the layer's regions, far apart where they may be."""
    image, rng = made.image, np.random.default_rng(seed)
    octets = rng.integers(0, 256, image.size + 4 * GUARD).astype(np.uint8)
    memory, regions, end = MemoryImage(octets), {}, 0
    for piece, sides in image.pieces:
        base = end + GUARD - int(rng.integers(64))
        end = base + len(piece)
        image.fill(octets[base:end], piece.start)
        for side in sides:
            part = image.regions[side]
            regions[side] = Region(memory, base + part.start - piece.start, len(part))
    return octets, regions


def test_results_on_regions_apart():
    """No request leaves its region, and what is around the result stays as it was."""
    for seed, (hardware, run, arrays) in enumerate(cases()):
        made = compiled(hardware, run, arrays)
        octets, regions = apart(made, seed)
        before = octets.copy()
        carry_out(hardware, made.commands, made.settings, *(regions[side] for side in "abc"))
        span = slice(regions["c"].base, regions["c"].base + regions["c"].length)
        got = made.result(octets[span])
        np.testing.assert_array_equal(got, made.layer.golden, err_msg=str((run, made.layer)))
        assert got.dtype == made.layer.requantization.format.dtype
        before[span] = octets[span]
        np.testing.assert_array_equal(before, octets)


@pytest.mark.parametrize("op", ["input_grad", "weight_grad", "transposed"])
def test_regions_meet_where_zeros_are_stored_alone(op):
    for method in ("zero_free", "bp_im2col", "explicit"):
        geometry = next(each for each, _ in runs() if min(each.stride) > 1)
        run, arrays = stimulus(SMALL, geometry, op=op, method=method)
        a, b, c = (set(part) for part in compiled(SMALL.golden, run, arrays).image.regions.values())
        reader = b if op == "weight_grad" else a
        assert bool(reader & c) == (method == "explicit")
        assert not (a | b) & c - reader
        assert not a & b


@pytest.mark.parametrize("side", "abc")
def test_regions_are_no_larger_than_needed(side):
    """With half of one alone a request leaves it."""
    for seed, (hardware, run, arrays) in enumerate(islice(cases(), 12)):
        made = compiled(hardware, run, arrays)
        _, regions = apart(made, seed)
        regions[side] = replace(regions[side], length=regions[side].length // 2)
        with pytest.raises(ProgramError) as refused:
            carry_out(hardware, made.commands, made.settings, *(regions[name] for name in "abc"))
        assert refused.value.refusal is Refusal.REGION


def test_the_same_commands_but_for_where_addresses_begin():
    names = {Opcode.A_LOAD: "a", Opcode.B_LOAD: "b", Opcode.PLACES: "c"}
    for hardware, run, arrays in islice(cases(), 12):
        made, whole = (compiled(hardware, run, arrays, whole=each) for each in (False, True))
        assert set(map(len, whole.image.regions.values())) == {whole.image.size}
        assert made.settings == whole.settings
        for own, absolute in zip(made.commands, whole.commands, strict=True):
            side = names.get(Opcode.of(own & (1 << KIND.width) - 1))
            start = made.image.regions[side].start if side else 0
            assert absolute - own == start << KIND.width


def test_programs_as_records():
    hardware, run, arrays = next(cases())
    made = compiled(hardware, run, arrays)
    assert len(made.program) == UNIT * made.units
    behind = UNIT * made.command_units
    assert unpacked(made.program[:behind], command_units(hardware)) == made.commands
    assert unpacked(made.program[behind:], beat_units(hardware)) == made.settings
    assert len(made.settings) == len(made.products)
