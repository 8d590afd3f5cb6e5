"""Score a folder of files: find what is left to do, have it done, write down what was done."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.artifacts import Release
from protocols.errors import ConfigError, UnreadableDataError
from protocols.lock import only_process
from server.batch.engines import Engine
from server.batch.manifest import Manifest
from server.batch.output import PART_SUFFIX
from server.batch.sources import Source, check_columns, find_sources
from server.batch.work import Done, Failed, Job, Outcome, Scorer


class View(Protocol):
    """Shows progress."""

    def advance(self, rows: int) -> None: ...
    def show(self, outcome: Outcome) -> None: ...


MakeView = Callable[[int], AbstractContextManager[View]]  # of so many files


@dataclass(frozen=True)
class Summary:
    """What became of all files.

    Attributes:
        release: Digest of the release, hex.
        files, rows: Scored now.
        done_before: Files that had been scored already.
        failed: Why each of the others could not be, by name.
    """

    release: str
    files: int
    rows: int
    done_before: int
    failed: tuple[str, ...]


def scorer_of(release: Release, *, has_reasons: bool) -> Scorer:
    """Return what scoring files needs of a release."""
    contract = release.scorecard.contract
    return Scorer(
        evaluator=release.evaluator,
        borrower_id=contract.borrower_id,
        reason_codes=tuple(field.reason_code for field in contract.fields),
        release=release.digest.hex(),
        has_reasons=has_reasons,
    )


def score_files(
    given: Path, folder: Path, scorer: Scorer, *, engine: Engine, make_view: MakeView
) -> Summary:
    """Score a file, or all files in a folder, into files of the same names in another folder.

    What is finished is never done again: the same call goes on where another ended, however it
    ended, and leaves what one call would have left.

    Args:
        given: The file or folder.
        folder: Where scores go; made if it is absent.
        scorer: The release.
        engine: Who does it.
        make_view: Makes what shows progress.

    Raises:
        ConfigError: There is nothing to score, or the folder is of another release.
        MissingColumnError: A file lacks a column; nothing was scored.
    """
    sources = find_sources(given)
    _check_apart(given, folder)
    with only_process(folder, "scores"):
        manifest = Manifest(folder)
        manifest.check(scorer)
        _remove_parts(folder)
        left = [source for source in sources if not manifest.holds(source)]
        readable, outcomes = _checked(left, scorer)
        jobs = [Job(source, folder.absolute() / source.target) for source in readable]
        with make_view(len(left)) as view:
            for failed in outcomes:
                view.show(failed)
            for outcome in engine(jobs, scorer, advance=view.advance):
                if isinstance(outcome, Done):
                    manifest.add(outcome, scorer)
                view.show(outcome)
                outcomes.append(outcome)
    return _summary(outcomes, scorer, done_before=len(sources) - len(left))


def _checked(sources: Sequence[Source], scorer: Scorer) -> tuple[list[Source], list[Outcome]]:
    """Return the files that can be opened, and what is wrong with the others."""
    readable: list[Source] = []
    outcomes: list[Outcome] = []
    for source in sources:
        try:
            check_columns(source, scorer.names)
            readable.append(source)
        except UnreadableDataError as err:
            outcomes.append(Failed(source, str(err)))
    return readable, outcomes


def _check_apart(given: Path, folder: Path) -> None:
    source = given.resolve() if given.is_dir() else given.resolve().parent
    target = folder.resolve()
    is_inside = given.is_dir() and target.is_relative_to(source)
    if is_inside or target == source or source.is_relative_to(target):
        raise ConfigError(f"{folder.name}: scores need a folder apart from what is scored")


def _remove_parts(folder: Path) -> None:
    """Remove what a process that was killed had begun to write."""
    for path in folder.rglob(f".*{PART_SUFFIX}"):
        path.unlink()


def _summary(outcomes: Sequence[Outcome], scorer: Scorer, *, done_before: int) -> Summary:
    done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    failed = [outcome.reason for outcome in outcomes if isinstance(outcome, Failed)]
    rows = sum(outcome.rows for outcome in done)
    return Summary(scorer.release, len(done), rows, done_before, tuple(sorted(failed)))
