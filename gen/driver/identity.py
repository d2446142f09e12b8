"""Which hardware is behind a bus, and whether this driver is made for it."""

from collections.abc import Mapping

from gemmule.golden.soc.commands import VERSION
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.words import convolution_hardware, format_of, vector_hardware

from .errors import Mismatch
from .page import Page
from .registers import REGISTERS

__all__ = ["hardware_of", "identify"]

LETTERS = int.from_bytes(b"GMUL", "little")

PATTERNS = (0x5AA5_C33C, 0xA55A_3CC3)


def identify(page: Page, config_hash: int | None) -> tuple[Hardware, dict[str, int]]:
    """Return what commands may ask of this hardware, and all of its parameters by name.

    :class:`~.errors.Mismatch` where it is none of ours, where its registers do not answer as
    registers do, where it takes other commands, or where its hash is not ``config_hash``.
    """
    letters = page.word("ID")
    if letters != LETTERS:
        raise Mismatch(f"register ID is {letters:#010x}, not {LETTERS:#010x}: this is no Gemmule")
    for pattern in PATTERNS:
        page.write("SCRATCH", value=pattern)
        got = page.word("SCRATCH")
        if got != pattern:
            raise Mismatch(f"register SCRATCH gives {got:#010x} after {pattern:#010x} was written")
    commands = page.read("VERSION")["commands"]
    if commands != VERSION:
        raise Mismatch(f"the hardware takes commands of version {commands}, not {VERSION}")
    found = page.word("CONFIG_HASH")
    if config_hash is not None and found != config_hash:
        raise Mismatch(
            f"the hardware's configuration has the hash {found:#010x}, but this driver was made for"
            f" {config_hash:#010x}"
        )
    config = {
        name.removeprefix("CONFIG_").lower(): page.word(name)
        for name in REGISTERS
        if name.startswith("CONFIG_") and name != "CONFIG_HASH"
    }
    return hardware_of(config, ring=bool(page.read("CAPS")["ring"])), config


def hardware_of(config: Mapping[str, int], *, ring: bool) -> Hardware:
    """Return what commands may ask of hardware whose words of configuration are ``config``."""
    known, words = Hardware(), {name.upper(): word for name, word in config.items()}
    return Hardware(
        a_format=format_of(config["a_format"]) or known.a_format,
        b_format=format_of(config["b_format"]) or known.b_format,
        acc_width=config["acc_width"],
        out_width=config["out_width"],
        multiplier_width=config.get("multiplier_width", known.multiplier_width),
        max_shift=config.get("max_shift", known.max_shift),
        b_zero_points=bool(config.get("b_zero_points", known.b_zero_points)),
        address_width=config["address_width"],
        data_width=config["data_width"],
        ring=ring,
        vector=vector_hardware(words),
        convolution=convolution_hardware(words),
    )
