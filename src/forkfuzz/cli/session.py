"""A campaign on one scenario, as the command line runs it: save, shrink, tell."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from forkfuzz import __version__
from forkfuzz.campaign import (
    CampaignConfig,
    CampaignWriter,
    Event,
    Finding,
    Finished,
    Progress,
    Record,
    Versions,
    fuzz,
    has_atheris,
    record_of,
)
from forkfuzz.campaign.history import sample_of, summary_of
from forkfuzz.checkers import Severity, Violation
from forkfuzz.engine import Schedule, dumps
from forkfuzz.errors import ForkfuzzError
from forkfuzz.harness import RunResult
from forkfuzz.harness.points import left_out
from forkfuzz.report import assumptions, record, violation_text
from forkfuzz.report.layout import paragraph
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import Program, find_scenario

from .minimal import TEST, minimize, title_of
from .seen import note_seen, scenario_name
from .stored import from_schedule, name_in

KERNEL = "7.0"
"""The kernel that the model and its presets are named after."""


@attrs.frozen(slots=True)
class Saved:
    """A violation that is on disk.

    Attributes:
        record: Its record.
        text: What to print.
        visible: Whether a program can see it.
        seen: Names of the scenarios that it was seen in, with their parameters; the
            stored run is one of the first.
    """

    record: Record
    text: str
    visible: bool
    seen: tuple[str, ...]


@attrs.define(eq=False, slots=True)
class Session:
    """What came of a campaign so far.

    Attributes:
        saved: Its violations, in the order in which they were found.
        finished: How it ended, once it has.
    """

    config: CampaignConfig
    campaign: CampaignWriter
    saved: list[Saved] = attrs.Factory(list)
    finished: Finished | None = None

    def events(self, seed_folders: Sequence[Path] = ()) -> Iterator[Event | Saved]:
        """Fuzz; each finding is followed by what was saved of it."""
        for event in fuzz(
            self.config, campaign=self.campaign, seed_folders=seed_folders
        ):
            if isinstance(event, Finished):
                self.finished = event
                self.campaign.append_stats(self._summary(event))
            elif isinstance(event, Progress):
                where = _where(self.config)
                self.campaign.append_stats(sample_of(where, event))
            yield event
            if isinstance(event, Finding):
                self.saved.append(self._save(event))
                yield self.saved[-1]

    def _summary(self, finished: Finished) -> dict[str, object]:
        how = {"strategy": self.config.strategy, "engine": self.config.engine}
        never = left_out(frozenset(finished.reach.points))
        where = _where(self.config)
        return summary_of(where, how, finished, self.unreached(), never)

    def headline(self) -> Saved | None:
        """Return the violation to show: one that a program can see, if any."""
        for saved in self.saved:
            if saved.visible:
                return saved
        return self.saved[0] if self.saved else None

    def unreached(self) -> tuple[str, ...]:
        """Return what the scenario should have reached and the campaign did not."""
        program = self._program()
        reached = self.finished.reached if self.finished else ()
        return tuple(label for label in program.sometimes if label not in reached)

    def _program(self) -> Program:
        spec = self.config.spec
        return find_scenario(spec.scenario).program(spec.params)

    def _save(self, finding: Finding) -> Saved:
        """Put the finding on disk before anything else is done with it."""
        config = self.config
        if config.engine == "atheris" and not has_atheris():
            config = _without_atheris(config)
        record_ = record_of(
            finding,
            config,
            versions=versions(),
            assumptions=assumptions(self._program()),
        )
        self.campaign.save_crash(record_, {"input.bin": finding.input})
        seen = note_seen(self.campaign, record_)
        text = self._explain(finding, record_, seen)
        violation = finding.result.headline()
        visible = violation is not None and violation.severity is Severity.PROGRAM
        return Saved(record_, text, visible, seen)

    def _explain(self, finding: Finding, record_: Record, seen: tuple[str, ...]) -> str:
        """Shrink the run, tell it, and put both beside the record."""
        program = find_scenario(record_.scenario).program(record_.params)
        rules = parse_rules(record_.rules)
        minimal = minimize(
            program,
            rules,
            finding.result,
            prop=record_.property,
            signature=record_.signature,
        )
        shrunk = minimal.shrunk
        violation = find_violation(shrunk.result, record_.signature, record_.rules)
        message = violation.message if violation else record_.message
        schedule = minimal.schedule(header_of(record_, message))
        recording = record(shrunk.program, rules, schedule.decisions)
        text = violation_text(
            recording,
            violation,
            signature=record_.signature,
            found_after=finding.runs,
            seconds=finding.elapsed,
            shrunk=shrunk,
            named=name_in(self.campaign.path, record_.signature),
        )
        if not self._is_told(record_.signature):
            self._put_beside(record_, minimal.test, schedule, text)
        elif seen[0] != scenario_name(record_.scenario, record_.params):
            text += "\n" + "\n".join(
                paragraph(
                    f"{record_.signature} was stored before, from {seen[0]}: that run is "
                    f"what these commands are for; seen in {', '.join(seen)}"
                )
            )
        return text

    def _is_told(self, signature: str) -> bool:
        """Return whether what an earlier campaign told of this bug is still true."""
        try:
            self.campaign.crash_file(signature, "README.md")  # written last
            data = self.campaign.crash_file(signature, "minimal.schedule")
            path = self.campaign.crash_folder(signature) / "minimal.schedule"
            stored = from_schedule(str(path), data)
            result = record(stored.program, stored.rules, stored.decisions).result
        except ForkfuzzError:
            return False
        return stored.violation(result) is not None

    def _put_beside(
        self, record_: Record, test: str, schedule: Schedule, text: str
    ) -> None:
        readme = README.format(
            record=record_,
            title=schedule.header["title"],
            named=name_in(self.campaign.path, record_.signature),
            params=_params(record_),
            text=text,
        )
        files = {TEST: test} if test else {}
        files |= {
            "minimal.schedule": dumps(schedule),
            "race.txt": text + "\n",
            "README.md": readme,
        }
        for name, data in files.items():
            self.campaign.update_crash(record_.signature, name, data.encode())


README = """\
# {record.property} in {record.scenario}

