"""Records in memory: fields of whole bytes at fixed offsets, little-endian, described once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gemmule.golden.common.errors import UsageError

__all__ = ["Entry", "Record"]


@dataclass(frozen=True)
class Entry:
    """A field of a record: ``octets`` bytes at ``offset``, low byte first."""

    name: str
    offset: int
    octets: int
    text: str
    signed: bool = False

    @property
    def reserved(self) -> bool:
        """Whether nothing but 0 may stand here."""
        return self.name.startswith("reserved")

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value."""
        if self.reserved:
            return 0, 0
        bits = 8 * self.octets
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)


class Record:
    r"""A record of ``size`` bytes. Its description is what RTL, headers and sheets are made from.

    Entries are given as ``(name, octets, text)``, without a gap between them; a name that ends in
    ``:s`` is signed, one that begins with ``reserved`` must be 0.

    Examples
    --------
    >>> pair = Record("pair", ("low", 1, "the first"), ("high:s", 2, "the second"))
    >>> pair.encode(low=7, high=-2)
    b'\x07\xfe\xff'
    >>> pair.decode(b'\x07\xfe\xff')
    {'low': 7, 'high': -2}
    >>> pair.encode(low=256)
    Traceback (most recent call last):
    ...
    UsageError: low of a pair must be in 0..255, not 256
    """

    def __init__(self, name: str, *entries: tuple[str, int, str]):
        self.name = name
        self.entries = tuple(_placed(entries))
        self.size = sum(each.octets for each in self.entries)

    def __getitem__(self, name: str) -> Entry:
        return next(each for each in self.entries if each.name == name)

    def encode(self, values: Mapping[str, int] | None = None, /, **more: int) -> bytes:
        """Return the bytes of a record; what is not named is 0."""
        given = {**(values or {}), **more}
        unknown = set(given) - {each.name for each in self.entries}
        if unknown:
            raise UsageError(f"a {self.name} has no field {', '.join(sorted(unknown))}")
        return b"".join(self._bytes(each, given.get(each.name, 0)) for each in self.entries)

    def decode(self, octets: bytes) -> dict[str, int]:
        """Return the fields of a record, reserved ones included."""
        if len(octets) != self.size:
            raise UsageError(f"a {self.name} has {self.size} bytes, not {len(octets)}")
        return {
            each.name: int.from_bytes(
                octets[each.offset : each.offset + each.octets], "little", signed=each.signed
            )
            for each in self.entries
        }

    def _bytes(self, entry: Entry, value: int) -> bytes:
        low, high = entry.bounds
        if not low <= value <= high:
            raise UsageError(f"{entry.name} of a {self.name} must be in {low}..{high}, not {value}")
        return int(value).to_bytes(entry.octets, "little", signed=entry.signed)


def _placed(entries: tuple[tuple[str, int, str], ...]) -> Iterator[Entry]:
    offset = 0
    for name, octets, text in entries:
        yield Entry(name.removesuffix(":s"), offset, octets, text, signed=name.endswith(":s"))
        offset += octets
