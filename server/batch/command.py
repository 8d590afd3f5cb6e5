"""``fedscore-server score-file``: parse, score, say what was done."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from protocols.contracts.charter import load_charter_model
from protocols.errors import UnreadableDataError
from server.config import load_settings

_LATEST = "latest"


def score_file(  # noqa: PLR0913, PLR0917  # one option each; typer makes a command of them
    src: Annotated[Path, typer.Argument(help="A .parquet or .csv file, or a folder of them.")],
    dst: Annotated[Path, typer.Argument(help="Folder for the scores.")],
    config: Annotated[Path, typer.Option(help="The coordinator's settings.")] = Path("server.toml"),
    release: Annotated[str, typer.Option(help="Digest, or latest.")] = _LATEST,
    reasons: Annotated[bool, typer.Option("--reasons", help="Write reason codes too.")] = False,
    engine: Annotated[str, typer.Option(help="local, dask or ray.")] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Files at once; one for two cores by default.", min=1)
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="A running Dask scheduler or Ray cluster.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Score files of borrowers; the same command again does only what is missing."""
    from rich.console import Console  # here: other commands need none of these

    from server.batch.engines import find_engine
    from server.batch.run import score_files, scorer_of
    from server.batch.view import ScoringView
    from server.registry import Registry

    # A file is read, scored and written at once, which keeps two cores busy.
    by_default = max(1, len(os.sched_getaffinity(0)) // 2)
    chosen = find_engine(engine, workers=workers or by_default, address=address)
    settings = load_settings(config)
    _, terms = load_charter_model(settings.charter)
    opened = Registry(settings.releases, terms).open(None if release == _LATEST else release)
    console = Console(stderr=True)
    summary = score_files(
        src,
        dst,
        scorer_of(opened, has_reasons=reasons),
        engine=chosen,
        make_view=lambda files: ScoringView(console, files=files),
    )
    before = f"; {summary.done_before} were done before" if summary.done_before else ""
    text = (
        f"Scored {summary.files} files, {summary.rows:,} rows{before}. Release {summary.release}."
    )
    typer.echo(json.dumps(asdict(summary)) if as_json else text)
    if summary.failed:
        raise UnreadableDataError(f"{len(summary.failed)} files not scored")
