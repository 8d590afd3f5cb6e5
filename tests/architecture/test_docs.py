"""The documents keep their word: links lead somewhere, commands exist, examples run."""

import contextlib
import io
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import clients.auditor.cli
import clients.scorer.cli
import clients.scorer.review_cli
from clients.partner.commands import app as partner_app
from protocols.contracts.features import contract_from_table, is_computed
from server.commands import app as server_app
from tests.simulator import CONTRACT

ROOT = Path(__file__).parents[2]
TYPER = {"fedscore-partner": partner_app, "fedscore-server": server_app}
ARGPARSE = {
    "fedscore-audit": clients.auditor.cli.main,
    "fedscore-review": clients.scorer.review_cli.main,
    "fedscore-score": clients.scorer.cli.main,
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# A folder of one machine; a container's or a document's example would be one too.
MACHINE = re.compile(r"(?<![\w.)}\]-])/(?:home|root|work|Users|mnt|data)/\w")


def known_files() -> list[Path]:
    """Return the files that git knows or would add, so that no environment is searched."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    paths = (ROOT / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def documents() -> list[Path]:
    """Return every Markdown file."""
    return [path for path in known_files() if path.suffix == ".md"]


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [body for name, body in found if name == language]


def named(path: Path) -> str:
    """Return a path as a test's name."""
    return path.relative_to(ROOT).as_posix()


def commands_in(path: Path) -> Iterator[list[str]]:
    """Yield the words of each of our commands in a document's console blocks."""
    for block in blocks(path, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and words[0].startswith("fedscore-"):
                yield words


def verbs_in(command: str, words: list[str]) -> list[str]:
    """Return the verbs that a command line begins with, those of a group of commands too."""
    known = typer.main.get_command(TYPER[command]) if command in TYPER else None
    verbs: list[str] = []
    for word in words:
        if word.startswith("-") or (verbs and not hasattr(known, "commands")):
            break
        verbs.append(word)
        known = getattr(known, "commands", {}).get(word)
    return verbs


@cache
def help_of(command: str, *verbs: str) -> str:
    """Return the real help of a command, or of one of its verbs; empty if there is none."""
    words = [*verbs, "--help"]
    if command in TYPER:
        wide = {"COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1"}
        done = CliRunner().invoke(TYPER[command], words, env=wide)
        return done.stdout if done.exit_code == 0 else ""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            ARGPARSE[command](words)
    except SystemExit as end:
        return said.getvalue() if not end.code else ""
    return ""


def unknown_words(words: list[str]) -> list[str]:
    """Return what of a documented command line the real command does not know."""
    command, *rest = words
    if command not in TYPER | ARGPARSE:
        return [command]
    verbs = verbs_in(command, rest) if command != "fedscore-score" else []
    known = help_of(command, *verbs)
    if not known:
        return [" ".join([command, *verbs])]
    options = set(OPTION.findall(known))
    return [word for word in OPTION.findall(" ".join(rest)) if word not in options]


def missing_options(words: list[str]) -> list[str]:
    """Return the options that a documented command line would have to name too."""
    command, *rest = words
    if command not in TYPER:
        return []
    known = typer.main.get_command(TYPER[command])
    for verb in verbs_in(command, rest):
        known = getattr(known, "commands", {}).get(verb)
    needed = [item.opts[0] for item in getattr(known, "params", ()) if item.required]
    return [option for option in needed if option.startswith("--") and option not in rest]


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    targets = [target.split("#")[0] for target in LINK.findall(text) if "://" not in target]
    broken = [item for item in targets if item and not (path.parent / item).exists()]
    assert not broken


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_documented_command_exists_with_its_options(path: Path) -> None:
    unknown = [word for words in commands_in(path) for word in unknown_words(words)]
    missing = [word for words in commands_in(path) for word in missing_options(words)]
    assert (unknown, missing) == ([], [])


def test_the_check_of_commands_can_fail() -> None:
    assert unknown_words(["fedscore-server", "publish"]) == ["fedscore-server publish"]
    assert unknown_words(["fedscore-server", "train", "--fast"]) == ["--fast"]
    assert unknown_words(["fedscore-server", "policy", "sign"]) == ["fedscore-server policy sign"]
    assert unknown_words(["fedscore-server", "policy", "list", "--fast"]) == ["--fast"]
    assert unknown_words(["fedscore-audit", "verify", "log", "--fast"]) == ["--fast"]
    assert unknown_words(["fedscore-score", "a.json", "--fast"]) == ["--fast"]
    assert unknown_words(["fedscore-magic"]) == ["fedscore-magic"]
    assert "--name" in missing_options(["fedscore-partner", "init", "--home", "north"])
    assert missing_options(["fedscore-server", "policy", "approve", "DIGEST"]) == ["--key"]


def test_the_readme_shows_commands_of_every_program() -> None:
    shown = {words[0] for words in commands_in(ROOT / "README.md")}
    assert shown == TYPER.keys() | ARGPARSE.keys()


def test_the_examples_of_the_readme_print_what_they_say() -> None:
    examples = blocks(ROOT / "README.md", "python")
    assert examples
    for example in examples:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(example, "README.md", "exec"), {})
        assert said.getvalue().split() == re.findall(
            r"print\(.*\)  # (\S+)$", example, re.MULTILINE
        )


def test_the_computed_field_of_the_readme_is_one_that_a_contract_takes() -> None:
    (block,) = blocks(ROOT / "README.md", "toml")
    (shown,) = tomllib.loads(block)["fields"]
    table = tomllib.loads(CONTRACT)
    amount = table["fields"][1]
    table["fields"] = [
        amount | {"name": "balance"},
        amount | {"name": "credit_limit", "direction": "falling"},
        amount | shown,
    ]
    *_, computed = contract_from_table(table, where="README").fields
    assert is_computed(computed)


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    naming = []
    for path in known_files():
        with contextlib.suppress(UnicodeDecodeError):
            if MACHINE.search(path.read_text(encoding="utf-8")):
                naming.append(named(path))
    assert not naming


@pytest.mark.parametrize("path", documents(), ids=named)
def test_no_document_is_left_to_be_written(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", path.read_text(encoding="utf-8"))
