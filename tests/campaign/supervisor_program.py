"""A campaign without end, for tests that kill it: its directory and engine are given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal, cast

from forkfuzz.campaign import (
    CampaignConfig,
    Finished,
    TargetSpec,
    fuzz,
    open_campaign,
)


def main() -> None:
    """Print one line for each event, and exit as the command line would."""
    engine = cast('Literal["atheris", "builtin"]', sys.argv[2])
    spec = TargetSpec("relay", driver="inline")
    config = CampaignConfig(
        spec, engine=engine, keep_going=True, opener="campaign_toys:open_toy"
    )
    with open_campaign(Path(sys.argv[1])) as campaign:
        for event in fuzz(config, campaign=campaign):
            line = {"event": type(event).__name__}
            if isinstance(event, Finished):
                line["reason"] = event.reason
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    sys.exit(130 if line.get("reason") == "interrupted" else 0)


if __name__ == "__main__":
    main()
