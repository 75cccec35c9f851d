"""Serves a site to this machine alone, on Trio."""

from __future__ import annotations

import secrets
import signal
import socket
from collections.abc import Callable
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from .site import Subject, site

TOKEN_BYTES = 16
GRACE = 0.2
"""Seconds that an answer under way has once the end was asked for."""


def serve_site(subject: Subject, port: int, told: Callable[[str], None]) -> None:
    """Serve until the process is interrupted or told to end.

    Args:
        subject: What is explored.
        port: On the loopback interface; 0 for any that is free.
        told: Called with the address once it can be opened.

    Raises:
        OSError: The port cannot be had.
    """
    listener = socket.create_server(("127.0.0.1", port))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/{token}/"
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # Hypercorn closes it
    config.errorlog = None
    config.accesslog = None
    config.include_server_header = False
    config.graceful_timeout = GRACE
    app: Any = site(subject, token)  # the two spell a scope's type differently
    trio.run(_serve, app, config, lambda: told(address))


async def _serve(app: Any, config: Config, ready: Callable[[], None]) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        ready()

        async def asked_to_end() -> None:
            await anext(signals)

        await serve(app, config, shutdown_trigger=asked_to_end)
