"""Events of a run as a person watches them: a bar on a terminal, plain lines elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.events import Event

_SAYS = {
    "listening": "listening for partners at {address}",
    "waiting": "waiting for {partners}",
    "not-connected": "{reason}",
    "authorised": "authorised by {partners}",
    "resumed": "taken up after {done} rounds; authorised earlier by {partners}",
    "refused": "{partner} refused: {reason}",
    "void": "round {round}, attempt {attempt} is void: {why}",
    "missing-noise": "round {round}: the sum holds less noise than its partners said they added",
    "paused": "run {run} is paused: {reason}",
    "closed": "closed by {partners}",
    "released": "released {digest}",
    "measured": "wrote {report}",
}


class ProgressView:
    """Shows events; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> "ProgressView":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        name = str(event["event"])
        if name == "waiting":
            self._bar.update(self._task, total=_number(event["rounds"]), description="training")
        if name == "round":
            self._bar.advance(self._task)
            self._bar.update(self._task, description=f"{event['query']}")
            if not self._console.is_terminal:
                self._console.print(
                    f"round {event['round']} {event['query']} {event['seconds']} s", highlight=False
                )
            return
        facts = {key: _words(value) for key, value in event.items()}
        facts["why"] = facts.get("missing") or facts.get("fault", "")
        if name in _SAYS:
            self._console.print(_SAYS[name].format(**facts), highlight=False, markup=False)


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "nobody"
    if isinstance(value, dict):
        return ", ".join(f"{key} ({item})" for key, item in value.items())
    return str(value)


def _number(value: object) -> float:
    return float(str(value))
