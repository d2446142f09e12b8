"""How a command ends: an exit code, and at most one sentence on stderr.

Where another tool failed, what it said last stands below the sentence.

0 success; 1 a check failed; 2 wrong use, or a file that cannot be read or written; 70 an error in
Gemmule; 128 + n after signal n, and 141, that of SIGPIPE, where nothing reads the output any more.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress

from gemmule.gen.tools import ToolFailedError
from gemmule.golden.common.errors import UsageError

__all__ = ["FAULT", "TRACEBACK", "ended", "refuse"]

FAULT = 70
"""The exit code of an error in Gemmule itself, as in sysexits.h."""

NOBODY_READS = 141

TRACEBACK = "GEMMULE_TRACEBACK"
"""An environment variable: where it is set, an error in Gemmule is shown with its traceback."""

LONG = re.compile(r"\S{161,}")
"""Words, such as a file's name, of which the middle is not shown."""


def ended(work: Callable[[], int]) -> int:
    """Return what ``work`` returns, with its output written, or the code of its exception."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except UsageError as error:
        return refuse(str(error))
    except BrokenPipeError:
        _drop_stdout()
        return NOBODY_READS
    except SystemExit as leave:
        if not isinstance(leave.__context__, BrokenPipeError):  # as Rich says it
            raise
        _drop_stdout()
        return NOBODY_READS
    except OSError as error:
        if os.environ.get(TRACEBACK) and error.filename:
            raise
        where = error.filename or "stdout"
        if not error.filename:
            _drop_stdout()
        return refuse(f"{where}: {error.strerror or error}")
    except MemoryError:
        return refuse("this takes more memory than the machine has")
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        said = (str(error).strip().splitlines() or ["no more is known"])[0]
        _say(
            f"this is an error in Gemmule, {type(error).__name__}: {said}; {TRACEBACK}=1 shows its"
            " traceback"
        )
        for line in error.last if isinstance(error, ToolFailedError) else ():
            _say(line)
        return FAULT


def refuse(sentence: str) -> int:
    """Print the refusal and return the exit code of wrong use."""
    _say(sentence)
    return 2


def _say(sentence: str) -> None:
    """Print ``sentence`` on stderr, in one line, with very long words cut in their middle."""
    line = LONG.sub(lambda m: f"{m[0][:100]}...{m[0][-40:]}", " ".join(sentence.split()))
    with suppress(OSError):
        print("gemmule:", line, file=sys.stderr, flush=True)


def _drop_stdout() -> None:
    """Discard what waits in stdout: else Python complains about it when it exits."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
