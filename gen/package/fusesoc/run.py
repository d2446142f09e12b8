"""What FuseSoC runs for a core that asks for a block.

Parameters: ``block``; ``name``, by default the block's; ``board``, ``clock_mhz``, ``preset``;
``options``, a mapping of the block's own. All become words of ``gemmule generate``, which checks
them.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemmule.golden.common.errors import UsageError

__all__ = ["main", "words"]

TOP = ("block", "name", "board", "clock_mhz", "preset", "options")

CORE = """CAPI=2:
name: "{vlnv}"
description: {name}, as the generator gemmule made it

filesets:
  ip:
    depend: ["{depend}"]

targets:
  default:
    filesets: [ip]
"""


def words(parameters: Mapping[str, Any]) -> list[str]:
    """Return the words of ``gemmule generate`` for the parameters of a core.

    Examples
    --------
    >>> words({"block": "gemm", "board": "zcu102", "options": {"b_zero_points": True}})
    ['generate', 'gemm', '--name', 'gemm', '--board', 'zcu102', '--b-zero-points', 'true']
    """
    unknown = [each for each in parameters if each not in TOP]
    if unknown:
        raise UsageError(f"the generator has no parameter {unknown[0]!r}, only {', '.join(TOP)}")
    if "block" not in parameters:
        raise UsageError("the generator needs the parameter block")
    options = parameters.get("options") or {}
    if not isinstance(options, Mapping):
        raise UsageError(f"options must be a mapping, not {options!r}")
    block = str(parameters["block"])
    given = {"name": block} | {each: parameters[each] for each in TOP[1:5] if each in parameters}
    found = ["generate", block]
    for name, value in (given | dict(options)).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found += ["--" + name.replace("_", "-"), text]
    return found


def main(file: str) -> int:
    """Generate what FuseSoC's input file asks for into the working folder; return the exit code."""
    from gemmule.gen.cli.app import main as command

    try:
        import yaml
    except ImportError:
        print("gemmule: the generator needs PyYAML: pip install 'gemmule[soc]'", file=sys.stderr)
        return 2
    asked = yaml.safe_load(Path(file).read_text())
    try:
        given = words(asked.get("parameters") or {})
    except UsageError as error:
        print(f"gemmule: {error}", file=sys.stderr)
        return 2
    code = command([*given, "--out", "ip"])
    if code:
        return code
    (core,) = Path("ip").glob("*.core")
    depend = re.search(r'^name: "(.*)"', core.read_text(), re.M)
    assert depend
    name = depend[1].split(":")[2]
    text = CORE.format(vlnv=asked["vlnv"], name=name, depend=depend[1])
    Path(f"{name}_generated.core").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
