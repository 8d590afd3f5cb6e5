"""One file of borrowers becomes one file of scores: read, scored and written at the same time."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from model.evaluator import Evaluator
from model.field_tables import CategoricalTable
from protocols.errors import DataError
from server.batch.columns import inputs_of
from server.batch.output import RELEASE_KEY, ScoreFile
from server.batch.sources import Source, read_parts, read_schema
from server.decisions.reasons import MOST_REASONS, ROUNDING

Advance = Callable[[int], None]  # so many rows more are scored


@dataclass(frozen=True)
class Scorer:
    """All that scoring files needs of a release; small, and passed to other processes.

    Attributes:
        evaluator: Answers.
        borrower_id: Column of borrowers' names, the only one that is copied.
        reason_codes: Of each field of the contract, in its order.
        release: The release's digest, hex.
        has_reasons: Whether reason codes are written too.
    """

    evaluator: Evaluator
    borrower_id: str
    reason_codes: tuple[str, ...]
    release: str
    has_reasons: bool

    @property
    def names(self) -> list[str]:
        """Columns that a file must have."""
        return [self.borrower_id, *(field.name for field in self.evaluator.contract.inputs)]

    @property
    def listed(self) -> list[str]:
        """Those of them that hold levels."""
        tables = self.evaluator.tables
        return [table.name for table in tables if isinstance(table, CategoricalTable)]


@dataclass(frozen=True)
class Job:
    """A file to score, and where its scores go."""

    source: Source
    target: Path


@dataclass(frozen=True)
class Done:
    """A file that was scored; ``manifest`` writes it down."""

    source: Source
    rows: int
    size: int
    digest: str


@dataclass(frozen=True)
class Failed:
    """A file that cannot be scored, and why."""

    source: Source
    reason: str


Outcome = Done | Failed


def attempt(
    job: Job, scorer: Scorer, *, is_alone: bool = False, advance: Advance = lambda rows: None
) -> Outcome:
    """Score a file as ``score_file``, and return rather than raise what is wrong with the file."""
    try:
        return score_file(job, scorer, is_alone=is_alone, advance=advance)
    except DataError as err:
        return Failed(job.source, str(err))


def score_file(job: Job, scorer: Scorer, *, is_alone: bool, advance: Advance) -> Done:
    """Score a file; its scores are in their place, whole, when this returns, or not at all.

    Args:
        job: The file and its target.
        scorer: The release.
        is_alone: Whether no other file is scored meanwhile, so that all cores may decode this.
        advance: Told of every part that is scored.

    Raises:
        MissingColumnError, UnreadableDataError: The file is not as it must be; names it.
        ConfigError: The scores cannot be written.
    """
    schema = scores_schema(read_schema(job.source, scorer.names), scorer)
    rows = 0
    reader = read_parts(job.source, scorer.names, listed=scorer.listed, is_alone=is_alone)
    with ScoreFile(job.target, schema) as out, closing(_ahead(reader)) as parts:
        for part in parts:
            out.write(scores_of(part, scorer, schema))
            rows += len(part)
            advance(len(part))
        job.source.check_unchanged()
        written = out.finish()
    return Done(job.source, rows, written.size, written.digest)


def scores_schema(schema: Any, scorer: Scorer) -> Any:
    """Return the columns of a file of scores, for a source with this schema; Arrow is untyped."""
    borrower = schema.field(scorer.borrower_id).type
    reasons = pa.dictionary(pa.int16(), pa.string())
    fields = [
        # Not float32: limits are decided on it, and serving states it, to the last bit.
        (scorer.borrower_id, borrower.value_type if _is_dictionary(borrower) else borrower),
        ("p_default", pa.float64()),
        ("points", pa.int32()),
        *((name, reasons) for name in _reason_names(scorer)),
    ]
    return pa.schema(fields, metadata={RELEASE_KEY: scorer.release})


def scores_of(batch: Any, scorer: Scorer, schema: Any) -> Any:
    """Return the scores of a record batch's rows, as a record batch; Any: Arrow is untyped."""
    answers = scorer.evaluator.answer_columns(
        inputs_of(batch, scorer.evaluator), with_lost=scorer.has_reasons
    )
    borrowers = batch.column(scorer.borrower_id)
    columns = [
        borrowers.dictionary_decode() if _is_dictionary(borrowers.type) else borrowers,
        answers.p_default,
        answers.points.astype(np.int32),  # fits: model.parity sees to it
        *(reason_columns(answers.points_lost, scorer) if scorer.has_reasons else ()),
    ]
    return pa.record_batch(columns, schema=schema)


def reason_columns(lost: npt.NDArray[np.float64], scorer: Scorer) -> Iterator[Any]:
    """Yield the codes of what cost most points, second most and so on, as Arrow dictionaries.

    As ``server.decisions.reasons``: most points first, equals in contract order, nothing that
    cost no point. Overwrites ``lost``.
    """
    codes = list(dict.fromkeys(scorer.reason_codes))
    code_of = np.array([codes.index(code) for code in scorer.reason_codes], dtype=np.int16)
    rows = np.arange(len(lost))
    for _ in range(len(_reason_names(scorer))):
        worst = lost.argmax(axis=1)  # the first of equals
        places = pa.array(code_of[worst], mask=~(lost[rows, worst] > ROUNDING))
        yield pa.DictionaryArray.from_arrays(places, pa.array(codes, pa.string()))
        lost[rows, worst] = -np.inf


def _reason_names(scorer: Scorer) -> list[str]:
    most = min(MOST_REASONS, len(scorer.reason_codes)) if scorer.has_reasons else 0
    return [f"reason_{number}" for number in range(1, most + 1)]


def _is_dictionary(kind: Any) -> bool:
    return bool(pa.types.is_dictionary(kind))


def _ahead(items: Iterator[Any]) -> Generator[Any, None, None]:
    """Yield items, each made by another thread while the caller works on the one before."""
    nothing = object()
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(next, items, nothing)
        while (item := made.result()) is not nothing:
            made = thread.submit(next, items, nothing)
            yield item
