"""One way to fuzz, whatever does the work."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from .config import PORTFOLIO, CampaignConfig
from .events import Event, Finished, Notice
from .guided import Guided
from .interrupt import Interrupts
from .local import Keep, fuzz_here
from .reading import read_inputs
from .remote import fuzz_in_worker
from .runner import Runner, Unguided, first_inputs
from .store import CampaignWriter
from .target import Target, find_opener

FALLBACK = (
    "atheris is not installed here (it has wheels for Linux on x86-64); "
    "using the built-in engine, which is slower to find deep bugs"
)


def has_atheris() -> bool:
    """Return whether the engine ``atheris`` can be used."""
    return importlib.util.find_spec("atheris") is not None


def fuzz(
    config: CampaignConfig,
    *,
    campaign: CampaignWriter | None = None,
    seed_folders: Sequence[Path] = (),
) -> Iterator[Event]:
    """Fuzz, and tell what happens; the last event is always `Finished`.

    The first SIGINT meanwhile ends the campaign with everything saved and the reason
    ``interrupted``; a second one raises KeyboardInterrupt.

    Args:
        config: What to fuzz, and for how long.
        campaign: Where inputs that reach something new are kept, and taken from.
        seed_folders: Folders with more inputs to begin with.

    Raises:
        UsageError: The configuration makes no sense, or the disk is full.
        InternalError: A run does not repeat, or the worker broke.
    """
    config.check()
    opener = find_opener(config.opener)
    with (
        closing(opener(config.spec)) as target,
        Interrupts() as interrupts,
        closing(_fuzz(config, target, campaign, seed_folders, interrupts)) as events,
    ):
        for event in events:
            if isinstance(event, Finished):
                finished = event
            else:
                yield event
    # The request may have come when the last run was over. From here on, Ctrl-C is
    # again what it was: nobody will look at a request.
    if interrupts.requested:
        finished = attrs.evolve(finished, reason="interrupted")
    yield finished


def _fuzz(
    config: CampaignConfig,
    target: Target,
    campaign: CampaignWriter | None,
    seed_folders: Sequence[Path],
    interrupts: Interrupts,
) -> Generator[Event, None, None]:
    keep = _keeper(config, campaign)
    runner: Runner
    if not config.guided:
        runner = Unguided(target, config.strategy, config.seed)
    else:
        inputs = _gather(config, campaign, seed_folders)
        if not inputs:
            inputs = _first_inputs(config, target)
            # Engines save what they make, not what they are given.
            keep(inputs, ())
        if config.engine == "atheris" and has_atheris():
            yield from fuzz_in_worker(
                config,
                target,
                inputs=inputs,
                keep=keep,
                interrupts=interrupts,
                scratch_in=None if campaign is None else campaign.path,
            )
            return
        if config.engine == "atheris":
            yield Notice(FALLBACK)
        runner = _guided(config, target, inputs)
    yield from fuzz_here(
        config, target, runner=runner, keep=keep, interrupts=interrupts
    )


def make_runner(config: CampaignConfig, target: Target) -> Runner:
    """Return what makes the runs of a campaign in this process, from nothing."""
    if not config.guided:
        return Unguided(target, config.strategy, config.seed)
    return _guided(config, target, _first_inputs(config, target))


def _guided(config: CampaignConfig, target: Target, inputs: Sequence[bytes]) -> Guided:
    return Guided(
        target,
        inputs,
        seed=config.seed,
        max_len=config.max_len,
        kinds=config.feedback,
        portfolio=config.portfolio(),
    )


def _first_inputs(config: CampaignConfig, target: Target) -> list[bytes]:
    """Return where to begin without a corpus; a portfolio makes its own beginning."""
    if config.strategy == PORTFOLIO:
        return []
    return first_inputs(target, config.seed, config.max_len)


def _gather(
    config: CampaignConfig,
    campaign: CampaignWriter | None,
    seed_folders: Sequence[Path],
) -> list[bytes]:
    folders = list(seed_folders)
    if campaign is not None:
        folders.append(campaign.corpus_folder(config.spec.scenario))
    found: dict[bytes, None] = {}
    for folder in folders:
        found.update(dict.fromkeys(read_inputs(folder, config.max_len)))
    return list(found)


def _keeper(config: CampaignConfig, campaign: CampaignWriter | None) -> Keep:
    def keep(inputs: Sequence[bytes], replaced: Sequence[bytes]) -> None:
        if campaign is not None:
            campaign.add_inputs(config.spec.scenario, inputs)
            campaign.remove_inputs(config.spec.scenario, replaced)

    return keep
