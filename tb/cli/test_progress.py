"""Progress where nobody looks at a terminal: lines on stderr, and few."""

import time

from gemmule.gen.cli import printing


def test_lines_for_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr(printing, "FIRST", 0.1)
    monkeypatch.setattr(printing, "NEXT", 0.2)
    with printing.progress("adding") as tell:
        time.sleep(0.6)  # one line: nothing new is there to tell
        tell("adding: half")
        tell("adding: most")
        time.sleep(0.5)
    with printing.progress("quick"):
        pass
    said = capsys.readouterr()
    assert said.err == "adding ...\nadding: most ...\n"
    assert not said.out
