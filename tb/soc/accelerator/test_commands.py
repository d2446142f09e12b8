"""Random commands on all accelerators: all of memory is what the golden machine makes of it."""

from collections import Counter

import numpy as np
import pytest

from gemmule.golden.soc.commands import COLUMN, NO_B, SETTINGS, Combine, Flags
from gemmule.golden.soc.functions import ROW_FUNCTIONS

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import COMMANDS
from .stimuli.commands import MOST
from .stimuli.places import OPERANDS, RESULTS, RING
from .stimuli.vectors import VectorKind
from .stimuli.wrong import Spoiler


def run_commands(name: str, seed: int, count: int) -> Counter:
    """Run legal commands, back to back in batches, and compare after each batch."""
    with Pair(name, seed) as pair:
        maker, rng = Spoiler(pair), pair.rng
        while pair.tally["commands"] < count:
            pair.disturb()
            pair.choose_rings()
            pair.choose_interrupts()
            maker.batch()
            windows = maker.around() if rng.random() < 0.3 else []
            pair.set_windows(windows)
            batch = int(rng.integers(1, MOST + 1))
            pair.tally["commands within windows"] += batch * bool(windows)
            direct = not pair.params.ring or rng.random() < 0.1
            for left in reversed(range(batch)):
                command = maker.next()
                maker.wrote(command, pair.command(command, direct=direct))
                if not direct and (not left or rng.random() < 0.1):
                    pair.ring()
                    pair.bus.run(int(rng.integers(0, 400)))
            pair.finish()
            if rng.random() < 0.2:  # operands that no one has seen
                octets = rng.integers(0, 256, pair.memory.size // 2, np.uint8).tobytes()
                pair.put(OPERANDS, octets)
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_random_commands(name):
    run_commands(name, 1, 250)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_random_commands(name):
    run_commands(name, 2, COMMANDS)


@pytest.mark.full
def test_raw_sums_of_more_than_32_bits_are_clamped():
    with Pair("4x2_wide", 3) as pair:
        maker, k = Spoiler(pair), 600
        pair.put(OPERANDS, b"\xff\x7f" * k + b"\x7f\x80" * k)  # 32767, and 127 beside -128
        for c_size in range(3):
            command = maker.gemm() | {
                "opcode": 1,
                "flags": int(Flags.RAW),
                "settings": 0,
                "wait": 0,
            }
            command |= {"m": 1, "n": 2, "k": k, "a": pair.base + OPERANDS, "b_stride": 2}
            command |= {"b": command["a"] + 2 * k, "c_size": c_size}
            command |= {"c": pair.base + RESULTS + 64 * c_size}
            pair.command(command)
        for at, octets in enumerate((
            b"\xff\x00",
            b"\xff\xff\x00\x00",
            b"\xff\xff\xff\x7f\x00\x00\x00\x80",
        )):
            place = RESULTS + 64 * at
            assert pair.memory[place : place + len(octets)].tobytes() == octets
        pair.ring()
        pair.finish()


@pytest.mark.full
def test_a_is_walked_more_often_than_its_scratchpad_has_vectors():
    """The number of walks was cut to as many bits as a place has, and results were 0 from there."""
    with Pair("16x2_s16", 3) as pair:
        assert pair.params.most_tiles > 2 * pair.params.a_depth
        command = Spoiler(pair).gemm() | {"opcode": 1, "flags": int(Flags.RAW), "settings": 0}
        command |= {"m": 3, "n": 514, "k": 1, "a": pair.base + OPERANDS, "a_stride": 2, "wait": 0}
        command |= {"b": pair.base + OPERANDS + 64, "c": pair.base + RESULTS, "c_size": 2}
        pair.command(command | {"c_stride": 4 * 514})
        pair.ring()
        pair.finish()


@pytest.mark.full
@pytest.mark.parametrize("m", [66_000, 1])
@pytest.mark.parametrize("function", ["none", "gelu", "softmax", "layernorm", "transpose"])
def test_more_rows_and_columns_than_16_bits_count(function, m):
    """One column, or one row where the function takes rows of any length."""
    with Pair("narrow", 3) as pair:
        maker = Spoiler(pair)
        n = 1 if m > 1 else 70_000 if function not in ROW_FUNCTIONS else pair.params.max_length
        given = {"a": (pair.base + OPERANDS, 1), "c": (pair.base + RESULTS, 1)}
        kind = VectorKind(Combine.NONE, function, 0, NO_B, 0)
        command = maker.common() | {"wait": 0}
        made = maker.vector(apart=0, settings=0, kind=kind, shape=(m, n), given=given)
        at = made["settings"] - pair.base
        pair.put(0, pair.memory[at : at + RING].tobytes())
        made["settings"] = pair.base  # so that a record of each column is inside of addresses
        pair.bus.set(latency=20, bandwidth=0)
        assert not pair.command(command | made)
        pair.ring()
        pair.finish()


@pytest.mark.parametrize("wrong", [(1,), (1, 2), (0, 1, 2), (0, 2, 3)])
def test_products_without_a_write_end_between_others(wrong):
    """One that is dropped whole has no answer of its own to end at, and the next one's is there."""
    with Pair("4x4", 5) as pair:
        maker = Spoiler(pair)
        pair.bus.set(latency=3, pause_b=0.999)
        size = {"m": 3, "n": 4, "k": 4, "a": pair.base + OPERANDS, "a_stride": 4}
        size |= {"b": pair.base + OPERANDS + 0x1000, "b_stride": 4, "c_size": 0, "c_stride": 4}
        for n in range(5):
            command = maker.gemm(apart=64, settings=0) | {"opcode": 1, "flags": 0} | size
            octets = maker.settings.octets(4, 0, n in wrong)
            address = maker.put_settings(octets, SETTINGS.size + 4 * COLUMN.size, 64)
            pair.command(command | {"settings": address, "c": pair.base + RESULTS + 64 * n})
        pair.ring()
        pair.bus.run(1000)
        pair.bus.set(pause_b=0)
        pair.finish()
