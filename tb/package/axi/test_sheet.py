"""The data sheet: complete, silent about the source, and its example gives what it prints."""

import re

import pytest

from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.package.axi.sheet import sheet_of
from gemmule.gen.package.generate import generate
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import (
    AFFINE,
    COLUMN,
    COMMAND,
    COMPLETION,
    SETTINGS,
    VECTOR,
    Cause,
    Combine,
    Opcode,
    VectorFunction,
)
from gemmule.golden.soc.hardware import Hardware
from gemmule.hw.soc.register_map import register_map
from gemmule.tb.package.axi.sheet_text import BASE, memory_of, replay
from gemmule.tb.package.axi.stand_in import VECTOR_COPIER, CopierParams
from gemmule.tb.package.test_sheets import FORBIDDEN

SIZE = 0x400


@pytest.fixture(scope="module")
def sheet(copier):
    return (copier / "copier.md").read_text()


@pytest.mark.parametrize("which", ["ring", "direct"])
def test_the_example_gives_what_it_prints(sheet, which):
    bus = GoldenBus(Hardware(), SIZE, BASE)
    assert replay(sheet, which, bus) == memory_of(sheet, "after", SIZE)


@pytest.mark.parametrize("fmt", ["u4", "s16", "u8"])
def test_there_is_an_example_for_all_formats(copier_ports, fmt):
    a_format = Format.parse(fmt)
    code = a_format.width + 256 * a_format.signed
    words = {
        "CAPS": 1 << 12, "CONFIG_ROWS": 4, "CONFIG_A_FORMAT": code, "CONFIG_B_FORMAT": 264,
        "CONFIG_ACC_WIDTH": 32, "CONFIG_OUT_WIDTH": 32, "CONFIG_ADDRESS_WIDTH": 40,
        "CONFIG_DATA_WIDTH": 128, "CONFIG_MULTIPLIER_WIDTH": 2 if fmt == "u4" else 16,
        "CONFIG_MAX_SHIFT": 0 if fmt == "u4" else 47,
    }  # fmt: skip
    view = sheet_of(copier_ports, words)
    assert view["hardware"].a_format == a_format
    assert view["example"].completion["cause"] == Cause.NONE
    assert any(any(row) for row in view["example"].arrays["c"])


def test_the_vector_unit_is_told_where_there_is_one(sheet, tmp_path):
    """Records, codes, functions and their formats; of an accelerator without it, that it is not."""
    generate(VECTOR_COPIER, CopierParams(), tmp_path, board="zcu102")
    text = (tmp_path / "copier.md").read_text()
    lines = text.splitlines()
    assert "| vector unit | 8 lanes; functions: gelu, softmax, rmsnorm, transpose |" in lines
    assert "| gelu | sq4.12 | sq4.12 | heatvit |" in lines
    assert "| rmsnorm | sq8.8 | sq6.10 |  |" in lines
    assert "With TRANSPOSE, and bit 4 of `sizes`, c has n rows" in text
    assert "| transpose | s32" not in text
    assert "of softmax, rmsnorm,\nn is at most 300." in text
    for record in (VECTOR, AFFINE):
        part = text.partition(f"### {record.name.capitalize()}: {record.size} bytes")[2]
        for each in record.entries:
            assert f"| {each.offset} | {each.octets}{' s' * each.signed} | `{each.name}` |" in part
    for code in (*Combine, *VectorFunction):
        assert f"| {code.value} | {code.name} | {code.text} |" in lines
    assert not [line for line in lines if FORBIDDEN.search(line)]
    assert "| vector unit | none: VECTOR commands are refused |" in sheet
    assert "### Vector" not in sheet


def test_every_register_field_record_and_cause_is_told(sheet):
    for name, register in register_map().items():
        general = re.sub(r"_\d+(?=_|$)", "_n", name)
        part = sheet.partition(f"| **{general}** |")[2]
        assert part, name
        for field in register.fields:
            first = part.index(f"| `{field.name}` | {field.kind} |")
            assert "| **" not in part[:first], (name, field.name)
    for record in (COMMAND, SETTINGS, COLUMN, COMPLETION):
        part = sheet.partition(f"### {record.name.capitalize()}: {record.size} bytes")[2]
        for each in record.entries:
            assert f"| {each.offset} | {each.octets}{' s' * each.signed} | `{each.name}` |" in part
    for code in (*Cause, *Opcode):
        assert f"| {code.value} | {code.name} | {code.text} |" in sheet


def test_it_names_nothing_of_the_source_and_is_short(copier, sheet):
    page = (copier / "linux" / "copier_linux.md").read_text()
    assert not [line for line in (sheet + page).splitlines() if FORBIDDEN.search(line)]
    assert len(sheet.splitlines()) < 800


def test_every_file_that_it_lists_is_there_and_no_other(copier, sheet):
    listed = set(re.findall(r"^\| `([^`]+)` \|", sheet.partition("## Files")[2], re.M))
    there = {str(each.relative_to(copier)) for each in copier.rglob("*") if each.is_file()}
    python = {each for each in there if each.startswith("driver/python/")}
    assert python
    built = {each for each in there if each.startswith("build/")}
    assert listed == there - built - python | {"driver/python/"}