{title}

Reproduce with: `forkfuzz replay {named}` from the folder that the
campaign was started in, or `forkfuzz replay minimal.schedule` from this one.

- scenario: {record.scenario}{params}
- rules: {record.rules}
- forkfuzz {record.versions.forkfuzz}, Linux {record.versions.kernel}, \
Python {record.versions.python}

```
{text}
```
"""


def _params(record: Record) -> str:
    return "".join(f" {name}={value}" for name, value in record.params.items())


def _without_atheris(config: CampaignConfig) -> CampaignConfig:
    """Return *config* with the engine that did the work."""
    import msgspec

    return msgspec.structs.replace(config, engine="builtin")


def find_violation(result: RunResult, signature: str, rules: str) -> Violation | None:
    """Return the violation with *signature* under *rules*, if the run has it."""
    for violation in result.violations:
        if violation.signature(rules) == signature:
            return violation
    return None


def versions() -> Versions:
    """Return what finds bugs here."""
    return Versions(__version__, KERNEL, platform.python_version())


def header_of(record: Record, message: str) -> dict[str, str]:
    """Return what a stored schedule of the bug in *record* says of it.

    Args:
        record: Of the run as it was found.
        message: What the violation is in the run that is stored.
    """
    return {
        "title": title_of(message),
        "scenario": record.scenario + _params(record),
        "rules": record.rules,
        "kernel": record.versions.kernel,
        "violates": record.property,
        "signature": record.signature,
    }


def _where(config: CampaignConfig) -> dict[str, object]:
    """Return what the lines of the statistics are about."""
    spec = config.spec
    return {
        "scenario": spec.scenario,
        "params": dict(spec.params),
        "rules": spec.rules,
    }
