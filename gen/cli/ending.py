"""How a command ends: an exit code, and at most one sentence on stderr.

0 success; 1 a check failed; 2 wrong use, or a file that cannot be read or written; 70 an error of
ours; 128 + n after signal n, and 141, that of SIGPIPE, where nobody reads our output any more.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress

from gemmule.golden.common.errors import UsageError

__all__ = ["FAULT", "TRACEBACK", "ended", "refuse"]

FAULT = 70
"""An error of ours, as sysexits.h has it."""

NOBODY_READS = 141

TRACEBACK = "GEMMULE_TRACEBACK"
"""Set in the environment, an error of ours is shown with where it came from."""

LONG = re.compile(r"\S{161,}")
"""Words, such as a file's name, of which the middle is not shown."""


def ended(work: Callable[[], int]) -> int:
    """What ``work`` returns, with its output written; else what its exception means."""
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
        return refuse("this takes more memory than there is")
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        said = (str(error).strip().splitlines() or ["no more is known"])[0]
        _say(
            f"this is an error of ours, {type(error).__name__}: {said}; with {TRACEBACK}=1 it shows"
            " where it comes from"
        )
        return FAULT


def refuse(sentence: str) -> int:
    """Say why not; the exit code of wrong use."""
    _say(sentence)
    return 2


def _say(sentence: str) -> None:
    """``sentence`` on stderr, in one line, with very long words cut in their middle."""
    line = LONG.sub(lambda m: f"{m[0][:100]}...{m[0][-40:]}", " ".join(sentence.split()))
    with suppress(OSError):
        print("gemmule:", line, file=sys.stderr, flush=True)


def _drop_stdout() -> None:
    """Send what waits in stdout nowhere: else Python complains of it at its end."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
