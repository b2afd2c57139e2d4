"""Reads the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST = 65_535


@dataclass(frozen=True)
class Settings:
    """Where the server listens."""

    host: str
    port: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads the settings; an error names the variable that is wrong."""
    host = environment.get("HOST", "127.0.0.1")
    if not host:
        message = "HOST is empty; name an address to listen on"
        raise ValueError(message)
    port = environment.get("PORT", "3000")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= MOST):
        message = f"PORT is {port!r}; it must be a number from 0 to {MOST}"
        raise ValueError(message)
    return Settings(host, int(port))
