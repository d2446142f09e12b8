"""What data sheets say of walks: their beats, and the jumps that loops become."""

import re

from gemmule.gen.package.sheet.parts import text

__all__ = ["jumps_text", "walk_text"]


def walk_text(beat: str, *, spread: bool) -> str:
    """Write a walk's beats as pseudo-code; ``beat`` is what each of them gives."""
    lines = [
        "address, pixel[] = origin.step, origin.whole[]",
        "part[] = origin.part[]",
        "left[l] = loops[l].turns for all l",
        "forever:",
        "    real = 0 <= pixel[a] < limit[a] for all axes a",
        "           and part[a] == 0 for all axes a",
        f"    {beat}",
        "    l = the innermost loop with left[l] > 0; if there is none, the walk has ended",
        "    left[i] = loops[i].turns for all i < l;  left[l] = left[l] - 1",
        "    address = address + loops[l].jump.step",
        "    for each axis a:",
        "        pixel[a] = pixel[a] + loops[l].jump.whole[a]",
        "        part[a]  = part[a] + loops[l].jump.part[a]",
        "        if part[a] >= spread[a]:",
        "            part[a] = part[a] - spread[a];  pixel[a] = pixel[a] + 1",
        "            address = address + pitch[a]",
    ]
    return "\n".join(line for line in lines if spread or not re.search(r"\bpart\b|pitch", line))


def jumps_text(*, spread: bool) -> str:
    """Say how loops of a bound, moves of the coordinates and a step become a walk's fields."""
    split = "quotient (rounded down) and remainder by spread[a]" if spread else "the value itself"
    parts = ", part[a]" if spread else ""
    return text(f"""
        origin: whole[a]{parts} = of start[a]: {split}
                step = base + sum over a of origin.whole[a] * pitch[a]
        jump of l, for each axis a:
                move = moves[l][a] - sum over i < l of (bound[i] - 1) * moves[i][a]
                whole[a]{parts} = of move: {split}
                step = step[l] - sum over i < l of (bound[i] - 1) * step[i]
                       + sum over a of whole[a] * pitch[a]
    """)
