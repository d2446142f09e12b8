"""What a component's docstring says, for `show` and for data sheets."""

import re
from inspect import cleandoc

__all__ = ["FACTS", "description", "facts", "members"]

FACTS = ("Latency", "Throughput", "Back-pressure", "Source")
"""The facts that stand in a docstring as ``Latency: ...``."""

_FACT = re.compile(
    rf"^({'|'.join(FACTS)}): *(.+?)(?=\n *\n|\n(?:{'|'.join(FACTS)}):|\Z)", re.MULTILINE | re.DOTALL
)
_SECTION = re.compile(r"^(\w[\w -]*)\n-{3,}\n(.*?)(?=^\w[\w -]*\n-{3,}\n|\Z)", re.M | re.S)


def facts(doc: str) -> dict[str, str | None]:
    """Each fact in lower case, None where the docstring does not state it.

    Examples
    --------
    >>> facts("Latency: 1 cycle.")
    {'latency': '1 cycle.', 'throughput': None, 'back-pressure': None, 'source': None}
    """
    found = {name: " ".join(text.split()) for name, text in _FACT.findall(cleandoc(doc))}
    return {name.lower(): found.get(name) for name in FACTS}


def description(doc: str) -> str:
    """The text before the facts and the sections."""
    text = cleandoc(doc)
    ends = [match.start() for pattern in (_FACT, _SECTION) for match in pattern.finditer(text)]
    return text[: min(ends, default=len(text))].strip()


def members(doc: str) -> str | None:
    """The section `Members`: the streams, as their author describes them."""
    sections = dict(_SECTION.findall(cleandoc(doc)))
    return sections["Members"].strip() if "Members" in sections else None
