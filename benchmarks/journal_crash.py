"""Does a journal keep every answer that it acknowledged, once, through kill -9 under load?

Each round starts three writers that want the same request ids, kills them with SIGKILL at a
random moment, and looks for anything lost, doubled or changed. With PostgreSQL, every second
round kills the server too, and lets the writers go on when it is back. SIGKILL says nothing
about a power cut: for that the settings of both databases are tested.

    python -m benchmarks.journal_crash --rounds 20
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from server.journal.record import Key
from tests.journals import Place, draft
from tests.postgres import Postgres

WRITERS = 3
PATIENCE_S = 60.0
_LOOK_S = 0.01


@dataclass(frozen=True)
class Outcome:
    """What was found after so many rounds.

    Attributes:
        rounds: How often everybody was killed.
        acknowledged: Answers that some writer was given.
        records: Records in the journal, whose chain verifies.
        lost: Acknowledged answers that are not in the journal, or not as they were given.
        doubled: Keys with more than one record.
        changed: Keys whose retry gets another record.
    """

    rounds: int
    acknowledged: int
    records: int
    lost: int
    doubled: int
    changed: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, and something was tried."""
        return self.acknowledged > 0 and not (self.lost or self.doubled or self.changed)


def trial(place: Place, folder: Path, *, rounds: int, seed: int) -> Outcome:
    """Kill writers so many times, and look at what is left."""
    draw = random.Random(seed)
    place.open().close()
    for number in range(rounds):
        _round(place, folder, draw, number)
    return _examine(place, folder, rounds)


def _round(place: Place, folder: Path, draw: random.Random, number: int) -> None:
    with ExitStack() as stack:
        writers = []
        for index in range(WRITERS):
            output = stack.enter_context((folder / f"{number}-{index}").open("wb"))
            seed = draw.randrange(2**32)
            words = [sys.executable, "-m", "tests.journal_writer", str(place.where), str(seed)]
            writers.append(subprocess.Popen(words, stdout=output))
        stack.callback(_kill, writers)
        _await_growth(folder, number)
        time.sleep(draw.random() * 0.3)
        if place.postgres is not None and number % 2 == 0:
            place.postgres.kill()
            place.postgres.start()
            _await_growth(folder, number)


def _kill(writers: list[subprocess.Popen[bytes]]) -> None:
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    for writer in writers:
        writer.wait()


def _await_growth(folder: Path, number: int) -> None:
    """Wait until every writer was given more answers than now."""
    files = [folder / f"{number}-{index}" for index in range(WRITERS)]
    before, end = [file.stat().st_size for file in files], time.monotonic() + PATIENCE_S
    while not all(f.stat().st_size > size for f, size in zip(files, before, strict=True)):
        if time.monotonic() > end:
            raise RuntimeError(f"a writer got no answer within {PATIENCE_S} s")
        time.sleep(_LOOK_S)


def _examine(place: Place, folder: Path, rounds: int) -> Outcome:
    given = {line for file in folder.iterdir() for line in _lines(file)}
    journal = place.open()
    records = journal.verify()
    keys = sorted({Key("bank", "Decide", request_id) for request_id, _, _ in given})
    found = {
        (record.key.request_id, str(record.position), record.answer_id)
        for start in range(0, len(keys), 500)
        for record in journal.find(keys[start : start + 500]).values()
    }
    retried = [
        record
        for start in range(0, len(keys), 500)
        for record in journal.commit([draft(key.request_id) for key in keys[start : start + 500]])
    ]
    again = {(record.key.request_id, str(record.position), record.answer_id) for record in retried}
    doubled = place.run(
        "SELECT count(*) FROM (SELECT 1 AS one FROM journal_answers "
        "GROUP BY tenant, method, request_id HAVING count(*) > 1) AS doubled"
    )
    changed = len(again - found) + journal.verify() - records
    journal.close()
    lost = len(given - found)
    return Outcome(rounds, len(given), records, lost, int(str(doubled[0][0])), changed)


def _lines(file: Path) -> list[tuple[str, str, str]]:
    whole = file.read_text().rpartition("\n")[0]  # the last line may be torn
    lines = []
    for line in whole.splitlines():
        request_id, position, answer_id = line.split()
        lines.append((request_id, position, answer_id))
    return lines


def main() -> None:
    """Print what was found for each kind of journal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.remove)
        for name in ("sqlite", "postgres"):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "given").mkdir()
            where: Path | str = folder / "journal.sqlite" if name == "sqlite" else postgres.url()
            place = Place(where, None if name == "sqlite" else postgres)
            outcome = trial(place, folder / "given", rounds=options.rounds, seed=options.seed)
            print(json.dumps({"journal": name, **asdict(outcome), "is_sound": outcome.is_sound}))
            if not outcome.is_sound:
                sys.exit(1)


if __name__ == "__main__":
    main()
