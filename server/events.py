"""What happened in a run, one JSON object a line: the ServerApp writes, ``train`` reads."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

Event = dict[str, object]


class EventWriter:
    """Appends events to a file that somebody may be reading."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        if path.exists():  # a run that was killed may have left half a line
            os.truncate(path, _whole_bytes(path.read_bytes()))

    def write(self, name: str, **facts: object) -> None:
        """Write one event; ``facts`` are public and printable as JSON."""
        line = json.dumps({"event": name, "at": round(time.time(), 3), **facts})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class EventReader:
    """Reads events that come after it was made; a half-written line is left for the next time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = _whole_bytes(path.read_bytes()) if path.exists() else 0

    def read(self) -> Iterator[Event]:
        """Yield the events that are new."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            fresh = file.read()
        whole = fresh[: _whole_bytes(fresh)]
        self._position += len(whole)
        for line in whole.splitlines():
            yield json.loads(line)


def _whole_bytes(raw: bytes) -> int:
    return raw.rfind(b"\n") + 1
