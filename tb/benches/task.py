"""What a bench in the simulator is to do, handed over as names and arrays, not pickled."""

import json
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from gemmule.gen.block import Arrays, Block, Job
from gemmule.gen.catalog import catalog
from gemmule.gen.verilog.manifest import Manifest
from gemmule.golden.common.options import Options

__all__ = ["STALL", "Task"]

VARIABLE = "GEMMULE_TASK"

STALL = "GEMMULE_STALL"
"""How often the ends of a stream hold back in a bench, in the runs in which they do."""


@dataclass(frozen=True)
class Task:
    """A block, its parameters and one run of it."""

    block: Block
    params: Options
    run: Options
    arrays: Arrays
    manifest: Manifest

    def save(self, folder: Path) -> dict[str, str]:
        """Write the task into ``folder``; return the environment in which :meth:`load` finds it."""
        described = {
            "block": _path(self.block),
            "params": self.params.as_dict(),
            "run": self.run.as_dict(),
            "manifest": self.manifest.to_json(),
        }
        (folder / "task.json").write_text(json.dumps(described))
        np.savez(folder / "task.npz", **self.arrays)
        return {VARIABLE: str(folder)}

    @classmethod
    def load(cls) -> "Task":
        """Load the task that this simulator was started for."""
        folder = Path(os.environ[VARIABLE])
        described = json.loads((folder / "task.json").read_text())
        block = _block(described["block"])
        with np.load(folder / "task.npz", allow_pickle=False) as arrays:
            return cls(
                block=block,
                params=block.params(**described["params"]),
                run=block.adapter.Run(**described["run"]),
                arrays=dict(arrays),
                manifest=Manifest.from_json(described["manifest"]),
            )

    def job(self) -> Job:
        """Plan the beats to send and to expect."""
        return self.block.adapter.plan(self.params, self.run, self.arrays)


def _path(block: Block) -> str:
    """Return where to find ``block`` again: by its name, or in the module of its parameters."""
    if catalog().get(block.name) is block:
        return block.name
    module = import_module(block.params.__module__)
    name = next(name for name, value in vars(module).items() if value is block)
    return f"{module.__name__}:{name}"


def _block(path: str) -> Block:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name) if name else catalog()[path]
