"""The comparison with peers: its table, and its own side; the peers are not here."""

from __future__ import annotations

import pytest

from bench.scripts import script

peers = script("peers")
adapters = script("peer_adapters")


def figures(
    *rates: float, first: tuple[int | None, ...] = (), deadlocks: int = 0
) -> object:
    """Return what so many rounds of a second each have measured."""
    made = peers.Figures()
    for rate in rates:
        made.add({"schedules": rate, "seconds": 1.0, "deadlocks": deadlocks})
    made.first, made.limit = list(first), 100
    return made


def test_the_table_has_everybody() -> None:
    """Medians of paired rounds, and a reason where there is no figure."""
    results = {
        ("rmw5", 3): {
            "forkfuzz": figures(900, 1000, 3600),
            "forkfuzz, Trio": figures(300, 200, 100),
            "detangle": figures(100, 200, 400, first=(3, None, 7)),
            "frontrun": figures(50, 50, 50, first=(None,), deadlocks=1),
            "simloom": peers.Figures("took over 900 seconds"),
        }
    }
    missing = {"simloop": "not installed: needs Python >=3.12"}
    lines = peers.table(results, missing)
    assert len({len(line) for line in lines}) == 1
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    heads = ["program", "tasks", "tester", "schedules/s", "inline/it", "Trio/it"]
    assert rows == [
        [*heads, "first bug", "remarks"],
        ["---"] * 8,
        ["rmw5", "3", "forkfuzz", "1000", "1.00", "0.20", "", ""],
        ["rmw5", "3", "forkfuzz, Trio", "200", "5.00", "1.00", "", ""],
        ["rmw5", "3", "detangle", "200", "9.00", "1.00", "7", ""],
        [
            *("rmw5", "3", "frontrun", "50", "20.00", "4.00", "over 100"),
            "3 of 150 end in a deadlock that is none",
        ],
        ["rmw5", "3", "simloom", "", "", "", "", "took over 900 seconds"],
        ["all", "", "simloop", "", "", "", "", missing["simloop"]],
    ]


@pytest.mark.parametrize(
    ("complaint", "told"),
    [
        (
            "ERROR: Ignored: 0.1 Requires-Python >=3.11; 0.2 Requires-Python >=3.12\nERROR: No",
            "needs Python >=3.12",
        ),
        (
            "WARNING: slow\nERROR: No matching distribution found for simloop\n\n",
            "No matching distribution found for simloop",
        ),
        (
            "cannot reach some://where/simple/simloop: refused",
            "cannot reach ... refused",
        ),
        ("", "no reason given"),
    ],
)
def test_why_a_peer_is_not_installed(complaint: str, told: str) -> None:
    """In a few words, and without addresses."""
    assert peers.why_not(complaint) == told


def test_everybody_has_an_adapter() -> None:
    """Under the name of the package."""
    assert list(adapters.SIDES) == [*peers.FORKFUZZ, *peers.PEERS]


@pytest.mark.parametrize("name", peers.FORKFUZZ)
def test_the_side_of_forkfuzz(name: str) -> None:
    """Both drivers make the same schedules, and stop at the bug."""
    side = adapters.SIDES[name]
    assert side(adapters.Rmw(3, 5), 10, 1) == adapters.Searched(10)
    found = side(adapters.Rmw(2, 1, worst=1), 100, 1)
    assert found == adapters.SIDES["forkfuzz"](adapters.Rmw(2, 1, worst=1), 100, 1)
    assert found.found
    again = side(adapters.Rmw(2, 1, worst=1), found.schedules, 1)
    assert again == found
    before = side(adapters.Rmw(2, 1, worst=1), found.schedules - 1, 1)
    assert not before.found


def test_a_measurement_counts_what_it_has_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole batches, of different seeds, after one that does not count."""
    seeds: list[int] = []

    def side(program: object, schedules: int, seed: int) -> object:
        assert program == adapters.Rmw(2, 1)
        seeds.append(seed)
        return adapters.Searched(schedules, found=seed == 2, deadlocks=1)

    ticks = iter([10.0, 10.5, 11.0, 12.0])
    monkeypatch.setattr(adapters, "warm_up", lambda *_: None)
    monkeypatch.setattr(adapters.time, "process_time", lambda: next(ticks))
    program = adapters.Rmw(2, 1)
    expected = {"schedules": 200, "seconds": 2.0, "deadlocks": 2}
    assert adapters.rate(side, program, 1.5) == expected
    assert seeds == [1, 2]
    assert adapters.first(side, program, 3, 50) == {"first": [None, 50, None]}
