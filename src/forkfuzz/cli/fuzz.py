"""``forkfuzz fuzz``: campaigns."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from forkfuzz.counting import counted
from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit, say
from .output import echo, json_option, put_json
from .types import Duration, Folder, Whole

if TYPE_CHECKING:
    from forkfuzz.campaign import CampaignConfig, Event, Finished

    from .session import Saved, Session

DEFAULT_RUNS = 20_000
"""Runs of each scenario where neither --runs nor --time is given."""

DEFAULT_DIR = ".forkfuzz"

dir_option = click.option(
    "--dir",
    "directory",
    default=DEFAULT_DIR,
    show_default=True,
    metavar="DIR",
    type=Folder(),
    help="The campaign's directory.",
)
driver_option = click.option(
    "--driver",
    type=click.Choice(["trio", "inline"]),
    default="trio",
    show_default=True,
    help="Who steps the tasks; both make the same runs.",
)


@click.command(epilog=EXIT_CODES)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO[:PARAM=N,...]]...")
@click.option(
    "--rules",
    default="mainline",
    show_default=True,
    metavar="R",
    help="PRESET[,field=value...]; see: forkfuzz rules.",
)
@click.option(
    "--runs",
    type=Whole(1, 10**12),
    metavar="N",
    help=f"Runs of each scenario [default: {DEFAULT_RUNS}, or no limit with --time].",
)
@click.option(
    "--time",
    "seconds",
    type=Duration(),
    metavar="T",
    help="Time for all scenarios together: 90, 90s, 1.5m, 2h.",
)
@click.option(
    "--seed",
    type=Whole(0, 2**32 - 2),
    default=1,
    show_default=True,
    metavar="N",
    help="Equal seeds and --runs make equal campaigns, each in a new directory.",
)
@dir_option
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="DIR",
    type=Folder(exists=True),
    help="More inputs to start from: DIR/SCENARIO. Repeatable.",
)
@click.option(
    "--strategy",
    default="portfolio",
    show_default=True,
    metavar="NAME",
    help="portfolio, coverage, or one that learns nothing: pos, pct, random and so on.",
)
@click.option(
    "--feedback",
    metavar="KIND,...",
    help="What a learning strategy learns from: state, reads-from, "
    "translation-from, conflicts [default: state].",
)
@driver_option
@click.option(
    "--engine",
    type=click.Choice(["atheris", "builtin"]),
    default="atheris",
    show_default=True,
    help="Who drives a coverage-guided campaign.",
)
@click.option(
    "--keep-going", is_flag=True, help="Go on after a violation that a program can see."
)
@json_option
def fuzz(**options: Any) -> int:
    """Fuzz the interleavings of SCENARIOs, by default of all of them.

    A campaign ends at the first violation that a program can see, and names the
    scenarios not run. One that only breaks the contract is saved, and the search goes
    on. Violations are saved below the campaign's directory, which a later campaign
    continues.
    """
    from forkfuzz.campaign import open_campaign
    from forkfuzz.campaign.clock import Stopwatch

    from .session import Session

    configs = _configs(options)
    worst = Exit.CLEAN
    with open_campaign(options["directory"]) as campaign:
        campaign.write_config(resolved(configs, options["scenarios"]))
        watch = Stopwatch()
        while configs:
            config = _with_share(configs, options["seconds"], watch.elapsed())
            if config is None:
                break
            del configs[0]
            session = Session(config, campaign)
            folders = [corpus / config.spec.scenario for corpus in options["corpora"]]
            _run(session, folders, as_json=options["as_json"])
            worst = max(worst, _tell_end(session, as_json=options["as_json"]))
            if worst is Exit.INTERRUPTED or (
                any(saved.visible for saved in session.saved)
                and not options["keep_going"]
            ):
                break
    _tell_not_run(configs, as_json=options["as_json"])
    return worst


def _with_share(
    configs: Sequence[CampaignConfig], seconds: float | None, elapsed: float
) -> CampaignConfig | None:
    """Return the first of *configs* with its share of the time that is left, if any is.

    Not of all the time: starting a worker and shrinking take some of it too.
    """
    import msgspec

    if seconds is None:
        return configs[0]
    left = seconds - elapsed
    if left <= 0:
        return None
    return msgspec.structs.replace(configs[0], seconds=left / len(configs))


def _configs(options: dict[str, Any]) -> list[CampaignConfig]:
    """Return a campaign for each scenario, all checked before the first one runs."""
    from forkfuzz.campaign import CampaignConfig
    from forkfuzz.harness import canonical_spec
    from forkfuzz.scenarios import SCENARIOS, parse_spec

    names = options["scenarios"] or tuple(SCENARIOS)
    seconds, runs = options["seconds"], options["runs"]
    if runs is None and seconds is None:
        runs = DEFAULT_RUNS
    configs = []
    for name in names:
        scenario, params = parse_spec(name.replace(":", " ").replace(",", " "))
        spec = canonical_spec(scenario, params, options["rules"], options["driver"])
        config = CampaignConfig(
            spec,
            engine=options["engine"],
            strategy=options["strategy"],
            feedback=feedback_kinds(options["feedback"]),
            seed=options["seed"],
            runs=runs,
            seconds=seconds and seconds / len(names),
            keep_going=options["keep_going"],
        )
        config.check()
        configs.append(config)
    _check_learning(configs, options)
    return configs


def _check_learning(
    configs: Sequence[CampaignConfig], options: Mapping[str, Any]
) -> None:
    """Refuse what a campaign would ignore.

    Raises:
        UsageError: An option is for strategies that learn, or a corpus has no inputs
            for any of the scenarios.
    """
    strategy = options["strategy"]
    learns = configs[0].guided
    for given, option in (("feedback", "--feedback"), ("corpora", "--corpus")):
        if options[given] not in (None, ()) and not learns:
            msg = f"{option} is for strategies that learn, not {strategy!r}"
            raise UsageError(msg)
    names = [config.spec.scenario for config in configs]
    for corpus in options["corpora"]:
        if not any((corpus / name).is_dir() for name in names):
            msg = (
                f"--corpus {str(corpus)!r} has no folder of a scenario that is fuzzed, "
                f"such as {names[0]!r}"
            )
            raise UsageError(msg)


def feedback_kinds(text: str | None) -> tuple[Any, ...]:
    """Return the kinds of feedback named.

    Raises:
        UsageError: There is none of a name.
    """
    from forkfuzz.harness.coverage import DEFAULT_KINDS, KINDS

    if text is None:
        return DEFAULT_KINDS
    named = tuple(text.split(",")) if text else ()
    for kind in named:
        if kind not in KINDS:
            msg = f"no feedback {kind[:40]!r}; there are {', '.join(KINDS)}"
            raise UsageError(msg)
    return named


def resolved(
    configs: Sequence[CampaignConfig], scenarios: Sequence[str]
) -> dict[str, Any]:
    """Return what ``campaign.toml`` is to say."""
    import msgspec

    from .session import versions

    document: dict[str, Any] = msgspec.to_builtins(
        {"campaign": configs, "versions": versions()}
    )
    for config in document["campaign"]:
        for name in [name for name, value in config.items() if value is None]:
            del config[name]
    document["scenarios"] = list(scenarios)
    return document


def _run(session: Session, folders: list[Path], *, as_json: bool) -> None:
    from forkfuzz.campaign import Notice, Progress

    from .progress import display
    from .session import Saved

    name = session.config.spec.scenario
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(display(name)) if not as_json else None
        for event in session.events(folders):
            if as_json:
                _put_event(session, event)
            elif isinstance(event, Progress) and shown is not None:
                shown.update(event)
            elif isinstance(event, Notice):
                say(f"fuzz: {event.message}")
            elif isinstance(event, Saved) and session.config.keep_going:
                say(f"fuzz: {name}: {event.record.property} {event.record.signature}")


def _put_event(session: Session, event: Event | Saved) -> None:
    """Write an event as a line of JSON."""
    import attrs

    from forkfuzz.campaign import Finding, Finished, Notice, Progress
    from forkfuzz.harness.points import left_out

    scenario = session.config.spec.scenario
    match event:
        case Progress():
            put_json({"event": "progress", "scenario": scenario, **attrs.asdict(event)})
        case Notice():
            put_json({"event": "notice", "message": event.message})
        case Finished():
            put_json(
                {
                    "event": "finished",
                    "scenario": scenario,
                    **attrs.asdict(event),
                    "unreached": session.unreached(),
                    "left_out": left_out(frozenset(event.reach.points)),
                }
            )
        case Finding():
            pass  # told once it is saved
        case _:
            put_json({"event": "violation", "record": event.record, "seen": event.seen})


def _tell_end(session: Session, *, as_json: bool) -> Exit:
    """Say how the campaign ended; return its exit code."""
    finished = session.finished
    assert finished is not None  # the last event of every campaign
    found = session.headline()
    if not as_json:
        if found is not None:
            echo(found.text)
            others = [s.record for s in session.saved if s is not found]
            for record in others:
                echo(f"  also found: {record.property}  sig {record.signature}")
        else:
            echo(_nothing(session))
        echo(_seen(finished))
        for label in session.unreached():
            say(f"fuzz: {session.config.spec.scenario} never reached {label}")
    if finished.reason == "interrupted":
        say("fuzz: interrupted; everything found is saved")
        return Exit.INTERRUPTED
    return Exit.VIOLATION if found is not None else Exit.CLEAN


def _tell_not_run(configs: Sequence[CampaignConfig], *, as_json: bool) -> None:
    """Name the scenarios that the end of the campaign came before, if there are any."""
    from .exploring import echo_wrapped
    from .seen import scenario_name

    names = [scenario_name(c.spec.scenario, c.spec.params) for c in configs]
    if as_json and names:
        put_json({"event": "not_run", "scenarios": names})
    elif names:
        echo_wrapped(f"not run: {', '.join(names)}")


def _seen(finished: Finished) -> str:
    """Return how much of the program the campaign has seen."""
    from forkfuzz.harness.points import left_out

    reach = finished.reach
    text = (
        f"  seen: {counted(reach.interleavings, 'interleaving')}, "
        f"{counted(reach.outcomes, 'outcome')}, {counted(len(reach.points), 'point')}"
    )
    never = left_out(frozenset(reach.points))
    return f"{text}; {len(never)} more in the functions entered" if never else text


def _nothing(session: Session) -> str:
    """Return what finding nothing means, and no more than that."""
    assert session.finished is not None  # called at the end only
    spec = session.config.spec
    return (
        f"{spec.scenario}: no violation in {counted(session.finished.runs, 'run')} "
        f"of this model under rules {spec.rules}"
    )
