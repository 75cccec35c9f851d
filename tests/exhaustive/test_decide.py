"""Whatever a search leaves out, what can come of a program is the same."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as some

from exhaustive.drawn import RULES, came, memory, with_fork, without_fork
from forkfuzz.engine import Strategy
from forkfuzz.exhaustive import decide, sample
from forkfuzz.harness import Run
from forkfuzz.harness.trial import ProgramTrial
from forkfuzz.rules import Rules
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios import program as p
from forkfuzz.search import Limits, Search
from forkfuzz.strategies import make

ENOUGH = Limits(states=1500)


@given(without_fork())
@settings(max_examples=200)
def test_pruned_and_reduced_is_as_good_as_plain(program: p.Program) -> None:
    """On programs that a plain search can finish."""
    plain = decide(program, Rules(), memory, prune=False)
    assert plain.progress.exhaustive
    assert came(decide(program, Rules(), memory, reduce=False)) == came(plain)
    assert came(decide(program, Rules(), memory)) == came(plain)


@given(with_fork(), RULES)
@settings(max_examples=10)
def test_pruning_is_sound_up_to_a_bound(program: p.Program, rules: Rules) -> None:
    """With one preemption, a plain search can finish with a fork in it too."""
    bound = Limits(preemptions=1)
    plain = decide(program, rules, memory, bound, prune=False)
    assert came(decide(program, rules, memory, bound)) == came(plain)


@given(with_fork(), RULES)
@settings(max_examples=12)
def test_reduction_changes_nothing(program: p.Program, rules: Rules) -> None:
    """On programs with a fork, and with guards missing: ends and violations."""
    full = decide(program, rules, memory, ENOUGH, reduce=False)
    reduced = decide(program, rules, memory)
    if full.progress.exhaustive:
        assert came(reduced) == came(full)
    else:  # what was seen of it must be in there
        assert set(full.ends) <= set(reduced.ends)
        assert set(full.properties) <= set(reduced.properties)


@given(with_fork(), RULES, some.sampled_from(["random", "pct"]))
@settings(max_examples=10)
def test_no_sample_goes_beyond(program: p.Program, rules: Rules, name: str) -> None:
    """What random runs end in is among what the search has found."""
    decided = decide(program, rules, memory)
    sampled = sample(program, rules, memory, make(name, 1), 60)
    assert decided.progress.exhaustive
    assert not sampled.progress.exhaustive
    assert set(sampled.ends) <= set(decided.ends)
    assert set(sampled.properties) <= set(decided.properties)


class Eager:
    """A program whose TLBs are filled and evicted by tasks, a few times."""

    def __init__(self, program: p.Program, rules: Rules, events: int) -> None:
        self._program = attrs.evolve(program, hardware_events=events)
        self._rules = rules

    def begin(self, strategy: Strategy) -> ProgramTrial:
        """Set up a run."""
        return ProgramTrial(Run(self._program, self._rules, strategy))

    def alike(self) -> list[list[int]]:
        """Return that no two tasks can be exchanged."""
        return []


def eagerly(program: p.Program, rules: Rules) -> tuple[set[object], set[str]]:
    """Return ends and properties with eager hardware, two events for each CPU."""
    ends: set[object] = set()
    properties: set[str] = set()

    def look(trial: ProgramTrial, ended: bool) -> None:
        run = trial.run
        if ended:
            ends.add(memory(run))
        found = run.result().violations if ended else run.violations()
        properties.update(violation.prop for violation in found)

    Search(Eager(program, rules, 2), look, ENOUGH).run()
    return ends, properties


@given(with_fork(), RULES)
@settings(max_examples=6)
def test_lazy_hardware_can_do_what_eager_hardware_can(
    program: p.Program, rules: Rules
) -> None:
    """Fills and evictions at any moment lead nowhere else."""
    ends, properties = eagerly(program, rules)
    lazy = decide(program, rules, memory)
    assert ends <= set(lazy.ends)
    assert properties <= set(lazy.properties)


def test_lazy_hardware_can_do_no_more() -> None:
    """What it finds wrong in a mutant, a campaign with eager hardware finds too."""
    program = p.Program(
        "mp",
        (p.PageSpec("A"), p.PageSpec("B")),
        (
            p.Thread("T1", (p.Store("A", 0, 1), p.Store("B", 0, 1))),
            p.Thread("F", (p.Fork(),)),
        ),
    )
    for change in ({"final_flush": "none"}, {"vma_lock": "none"}, {}):
        rules = Rules(**change)
        lazy = decide(program, rules, memory)
        seen = sample_eagerly(program, rules)
        assert set(lazy.properties) == seen, change


def sample_eagerly(program: p.Program, rules: Rules) -> set[str]:
    """Return the properties that three thousand random runs break."""
    strategies = [make("random", 1), make("pct", 2)]
    found: set[str] = set()
    for number in range(3000):
        strategy = strategies[number % 2]
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        found |= {violation.prop for violation in result.violations}
    return found


def test_a_scenario_is_decided_as_it_is_fuzzed() -> None:
    """mp of mainline is torn, and the documented protocol is not, in every run."""
    program = open_program("mp")
    broken = decide(program, Rules(pinned_copy="copy_only"), memory)
    assert "snapshot.torn" in broken.properties
    assert decide(program, Rules(), memory, Limits(preemptions=2)).properties == []
