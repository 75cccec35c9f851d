"""The pytest plugin, as a user has it: pytest run on a file of tests."""

from __future__ import annotations

import re
import shlex

import pytest

pytest_plugins = ["pytester"]

GOOD = """
import forkfuzz

@forkfuzz.explore(runs=60, strategy="pct")
async def test_no_b_without_a(sim):
    page_a = sim.page("A", pinned=True)
    page_b = sim.page("B")

    @sim.thread
    async def writer(cpu):
        for value in (1, 2, 3, 4):
            await cpu.store(page_a, value)
            await cpu.store(page_b, value)

    @sim.thread
    async def forker(cpu):
        await cpu.fork()

    await sim.run(rules="RULES", check=False)
    assert sim.value(page_b, of="child") <= sim.value(page_a, of="child")
"""

SINGLE = """
import pytest
from forkfuzz.harness.sim import SegmentationFault, ViolationError

async def test_a_pin_a_device_and_a_fork(sim):
    page = sim.page("A", words=2, init=(7,))
    seen = []

    @sim.thread
    async def owner(cpu):
        await cpu.pin(page)
        child = await cpu.fork()
        assert child == "child"
        await cpu.post("forked")
        await cpu.store(page, 2, word=1)
        await cpu.wait("written")
        seen.append(await cpu.load(page))
        await cpu.unpin(page)

    @sim.device
    async def nic(device):
        await device.wait("forked")
        await device.dma_store(page, 9)
        await device.post("written")

    @sim.child
    async def reader(cpu):
        seen.append(await cpu.load(page))

    await sim.run()
    assert sorted(seen) == [7, 9]
    assert sim.value(page, word=1) == 2
    assert sim.value(page, word=1, of="child") == 0

async def test_a_violation_raises(sim):
    page = sim.page("A", pinned=True)

    @sim.thread
    async def forker(cpu):
        await cpu.fork()

    with pytest.raises(ViolationError, match="pin.not-exclusive"):
        await sim.run(rules="v5.8")

async def test_a_guard_region_is_fatal(sim):
    page = sim.page("A")

    @sim.thread
    async def thread(cpu):
        await cpu.madvise(page, "guard")
        with pytest.raises(SegmentationFault):
            await cpu.load(page)

    await sim.run()
"""


TWICE = """
import forkfuzz
import pytest

DECISIONS = {1: [], 2: []}

@pytest.mark.parametrize("case", [1, 2])
@forkfuzz.explore(runs=5, strategy="random")
async def test_twice(sim, case):
    page = sim.page("A")

    @sim.thread
    async def writer(cpu):
        await cpu.store(page, 1)

    @sim.thread
    async def forker(cpu):
        await cpu.fork()

    await sim.run()
    DECISIONS[case].append(sim.decisions())

def test_cases_are_strangers():
    assert len(DECISIONS[1]) == 5
    assert DECISIONS[1][0] != DECISIONS[1][1]
    assert DECISIONS[1] == DECISIONS[2]
"""


