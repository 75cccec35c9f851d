"""Without interleaving, memory is that of a fork that copies everything at once."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as some

from drawing import KINDS, PLACE, WORDS, page_of, specs_of
from driving import WAIT_FOR_ACKS, Race
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.watch import Watcher
from forkfuzz.scenarios.program import (
    DmaLoad,
    DmaStore,
    Fork,
    Load,
    Madvise,
    PageSpec,
    Pin,
    Program,
    Statement,
    Store,
    Thread,
    Unpin,
)

PAGE = page_of([*KINDS, "file", "file-untouched"])
Words = list[int]
Round = tuple[str, Statement]
Drawn = tuple[str, str, tuple[int, int]]
MMS = {"F": "parent", "T1": "parent", "C": "child", "C2": "child2"}
ROUNDS = some.lists(
    some.tuples(
        some.sampled_from(["F", "T1", "C", "C2", "dev"]),
        some.sampled_from(
            [
                *["store", "load"] * 2,
                *("dontneed", "fork", "pin", "pin-ro", "unpin"),
            ]
        ),
        PLACE,
    ),
    min_size=1,
    max_size=14,
)


def fresh(spec: PageSpec) -> Words:
    """Return what a page holds that nobody has stored to: the file, or nothing."""
    return [*spec.init, *[0] * WORDS][:WORDS]


@attrs.define(slots=True)
class Reference:
    """The simplest memory with fork: copies at once, and pins by object.

    Attributes:
        memory: Words by process and page.
        pins: References that are left: (page, words, whether writable).
        rounds: What was carried out.
        loads: What each load must have read.
    """

    specs: dict[str, PageSpec]
    memory: dict[str, dict[str, Words]] = attrs.Factory(dict)
    pins: list[tuple[str, Words, bool]] = attrs.Factory(list)
    rounds: list[Round] = attrs.Factory(list)
    loads: dict[tuple[str, str], int] = attrs.Factory(dict)

    def __attrs_post_init__(self) -> None:
        self.memory["parent"] = {name: fresh(s) for name, s in self.specs.items()}
        for name, spec in self.specs.items():
            if spec.pin:
                self.pins.append((name, self.memory["parent"][name], spec.pin == "rw"))

    def carry_out(self, drawn: list[Drawn]) -> None:
        """Do what was drawn, as far as it makes sense, one after the other."""
        names = list(self.specs)
        for number, (who, kind, (page, index)) in enumerate(drawn, 1):
            name = names[page % len(names)]
            if who == "dev":
                made = self._device(kind, name, index, number)
            elif kind == "fork":
                made = self._fork(who)
            elif name not in self.memory.get(MMS[who], {}):
                made = None
            elif kind in ("store", "load", "dontneed"):
                made = self._access(who, kind, name, index, number)
            else:
                made = self._pin(MMS[who], kind, name, fast=bool(index))
            if made is not None:
                self.rounds.append((who, made))

    def _device(
        self, kind: str, page: str, index: int, number: int
    ) -> Statement | None:
        pin = next((pin for pin in self.pins if pin[0] == page), None)
        if pin is not None and kind == "load":
            self.loads["dev", f"r{number}"] = pin[1][index]
            return DmaLoad(page, index, f"r{number}")
        if pin is not None and kind == "store" and pin[2]:
            pin[1][index] = number
            return DmaStore(page, index, number)
        return None

    def _fork(self, who: str) -> Statement | None:
        if who != "F" or "child2" in self.memory:
            return None
        child: dict[str, Words] = {}
        for name, words in self.memory["parent"].items():
            spec = self.specs[name]
            if not spec.dontfork:
                own = [0] * WORDS if spec.wipeonfork else list(words)
                child[name] = words if spec.shared else own
        self.memory["child2" if "child" in self.memory else "child"] = child
        return Fork()

    def _access(
        self, who: str, kind: str, page: str, index: int, number: int
    ) -> Statement:
        memory = self.memory[MMS[who]]
        if kind == "store":
            memory[page][index] = number
            return Store(page, index, number)
        if kind == "load":
            self.loads[who, f"r{number}"] = memory[page][index]
            return Load(page, index, f"r{number}")
        if not self.specs[page].shared:
            memory[page] = fresh(self.specs[page])
        return Madvise(page, "dontneed")

    def _pin(self, mm: str, kind: str, page: str, *, fast: bool) -> Statement | None:
        if mm != "parent":
            return None
        if kind == "pin-ro" and self.specs[page].file:
            return None  # Without FOLL_LONGTERM it may be one of the page cache.
        if kind != "unpin":
            self.pins.append((page, self.memory[mm][page], kind == "pin"))
            return Pin(page, write=kind == "pin", fast=fast)
        pin = next((pin for pin in self.pins if pin[0] == page), None)
        if pin is None:
            return None
        self.pins.remove(pin)
        return Unpin(page)


class Ended(Watcher):
    """Counts the statements that each CPU has completed."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}

    def ended(self, cpu: Cpu) -> None:
        """Count one."""
        self.count[cpu.name] = self.count.get(cpu.name, 0) + 1


def threads_of(rounds: list[Round]) -> list[Thread]:
    """Return the threads that the rounds need; children only of forks that happen."""
    kinds = {"C": ("child", 1), "C2": ("child", 2), "dev": ("device", 1)}
    threads = [
        Thread(
            who,
            tuple(what for thread, what in rounds if thread == who),
            *kinds.get(who, ()),
        )
        for who in (*MMS, "dev")
    ]
    forks = sum(isinstance(what, Fork) for _, what in rounds)
    return [t for t in threads if t.kind != "child" or t.fork <= forks]


def one_by_one(specs: tuple[PageSpec, ...], rounds: list[Round], rules: str) -> Race:
    """Run the rounds one after the other, each to its end."""
    threads = threads_of(rounds)
    ended = Ended()
    race = Race(Program("sequential", specs, tuple(threads)), rules, [ended])
    cpus = [thread.name for thread in threads if thread.kind != "device"]
    for who, what in rounds:
        if who == "dev":
            label = "dma:write_word" if isinstance(what, DmaStore) else "dma:read_word"
            race.past(who, label)
            continue
        cpu = f"cpu{cpus.index(who)}"
        before = ended.count.get(cpu, 0)
        while ended.count.get(cpu, 0) == before:
            if race.label(who) in WAIT_FOR_ACKS:
                race.all_acks()
            race.step(who)
    return race


@given(
    some.lists(PAGE, min_size=1, max_size=3).map(specs_of),
    ROUNDS,
    some.sampled_from(["seed", "mainline", "patch1-posted"]),
)
@settings(max_examples=250)
def test_one_round_after_the_other_gives_the_memory_of_an_eager_copy(
    specs: tuple[PageSpec, ...], drawn: list[Drawn], rules: str
) -> None:
    """Loads and memory agree, even by rules that break under concurrency."""
    reference = Reference({spec.name: spec for spec in specs})
    reference.carry_out(drawn)
    race = one_by_one(specs, reference.rounds, rules)
    assert race.run.execution.registers == reference.loads
    for mm, pages in reference.memory.items():
        for page, words in pages.items():
            if not reference.specs[page].shared:
                here = range(WORDS) if race.pte(page, mm) else ()
                assert [race.value(page, i, mm) for i in here] == words[: len(here)]
                assert here or words == fresh(reference.specs[page])
    assert race.props() == []
