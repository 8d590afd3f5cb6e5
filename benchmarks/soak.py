"""Does the server's memory stay flat under a steady load, every call another question?

The whole server (``served.py``) over TLS, with callers that show certificates, one tenant with
limits, a journal in a file, and another person's pseudonym in each question, so that the guard
against asking about one person is as full as it gets. Calls are begun at a fixed rate. Every ten
seconds a line of JSON says how it goes; the last one says whether every call was answered, the
rate was held and memory is flat, and so does the exit status: 0 or 1.

    python -m benchmarks.soak --minutes 10 --calls-a-second 2000

**Flat** is: over the second half, the slope of the server's memory is below four bytes for each
call, and so is the upper end of its 95 % interval; at 2,000 calls a second that is 27 MiB an hour.
Nothing that CPython makes is smaller than 16 bytes, so what every fourth call leaves behind is
seen. The slope is the median of those between all pairs of samples (Theil and Sen), as what leaks
rises everywhere: one step, such as a stalled disk's, in which more calls wait at once than ever
before, is no slope, and shows in the highest sample instead. The slope has to be known so well,
not just not be shown: a run that is too short, or memory too restless, is not flat. The first half
is left out, because caches fill: the guard holds its most, 100,000 people in some 34 MiB, after 90
seconds at that rate.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from scipy.stats import theilslopes

from benchmarks.load import Question
from benchmarks.served import MARK, METHOD, request
from benchmarks.serving import write_tls
from benchmarks.steady import SteadyLoad, Window
from benchmarks.wire import Connection
from server.certificates import issue_client, make_client_authority

MOST_BYTES_A_CALL = 4.0
_HELD = 0.99  # of the calls that were due
_EVERY_S = 10.0
_CONNECTIONS = 8
_CALLER = "platform.example"
_ACCESS = f"""\
schema = 1

[[tenants]]
name = "platform"
names = ["{_CALLER}"]
scopes = ["decide"]
rows_per_second = 1_000_000
burst = 1_000_000
"""


@dataclass(frozen=True)
class Sample:
    """How it goes.

    Attributes:
        at_s: Since the load began.
        written_mib: Memory that the server has written to and holds alone.
        calls: Answered so far.
        refused: Not answered so far.
        p50_us, p99_us: Waits of the calls since the sample before, from when each was due.
        journal_mib: The journal's file and its log.
    """

    at_s: float
    written_mib: float
    calls: int
    refused: int
    p50_us: float
    p99_us: float
    journal_mib: float


@dataclass(frozen=True)
class Verdict:
    """How it went.

    Attributes:
        calls_a_second: Answered.
        slope_mib_an_hour: Of the server's memory, over the second half of the samples.
        low_mib_an_hour, high_mib_an_hour: The 95 % interval of that slope.
        most_mib_an_hour: What the interval has to stay below.
        highest_mib: The largest sample of all.
        is_answered: No call was refused.
        is_held: At least 99 % of the calls that were due were answered.
        is_flat: It does stay below.
    """

    calls_a_second: float
    slope_mib_an_hour: float
    low_mib_an_hour: float
    high_mib_an_hour: float
    most_mib_an_hour: float
    highest_mib: float
    is_answered: bool
    is_held: bool
    is_flat: bool


def main() -> None:
    """Load the server and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--calls-a-second", type=float, default=2_000)
    parser.add_argument("--core", choices=["fast", "public"], default="fast")
    asked = parser.parse_args()
    if asked.minutes < 1:
        parser.error("--minutes must be at least 1: a line through fewer than three points is none")
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        samples_now = soak(
            Path(folder),
            seconds=asked.minutes * 60,
            calls_a_second=asked.calls_a_second,
            core=asked.core,
        )
        for sample in _shown(samples_now, seconds=asked.minutes * 60):
            _print("sample", sample)
            samples.append(sample)
    found = verdict(samples, calls_a_second=asked.calls_a_second)
    _print("verdict", found)
    sys.exit(0 if found.is_answered and found.is_held and found.is_flat else 1)