@pytest.fixture(name="project")
def project_fixture(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a project whose tests are run by pytest-trio."""
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest on the project in a process of its own."""
    return project.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


@pytest.mark.slow
def test_an_explored_test_passes_under_the_documented_protocol(
    project: pytest.Pytester,
) -> None:
    """Under the seed rules no schedule fails the test."""
    project.makepyfile(GOOD.replace("RULES", "seed"))
    run(project).assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_marker_does_where_other_tests_forbid_the_mode(
    pytester: pytest.Pytester,
) -> None:
    """As the documentation says."""
    test = GOOD.replace("RULES", "seed").replace(
        "@forkfuzz", "@pytest.mark.trio\n@forkfuzz"
    )
    pytester.makepyfile(test.replace("import forkfuzz", "import forkfuzz, pytest"))
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.slow
def test_trio_mode_or_a_mark_is_needed(pytester: pytest.Pytester) -> None:
    """As the page about writing tests says."""
    pytester.makepyfile(
        test_bare="async def test(): pass",
        test_marked="""
            import forkfuzz, pytest

            @pytest.mark.trio
            @forkfuzz.explore(runs=1)
            async def test(sim):
                sim.page("A")
                sim.thread(thread)
                await sim.run()

            async def thread(cpu): pass
        """,
    )
    run(pytester).assert_outcomes(passed=1, failed=1)


@pytest.mark.slow
def test_an_explored_failure_prints_the_command_that_replays_it(
    project: pytest.Pytester,
) -> None:
    """Under mainline a schedule fails it; the printed command fails it again at once."""
    project.makepyfile(GOOD.replace("RULES", "mainline"))
    first = run(project)
    first.assert_outcomes(failed=1)
    found = re.search(r"Reproduce with: +pytest (.+)", first.stdout.str())
    assert found is not None
    again = run(project, *found[1].split())
    again.assert_outcomes(failed=1)
    assert "Reproduce with" not in again.stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize("body", ["sim.run()", "pass", "if not x: await sim.run()"])
def test_a_test_that_runs_nothing_fails(body: str, project: pytest.Pytester) -> None:
    """As without an ``await``; one line says why."""
    test = GOOD.partition("    await sim")[0].replace(
        "test_no_b_without_a(sim)", "test(sim)"
    )
    project.makepyfile(f"x = 1{test}    {body}\n")
    outcome = run(project)
    outcome.assert_outcomes(failed=1, warnings=body == "sim.run()")
    expected = "forkfuzz: nothing was explored, expected 'await sim.run()' in the test"
    assert outcome.stdout.str().count(f"UsageError: {expected}\n") == 1
    assert "Reproduce with" not in outcome.stdout.str()


@pytest.mark.slow
def test_each_case_of_a_test_has_the_same_schedules(project: pytest.Pytester) -> None:
    """Whichever others run before it, here or in another process."""
    project.makepyfile(TWICE)
    run(project).assert_outcomes(passed=3)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["", "sub of it"])
def test_the_command_works_where_pytest_was_started(
    start: str, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the test and its folder are called, and from inside that folder too."""
    test = GOOD.replace("RULES", "mainline").replace(
        "@forkfuzz", '@pytest.mark.parametrize("x", ["a b$c"])\n@forkfuzz'
    )
    folder = project.mkdir("sub of it")
    name = "test t\u00f6rn.py"
    text = test.replace("import forkfuzz", "import forkfuzz, pytest")
    (folder / name).write_text(text.replace("(sim)", "(sim, x)"))
    monkeypatch.chdir(project.path / start)
    first = run(project, name if start else f"sub of it/{name}")
    first.assert_outcomes(failed=1)
    found = re.search(r"Reproduce with: +pytest (.+)", first.stdout.str())
    assert found is not None
    again = run(project, *shlex.split(found[1]))
    again.assert_outcomes(failed=1)
    assert "Reproduce with" not in again.stdout.str()


@pytest.mark.slow
def test_cases_that_differ_in_punctuation_keep_their_schedules(
    project: pytest.Pytester,
) -> None:
    """Each has a file of its own, which fails it again."""
    test = GOOD.replace("RULES", "mainline").replace(
        "@forkfuzz", '@pytest.mark.parametrize("x", ["a+b", "a-b"])\n@forkfuzz'
    )
    text = test.replace("import forkfuzz", "import forkfuzz, pytest")
    project.makepyfile(text.replace("(sim)", "(sim, x)"))
    first = run(project)
    first.assert_outcomes(failed=2)
    commands = re.findall(r"Reproduce with: +pytest (.+)", first.stdout.str())
    assert len({shlex.split(command)[-1] for command in commands}) == 2
    for command in commands:
        run(project, *shlex.split(command)).assert_outcomes(failed=1)


@pytest.mark.slow
def test_the_fixture_makes_a_machine_with_threads_devices_and_children(
    project: pytest.Pytester,
) -> None:
    """Threads, a pin, a device, a fork and its child, in tests that run once."""
    project.makepyfile(SINGLE)
    run(project).assert_outcomes(passed=3)


def test_an_unreadable_schedule_is_a_usage_error(project: pytest.Pytester) -> None:
    """A file that is no schedule ends pytest with its usage error, in one line."""
    project.makepyfile(SINGLE)
    project.makefile(".schedule", bad="not a schedule")
    result = run(project, "--forkfuzz-replay", "bad.schedule")
    result.assert_outcomes(errors=3)
    assert "forkfuzz schedule 1" in result.stdout.str()
