"""Listens, and stops cleanly: `python -m app`."""

import os
import signal
import sys
from types import FrameType

import uvicorn

from app.api import create_app
from app.settings import read_settings

GRACE_S = 10
"""How long requests may take to end after a signal, in seconds."""


def leave(_number: int, _frame: FrameType | None) -> None:
    """Ends the process well."""
    sys.exit(0)


def main() -> None:
    """Serves until a signal comes."""
    try:
        settings = read_settings(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    # uvicorn closes at the first signal and raises it again when it has: by then it was obeyed.
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    uvicorn.run(
        create_app(),
        host=settings.host,
        port=settings.port,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main()