def soak(
    folder: Path, *, seconds: float, calls_a_second: float, core: str, every_s: float = _EVERY_S
) -> Iterator[Sample]:
    """Yield a sample every so often while a server in ``folder`` is asked so much for so long."""
    question, shown = _world(folder)
    journal = folder / "journal.sqlite"
    with _server(folder, journal, core) as (process, port), ExitStack() as opened:
        connections = [
            Connection(port, question.method, question.authority.decode(), shown=shown)
            for _ in range(_CONNECTIONS)
        ]
        for connection in connections:
            opened.callback(connection.close)
        load = SteadyLoad(connections, question.bodies(), calls_a_second=calls_a_second)
        begun_s, calls, refused = time.perf_counter(), 0, 0
        while (at_s := time.perf_counter() - begun_s) < seconds:
            window = load.run(min(every_s, seconds - at_s))
            calls, refused = calls + len(window.waits_us), refused + window.refused
            yield Sample(
                at_s=time.perf_counter() - begun_s,
                written_mib=written_mib(process.pid),
                calls=calls,
                refused=refused,
                p50_us=_quantile_us(window, 50),
                p99_us=_quantile_us(window, 99),
                journal_mib=sum(path.stat().st_size for path in folder.glob(f"{journal.name}*"))
                / 2**20,
            )


def verdict(samples: Sequence[Sample], *, calls_a_second: float) -> Verdict:
    """Return what samples show of a load of so many calls a second; there are at least six."""
    last, half = samples[-1], samples[len(samples) // 2 :]
    hours, mib = [one.at_s / 3_600 for one in half], [one.written_mib for one in half]
    found = theilslopes(mib, hours, alpha=0.95)
    most = MOST_BYTES_A_CALL * calls_a_second * 3_600 / 2**20
    return Verdict(
        calls_a_second=last.calls / last.at_s,
        slope_mib_an_hour=float(found.slope),
        low_mib_an_hour=float(found.low_slope),
        high_mib_an_hour=float(found.high_slope),
        most_mib_an_hour=most,
        highest_mib=max(one.written_mib for one in samples),
        is_answered=last.refused == 0,
        is_held=last.calls >= _HELD * calls_a_second * last.at_s,
        is_flat=bool(found.high_slope < most),
    )


def written_mib(pid: int) -> float:
    """Return the memory that a process has written to and holds alone, swapped out or not (Linux).

    Pages of libraries that nobody wrote to are left out: they count as private or shared with
    every other process that comes and goes, by 7 MiB here.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    counted = [line.split() for line in lines if line.startswith(("Private_Dirty:", "Swap:"))]
    return sum(int(kib) for _, kib, _ in counted) / 1024


def _world(folder: Path) -> tuple[Question, tuple[Path, Path]]:
    authority = make_client_authority()
    caller = issue_client(_CALLER, authority)
    certificate, key = folder / "caller.crt", folder / "caller.key"
    certificate.write_bytes(caller.certificate)
    key.write_bytes(caller.key)
    (folder / "callers.crt").write_bytes(authority.certificate)
    (folder / "access.toml").write_text(_ACCESS)
    body = request(f"r{MARK}", subject=f"s{MARK}")
    return Question(METHOD, body, write_tls(folder), MARK.encode()), (certificate, key)


@contextmanager
def _server(folder: Path, journal: Path, core: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "benchmarks.served", "--core", core, "--callers"]
    command += ["--journal", str(journal), "--tls", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=20)


def _quantile_us(window: Window, percent: int) -> float:
    if len(window.waits_us) < 2:
        return 0.0
    return statistics.quantiles(window.waits_us, n=100)[percent - 1]


def _shown(samples: Iterator[Sample], *, seconds: float) -> Iterator[Sample]:
    """Pass samples on, and on a terminal show how far it is."""
    console = Console(stderr=True)
    # What is printed goes above the bar if it goes to a terminal, and where it was sent if not.
    bar = Progress(
        console=console, disable=not console.is_terminal, redirect_stdout=sys.stdout.isatty()
    )
    with bar:
        task = bar.add_task("soaking", total=seconds)
        for sample in samples:
            bar.update(task, completed=sample.at_s, description=f"{sample.written_mib:.1f} MiB")
            yield sample


def _print(name: str, facts: Sample | Verdict) -> None:
    rounded = {
        key: round(value, 2) if isinstance(value, float) else value
        for key, value in asdict(facts).items()
    }
    print(json.dumps({"name": name, **rounded}), flush=True)


if __name__ == "__main__":
    main()
