"""The accelerator on an image of memory: registers, ring, commands, completions, interrupt."""

from collections.abc import Mapping

from .check import Window, refusal
from .commands import COMMAND, COMPLETION, COUNTERS, Cause, Flags, Opcode
from .convolution import convolution
from .failure import Failure
from .hardware import Hardware
from .memory import BusError, MemoryImage
from .product import product
from .vector import vector

__all__ = ["Machine"]

WORD, WINDOWS = (1 << 32) - 1, 4

UNITS = {Opcode.NOP: 0, Opcode.GEMM: 1, Opcode.VECTOR: 2, Opcode.CONVOLUTION: 3}
"""Who meets what goes wrong while a command is carried out."""

WORK = {Opcode.GEMM: product, Opcode.VECTOR: vector, Opcode.CONVOLUTION: convolution}
"""What a unit does."""

CHECK, WATCHDOG, RING, COMPLETER = 0, 253, 254, 255


class Machine:
    """The accelerator without time: what its registers, its memory and its interrupt say.

    Registers are written and read by the names and fields of ``hw/soc/registers.rdl``; commands
    are carried out by :meth:`advance` alone, so that a test decides what happens between two of
    them. Every command is complete before the next one begins, which is one of the orders that the
    hardware may choose.

    Parameters
    ----------
    memory : where operands, rings and results are
    hardware
    identity : fields of read-only registers, ``{"CONFIG_HASH": {"hash": ...}}``
    """

    _head: int
    _tail: int
    _fetched: int
    _completed: int
    _untold: int
    _coalescing: dict[str, int]
    _dependencies: list[int]
    _last: dict[str, int]
    _direct: bytes | None
    _held: tuple[bytes, bool] | None
    _halted: bool
    _broken: bool

    def __init__(
        self,
        memory: MemoryImage,
        hardware: Hardware | None = None,
        identity: Mapping[str, Mapping[str, int]] | None = None,
    ):
        self.memory = memory
        self.hardware = hardware or Hardware()
        self.fields: dict[str, dict[str, int]] = {
            name: dict(fields) for name, fields in (identity or {}).items()
        }
        self._put("BUS", read_cache=3, write_cache=3)
        self._put("WINDOW_CTRL", everything=1)
        self._restart()
        self._irq = {"complete": 0, "error": 0, "access": 0, "overflow": 0}
        self._error: dict[str, int] = {}
        self._access: dict[str, int] = {}
        self._counters = dict.fromkeys(("COMMANDS", "ERRORS"), 0)
        self._latched = dict(self._counters)

    # Registers

    def read(self, name: str) -> dict[str, int]:
        """Return the fields of a register; those that are not there are 0."""
        if name == "STATUS":
            return {
                "idle": int(not self._waits()),
                "halted": int(self._halted or self._broken),
                "reset_done": 1,
                "room": int(self._direct is None),
            }
        if name in ("HEAD", "TAIL", "COMPLETED"):
            return {"commands": {"HEAD": self._head, "TAIL": self._tail}.get(name, self._completed)}
        if name == "IRQ_STATUS":
            return dict(self._irq)
        if name in ("ERROR", "ERROR_ADDR_LO", "ERROR_ADDR_HI"):
            address = self._error.get("address", 0)
            halves = {"ERROR_ADDR_LO": address & WORD, "ERROR_ADDR_HI": address >> 32}
            return {"address": halves[name]} if name in halves else dict(self._error)
        if name == "ACCESS":
            return dict(self._access)
        if name == "LAST":
            return dict(self._last)
        if name.startswith("COUNTER_") and name.endswith(("_LO", "_HI")):
            count = self._latched.get(name[len("COUNTER_") : -3], 0)
            return {"count": count >> (32 if name.endswith("HI") else 0) & WORD}
        return dict(self.fields.get(name, {}))

    def write(self, name: str, fields: Mapping[str, int]) -> None:
        """Write the fields of a register."""
        if name == "CTRL":
            self._put(name, enable=fields["enable"], halt_on_error=fields["halt_on_error"])
            if fields["reset"]:
                self._restart()
            self._halted &= not fields["resume"]
        elif name == "TAIL":
            self._tail = fields["commands"]
        elif name == "IRQ_STATUS":
            self._irq = {each: bit & ~fields[each] for each, bit in self._irq.items()}
            self._error = self._error if self._irq["error"] else {}
            self._access = self._access if self._irq["access"] else {}
        elif name == "PUSH" and fields["push"]:
            self._push()
        elif name.startswith("COMMAND_") and self._direct is not None:
            self._irq["overflow"] = 1
        elif name == "COUNTER_CTRL":
            self._latched = dict(self._counters) if fields["latch"] else self._latched
            self._counters = dict.fromkeys(self._counters, 0) if fields["clear"] else self._counters
        else:
            self._put(name, **fields)

    def stray(self, address: int, *, write: bool) -> None:
        """Take note of an access to an address of the page that has no register."""
        self._access = self._access or {"address": address, "write": int(write)}
        self._irq["access"] = 1

    @property
    def interrupt(self) -> bool:
        """Whether the interrupt is high."""
        enabled = self.fields.get("IRQ_ENABLE", {})
        return any(bit and enabled.get(name, 0) for name, bit in self._irq.items())

    # Commands

    def advance(self, commands: int | None = None) -> int:
        """Carry out up to ``commands``, or all that can be begun; return how many there were."""
        done = 0
        while done != commands and self._waits() and self._runs():
            if not self._step():
                break
            done += 1
        if not done and self._stuck():
            self._time_out()
        elif self._untold and self._coalescing["time"]:
            self._tell()  # time passes where commands do not
        return done

    def _runs(self) -> bool:
        enabled = self.fields.get("CTRL", {}).get("enable", 0)
        return bool(enabled and not self._halted and not self._broken)

    def _waits(self) -> bool:
        return self._direct is not None or self._held is not None or self._fetched != self._tail

    def _stuck(self) -> bool:
        watched = self.fields.get("WATCHDOG", {}).get("cycles", 0)
        return bool(watched and self._held is not None and self._runs())

    def _step(self) -> bool:
        """Carry out the next command; return whether there was one that could begin."""
        if self._held is None and not self._fetch():
            return False
        assert self._held is not None
        octets, direct = self._held
        command = COMMAND.decode(octets)
        cause, address = refusal(command, self.hardware, self._windows())
        unit = CHECK
        if cause is Cause.NONE:
            if not self._may_begin(command):
                return False
            try:
                if work := WORK.get(Opcode.of(command["opcode"])):
                    work(command, self.memory, self.hardware)
            except Failure as failure:
                cause, address = failure.cause, failure.address
                unit = UNITS[Opcode.of(command["opcode"])]
        self._held = None
        self._complete(command, cause, address, unit, direct)
        return True

    def _fetch(self) -> bool:
        """Take the next command, a direct one first; return whether there is one."""
        if self._direct is not None:
            self._held, self._direct = (self._direct, True), None
            return True
        if self._fetched == self._tail or not self.hardware.ring:
            return False
        place = self._fetched % (1 << self.fields.get("RING_SIZE", {}).get("log2", 0))
        try:
            octets = self.memory.read(self._address("RING_BASE") + 64 * place, COMMAND.size)
        except BusError as error:
            self._fail(error.cause, RING, 0, error.address)
            self._broken = True  # no command behind it is known: only a reset helps
            return False
        self._fetched = self._fetched + 1 & WORD
        self._held = octets, False
        return True

    def _may_begin(self, command: Mapping[str, int]) -> bool:
        if not command["wait"]:
            return True
        ahead = self._dependencies[command["wait"]] - command["wait_value"] & 0xFFFF
        return ahead < 0x8000

    def _complete(
        self, command: Mapping[str, int], cause: Cause, address: int, unit: int, direct: bool
    ) -> None:
        lawless = (Cause.OPCODE, Cause.VERSION, Cause.RESERVED, Cause.COUNTER)
        if 0 < command["signal"] <= COUNTERS and cause not in lawless:
            count = self._dependencies[command["signal"]]
            self._dependencies[command["signal"]] = count + 1 & 0xFFFF
        index = self._completed = self._completed + 1 & WORD
        self._head = self._head if direct else self._head + 1 & WORD
        self._last = {name: command[name] for name in ("sequence", "opcode")} | {"cause": cause}
        self._counters["COMMANDS"] += 1
        self._record(index, address)
        if not self._untold:  # what is written later is the next ones'
            self._coalescing = self.fields.get("IRQ_COALESCE", {"count": 0, "time": 0})
        self._untold += 1
        if cause is not Cause.NONE:
            self._counters["ERRORS"] += 1
            self._fail(cause, unit, command["sequence"], address)
            self._halted = bool(self.fields["CTRL"]["halt_on_error"])
        count = self._coalescing["count"]
        if command["flags"] & Flags.INTERRUPT or (count and self._untold >= count):
            self._tell()
        elif not count and not self._coalescing["time"]:
            self._untold = 0  # none waits for what never comes

    def _record(self, index: int, address: int) -> None:
        """Write the completion of the last command, where completions are enabled."""
        if not self.fields.get("COMPLETION_BASE_LO", {}).get("enable", 0):
            return
        place = (index - 1) % (1 << self.fields.get("RING_SIZE", {}).get("log2", 0))
        octets = COMPLETION.encode(self._last, index=index, address=address)
        try:
            self.memory.write(self._address("COMPLETION_BASE") + 16 * place, octets)
        except BusError as error:
            self._fail(error.cause, COMPLETER, self._last["sequence"], error.address)

    def _tell(self) -> None:
        self._untold = 0
        self._irq["complete"] = 1

    def _fail(self, cause: Cause, unit: int, sequence: int, address: int) -> None:
        new = {"cause": cause, "unit": unit, "sequence": sequence, "address": address}
        self._error = self._error or new
        self._irq["error"] = 1

    def _time_out(self) -> None:
        assert self._held is not None
        command = COMMAND.decode(self._held[0])
        self._fail(Cause.TIMEOUT, WATCHDOG, command["sequence"], 0)
        self._restart()

    def _restart(self) -> None:
        """Do what CTRL.reset does: configuration stays, and so does what IRQ_STATUS tells."""
        self._head = self._tail = self._fetched = self._completed = self._untold = 0
        self._dependencies = [0] * (COUNTERS + 1)
        self._last = {"sequence": 0, "cause": 0, "opcode": 0}
        self._direct = None
        self._held = None
        self._halted = self._broken = False

    # What is behind

    def _push(self) -> None:
        if self._direct is not None:
            self._irq["overflow"] = 1
            return
        words = [self.fields.pop(f"COMMAND_{n}", {}).get("bytes", 0) for n in range(16)]
        self._direct = b"".join(word.to_bytes(4, "little") for word in words)

    def _put(self, name: str, **fields: int) -> None:
        self.fields[name] = fields

    def _address(self, name: str) -> int:
        low, high = (self.fields.get(f"{name}_{half}", {}) for half in ("LO", "HI"))
        shift = 6 if name in ("RING_BASE", "COMPLETION_BASE") else 0
        address = low.get("address", 0) << shift | high.get("address", 0) << 32
        return address & (1 << self.hardware.address_width) - 1

    def _windows(self) -> list[Window]:
        control = self.fields["WINDOW_CTRL"]
        if control["everything"]:
            return [Window(0, (1 << self.hardware.address_width) - 1, True, True)]
        return [
            Window(
                self._address(f"WINDOW_{n}_BASE"),
                self._address(f"WINDOW_{n}_LIMIT"),
                bool(control["read"] >> n & 1),
                bool(control["write"] >> n & 1),
            )
            for n in range(WINDOWS)
        ]
