"""The C headers: they compile without a word, and say what golden and the driver say."""

import subprocess

import numpy as np
import pytest

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.package.axi.header import CODES, RECORDS
from gemmule.golden.soc.commands import Flags

STRICT = [
    "-std=c11",
    "-O1",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Werror",
]


def printed(folder, place, lines, header="driver/gemmule_layout.h"):
    """Compile and run statements behind the header; return the words that they print."""
    text = [f'#include "{header}"', "#include <stdio.h>", "int main(void) {", *lines, "return 0; }"]
    (place / "main.c").write_text("\n".join(text))
    command = ["gcc", *STRICT, "-Werror", f"-I{folder}", "main.c"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert not done.returncode, done.stderr[:2000]
    return subprocess.check_output([place / "a.out"], text=True).split()


def show(name, expression):
    return f'printf("{name} %lu\\n", (unsigned long)({expression}));'


def test_registers_and_fields_are_those_of_the_driver(copier, tmp_path):
    lines, expected = [], []
    for name, register in REGISTERS.items():
        lines.append(show(name, f"GEMMULE_REG_{name}"))
        expected += [name, str(register.address)]
        for field, bits in register.fields.items():
            if bits.width < 32:
                macro = f"GEMMULE_{name}_{field.upper()}"
                lines.append(show(field, f"{macro}_MASK >> {macro}_SHIFT"))
                lines.append(show(field, f"{macro}_MASK"))
                expected += [field, str((1 << bits.width) - 1), field, str(bits.mask)]
    assert printed(copier, tmp_path, lines) == expected


def test_codes_are_those_of_golden(copier, tmp_path):
    wanted = {f"{name}_{each.name}": int(each) for name, code in CODES.items() for each in code}
    wanted |= {f"FLAG_{each.name}": int(each) for each in Flags}
    lines = [show(name, f"GEMMULE_{name}") for name in wanted]
    expected = [word for name, value in wanted.items() for word in (name, str(value))]
    assert printed(copier, tmp_path, lines) == expected


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_records_are_filled_and_read_as_golden_does(copier, tmp_path, record):
    rng = np.random.default_rng(record.size)
    lines, expected = ['static uint8_t w[64]; (void)printf("");'], []
    entries = [each for each in record.entries if not each.reserved]
    for extreme in ("low", "high", "random"):
        values = {}
        for each in entries:
            low, high = each.bounds
            drawn = int.from_bytes(rng.bytes(each.octets), "little") + low
            values[each.name] = {"low": low, "high": high, "random": drawn}[extreme]
        each_byte = f"for (unsigned i = 0; i < GEMMULE_{record.name.upper()}_BYTES; ++i)"
        lines.append(f"{each_byte} w[i] = 0;")
        for each in entries:
            number = (
                f"({values[each.name] + 1}LL - 1)" if each.signed else f"{values[each.name]}ULL"
            )
            kind = f"({'' if each.signed else 'u'}int{least(each.octets)}_t)"
            lines.append(f"gemmule_{record.name}_set_{each.name}(w, {kind}{number});")
        lines.append(f'{each_byte} printf("%02x", w[i]);')
        lines.append('printf("\\n");')
        expected.append(record.encode(values).hex())
        for each in entries:
            got = f"gemmule_{record.name}_get_{each.name}(w)"
            lines.append(f'printf("%lld\\n", (long long){got});')
            value = values[each.name]
            expected.append(str(value - (1 << 64) if value >> 63 == 1 else value))
    assert printed(copier, tmp_path, lines) == expected


def least(octets):
    return next(bits for bits in (8, 16, 32, 64) if 8 * octets <= bits)


def test_the_configuration_includes_the_layout(copier, tmp_path):
    assert printed(copier, tmp_path, [show("id", "GEMMULE_REG_ID")], "copier.h") == ["id", "0"]


def test_the_driver_compiles_where_the_package_put_it(copier, tmp_path):
    command = ["gcc", *STRICT, "-Werror", "-c", copier / "driver" / "gemmule.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr[:2000]
