"""The run options of the accelerator: those of each block that it stands for."""

from dataclasses import Field, dataclass, field, fields, make_dataclass
from functools import cached_property
from typing import Any, get_type_hints

from gemmule.gen.block import Array
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options, flag, option

from .roles import ROLES, Role

__all__ = ["AcceleratorRun", "arrays_of_all"]


@dataclass(frozen=True, kw_only=True)
class _StandsFor(Options):
    """An option that is None was not given, and is as the block has it."""

    as_: str = option("gemm", choices=tuple(ROLES), help="block whose arrays and options these are")

    def check(self) -> None:
        """Refuse the options of other blocks, and what the block refuses."""
        known = {each.name for each in fields(self.role.Run)}
        for each in fields(self):
            if each.name != "as_" and each.name not in known and self._given(each.name):
                raise UsageError(
                    f"{flag(each.name)} is an option of {_names(OWNERS[each.name])}, not of"
                    f" {self.as_}, which --as names"
                )
        assert self.own

    @property
    def role(self) -> Role:
        """The block that the accelerator stands for."""
        return ROLES[self.as_]

    @cached_property
    def own(self) -> Options:
        """The run options of that block."""
        names = [each.name for each in fields(self.role.Run)]
        return self.role.Run(**{n: getattr(self, n) for n in names if self._given(n)})

    def _given(self, name: str) -> bool:
        return getattr(self, name) is not None


def _owners() -> dict[str, list[str]]:
    """Return the options of all blocks, and which of them have each."""
    owners: dict[str, list[str]] = {}
    for name, role in ROLES.items():
        for each in fields(role.Run):
            owners.setdefault(each.name, []).append(name)
    return owners


OWNERS = _owners()


def _names(names: list[str]) -> str:
    return ", ".join(names)


def _joined(name: str) -> tuple[str, Any, Any]:
    """Return the field of an option that may be left out; its text tells whose it is."""
    kind = ROLES[OWNERS[name][0]].Run
    each = kind.__dataclass_fields__[name]
    texts: dict[str, list[str]] = {}
    for owner in OWNERS[name]:
        own = ROLES[owner].Run.__dataclass_fields__[name]
        texts.setdefault(own.metadata["help"], []).append(owner)
    help = "; ".join(f"{_names(owners)}: {text}" for text, owners in texts.items())
    default = f" ({str(each.default).lower()})"
    if each.default is not None and not help.endswith(default):
        help += default
    return name, get_type_hints(kind)[name] | None, _with_help(each, help)


def _with_help(each: Field, help: str) -> Any:
    return field(default=None, metadata={**each.metadata, "help": help})


AcceleratorRun = make_dataclass(
    "AcceleratorRun",
    [_joined(name) for name in OWNERS],
    bases=(_StandsFor,),
    namespace={
        "__doc__": "The run options of the `accelerator` block: those of the block it stands for.",
        "__module__": __name__,
    },
    frozen=True,
    kw_only=True,
)


def arrays_of_all(way: str) -> tuple[Array, ...]:
    """Return the ``inputs`` or ``outputs`` of all blocks; the text of each tells whose it is."""
    whose: dict[Array, list[str]] = {}
    for name, role in ROLES.items():
        for each in getattr(role, way):
            whose.setdefault(each, []).append(name)
    return tuple(
        Array(each.name, each.shape, each.format, f"{_names(names)}: {each.text}", each.optional)
        for each, names in whose.items()
    )
