"""The program that decides, as one digest: two decisions with the same digests must be the same."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from protocols.ledger.canonical import digest

_ROOMS = ("model", "protocols.contracts", "server.decisions", "server.serving")


@cache
def code_digest() -> bytes:
    """Return the SHA-256 over the lines ``path sha256`` of the files that make decisions."""
    lines = [line for room in _ROOMS for line in _lines(files(room), room)]
    return digest("\n".join(sorted(lines)).encode())


def _lines(folder: Traversable, name: str) -> list[str]:
    found: list[str] = []
    for item in folder.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            found += _lines(item, path)
        elif item.name.endswith((".py", ".toml")):
            found.append(f"{path} {digest(item.read_bytes()).hex()}")
    return found
