"""Serves a site to this machine alone, on Trio."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from .site import Subject, site

TOKEN_BYTES = 16


def serve_site(subject: Subject, port: int, told: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        subject: What is explored.
        port: On the loopback interface; 0 for any that is free.
        told: Called with the address once it can be opened.

    Raises:
        OSError: The port cannot be had.
        KeyboardInterrupt: It came before the server was up; afterwards it is the end.
    """
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(TOKEN_BYTES)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # Hypercorn closes it
    config.errorlog = None
    config.accesslog = None
    config.include_server_header = False
    app: Any = site(subject, token)  # the two spell a scope's type differently
    told(f"http://127.0.0.1:{port}/{token}/")
    trio.run(serve, app, config)
