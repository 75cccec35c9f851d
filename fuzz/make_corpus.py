#!/usr/bin/env python3
"""Write ``corpus/`` anew: readable regressions, and seeds for the fuzz targets.

Needed after a change of the model that stored schedules do not survive. Everything is
made from fixed seeds, so that the same model gives the same files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs

from forkfuzz.campaign.guided import Guided
from forkfuzz.engine import Schedule, dumps
from forkfuzz.harness import canonical_spec, open_target
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import open_program, parse_spec
from forkfuzz.shrink import shrink_schedule

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
MAX_LEN = 512
SEED_RUNS = 600
SEEDS = 24


@attrs.frozen(slots=True)
class Regression:
    """One schedule to write, and what it shows."""

    slug: str
    scenario: str
    rules: str
    prop: str
    comment: str


REGRESSIONS = (
    Regression(
        "rule-1-no-flush-before-unlock",
        "lost-store",
        "seed,final_flush=none",
        "snapshot.leak-to-child",
        "Without flush_tlb_mm(oldmm) a store after the unlock goes through a stale\n"
        "entry, without a fault, to the frame that the child has by then.",
    ),
    Regression(
        "rule-2-copy-without-protect",
        "mp",
        "mainline",
        "snapshot.torn",
        "copy_present_page copies a pinned page that is still writable. Stores to it\n"
        "after the copy are missing in the child, later stores elsewhere are not.",
    ),
    Regression(
        "rule-2-torn-inside-the-page",
        "in-page",
        "mainline",
        "snapshot.torn",
        "The two words of one page are stored between the two steps of its copy.",
    ),
    Regression(
        "rule-2-flush-before-queued-write",
        "mp",
        "patch1-posted",
        "snapshot.torn",
        "The write-protection is still queued when the flush is done, so the TLB\n"
        "fills again from a writable entry.",
    ),
    Regression(
        "rule-3-no-vma-lock-lost-store",
        "lost-store",
        "v6.4.0",
        "parent.lost-store",
        "A fault under the VMA lock copies the page for the parent while another CPU\n"
        "still stores to the old frame: the corruption of Linux 6.4.0.",
    ),
    Regression(
        "rule-3-no-vma-lock-torn",
        "mp pinned=0",
        "seed,vma_lock=none",
        "snapshot.torn",
        "A fault gives the parent a private page while fork is walking; the store is\n"
        "missing in the child, a later one to a page not yet reached is not.",
    ),
    Regression(
        "gup-fast-without-seqcount",
        "pin-fork-race",
        "seed,write_protect_seq=off",
        "pin.diverged",
        "A page is pinned between fork's test for pins and its write-protection.",
    ),
)


def main() -> None:
    """Write everything."""
    for regression in REGRESSIONS:
        write_regression(regression)
    for scenario in ("mp", "pin-fork-race"):
        write_seeds(scenario)


def write_regression(regression: Regression) -> None:
    """Search for the violation, shrink the run and write its schedule."""
    program = open_program(regression.scenario)
    rules = parse_rules(regression.rules)
    name, params = parse_spec(regression.scenario)
    target = open_target(canonical_spec(name, params, regression.rules, "inline"))
    search = Guided(target, [], seed=1, max_len=MAX_LEN)
    spelled = format_rules(rules)
    while True:
        _data, result = search.run()
        found = [v for v in result.violations if v.prop == regression.prop]
        if found:
            break
    signature = found[0].signature(spelled)
    shrunk = shrink_schedule(program, rules, result, signature)
    schedule = Schedule.of(
        shrunk.result.decisions,
        shrunk.result.task_names,
        header={
            "title": regression.slug.replace("-", " "),
            "scenario": program.name,
            "rules": spelled,
            "kernel": "7.0",
            "violates": regression.prop,
            "signature": signature,
        },
    )
    header, blank, decisions = dumps(schedule).partition("\n\n")
    comment = "".join(f"# {line}\n" for line in regression.comment.splitlines())
    path = CORPUS / "regressions" / f"{regression.slug}.schedule"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + blank + comment + decisions, encoding="ascii")
    print(path.name, shrunk.result.steps, "steps", shrunk.preemptions, "preemptions")


def write_seeds(scenario: str) -> None:
    """Write inputs that reach much, as a campaign keeps them."""
    target = open_target(canonical_spec(scenario, {}, "seed", "inline"))
    search = Guided(target, [], seed=1, max_len=MAX_LEN)
    for _ in range(SEED_RUNS):
        search.run()
    folder = CORPUS / scenario
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for data in search.take_new()[-SEEDS:]:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
