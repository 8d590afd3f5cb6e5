"""The coordinator's command line: every verb, what it prints, and its exit status."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509

from clients.auditor.cli import main as audit
from clients.auditor.remote import RemoteLog, open_channel
from clients.partner.commands import CARD_NAME
from protocols.contracts.charter import PartnerCard, load_charter_model
from protocols.ledger.keyfile import load_key, write_private
from protocols.ledger.policy import sign_charter_file
from server.commands import run
from server.config import load_settings
from server.federation import open_federation
from tests.simulator import CONTRACT, World, found_world, write_loans

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    trained = found_world(tmp_path_factory.mktemp("commands"), sizes=(30, 20, 20))
    trained.train()
    return trained


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> "Command":
    return Command(monkeypatch)


class Command:
    """Runs ``fedscore-server`` in this process."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(self, *words: object) -> int:
        self._patch.setattr(sys, "argv", ["fedscore-server", *map(str, words)])
        try:
            return run()
        except SystemExit as left:
            return int(left.code or 0)


def _init_words(world: World, home: Path, *, epsilon: str = "4") -> Sequence[object]:
    cards = [word for n in range(3) for word in ("--partner", world.folder / f"p{n}" / CARD_NAME)]
    return (
        *("init", "--federation", "test", "--contract", world.folder / "contract.toml", *cards),
        *("--auditor", world.folder / "auditor" / "auditor-card.json", "--home", home),
        *("--epsilon", epsilon, "--run-epsilon", "2"),
    )


def test_init_makes_a_charter_and_says_what_comes_next(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*_init_words(world, tmp_path / "home")) == 0
    assert (tmp_path / "home" / "charter.toml").exists()
    assert "fedscore-audit sign" in capsys.readouterr().out


@pytest.mark.parametrize("epsilon", ["0", "-1", "51", "nan", "inf"])
def test_init_refuses_an_epsilon_that_is_none(
    epsilon: str,
    command: Command,
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(*_init_words(world, tmp_path / "home", epsilon=epsilon)) == 2
    assert "ConfigError: --epsilon" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("words", [["init"], ["fly"], ["serve"], ["export-log"], ["train", "-x"]])
def test_a_command_line_that_does_not_parse_leaves_with_2(
    words: list[str], command: Command
) -> None:
    assert command(*words) == 2


@pytest.mark.parametrize("verb", ["init", "train", "export-log", "serve", "serve-log", "simulate"])
def test_every_verb_explains_itself(
    verb: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(verb, "--help") == 0
    assert verb in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["train"], ["export-log", "out"], ["serve", "--policies", "p", "--any-caller"], ["serve-log"]],
)
def test_without_settings_nothing_starts(
    words: list[str], command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words, "--config", tmp_path / "server.toml") == 2
    assert "server.toml" in capsys.readouterr().err


def test_a_run_is_new_or_resumed_and_not_both(
    command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    config = world.server / "server.toml"
    assert command("train", "--config", config, "--name", "a", "--resume", "b") == 2
    assert "not both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--name", "mine"], ("mine", True)),
        (["--resume", "mine"], ("mine", False)),
        (["--resume", "mine", "--json"], ("mine", False)),
    ],
)
def test_resume_takes_up_an_old_run_and_name_begins_a_new_one(
    words: list[str],
    expected: tuple[str, bool],
    command: Command,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        "server.runs.operate_run",
        lambda _, run, *, is_new, purpose, abandon, show: seen.append((run, is_new)),
    )
    assert command("train", "--config", world.server / "server.toml", *words) == 0
    assert seen == [expected]


def test_init_passes_noise_mode_cohort_and_lenders_on(
    command: Command, world: World, tmp_path: Path
) -> None:
    words = [*_init_words(world, tmp_path / "home"), "--mode", "distributed"]
    words += ["--minimum-cohort", 3, "--tolerated-colluders", 2, "--most-lenders", 2]
    assert command(*words) == 0
    privacy = load_charter_model(tmp_path / "home" / "charter.toml")[0].privacy
    assert (privacy.mode, privacy.minimum_cohort) == ("distributed", 3)
    assert (privacy.noise_shares, privacy.tolerated_colluders) == (1, 2)
    assert privacy.max_lenders_per_borrower == 2


def test_init_names_the_option_that_does_not_fit(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*_init_words(world, tmp_path / "home"), "--delta", "1e-6") == 2
    said = "fedscore-server: ConfigError: --delta 1e-6: expected a plain decimal between 0 and 1"
    assert capsys.readouterr().err.startswith(said)
    local = ("--mode", "local", "--tolerated-colluders", 1)
    assert command(*_init_words(world, tmp_path / "home"), *local) == 2
    assert "ConfigError: --tolerated-colluders 1: in mode local" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_serve_without_that_release_leaves_with_5(command: Command, world: World) -> None:
    routing = world.server / "routing.toml"
    routing.write_text(f'champion = "{"00" * 32}"\n')
    words = ("--policies", "p", "--any-caller", "--config", world.server / "server.toml")
    assert command("serve", *words) == 5
    routing.unlink()


@pytest.mark.parametrize("given", [(), ("--access", "a"), ("--client-ca", "c")])
def test_serve_without_a_word_on_callers_leaves_with_2(
    given: tuple[str, ...], command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--policies", "p", "--config", world.server / "server.toml")
    assert command("serve", *words, *given) == 2
    assert "needs --access and --client-ca, or --any-caller" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--any-caller", "--access", "a"), "--any-caller excludes --client-ca and --access"),
        (("--any-caller", "--port", "70000"), "port: Input should be less than or equal to 65535"),
    ],
)
def test_settings_that_exclude_one_another_leave_with_2_and_say_which(
    given: tuple[str, ...],
    said: str,
    command: Command,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--policies", "p", "--config", world.server / "server.toml")
    assert command("serve", *words, *given) == 2
    assert said in capsys.readouterr().err


def test_a_caller_s_certificate_is_made_once_by_an_authority_that_stays(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--out", tmp_path / "out", "--authority", tmp_path / "callers")
    assert command("issue-caller", "platform.example", *words) == 0
    assert command("issue-caller", "risk.example", *words) == 0
    assert str(tmp_path / "callers" / "ca.crt") in capsys.readouterr().out
    assert command("issue-caller", "platform.example", *words) == 2  # never overwritten
    assert command("issue-caller", "no host", *words) == 2
    authority = x509.load_pem_x509_certificate((tmp_path / "callers" / "ca.crt").read_bytes())
    for name in ("platform.example", "risk.example"):
        raw = (tmp_path / "out" / f"{name}.crt").read_bytes()
        certificate = x509.load_pem_x509_certificate(raw)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert names.value.get_values_for_type(x509.DNSName) == [name]
        assert (tmp_path / "out" / f"{name}.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "callers" / "ca.key").stat().st_mode & 0o777 == 0o600


def test_an_authority_of_callers_that_is_no_key_is_said_to_be(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "callers"
    folder.mkdir()
    write_private(folder / "ca.key", b"no key")
    words = ("--out", tmp_path / "out", "--authority", folder)
    assert command("issue-caller", "platform.example", *words) == 2
    assert "ca.crt: cannot be read" in capsys.readouterr().err
    (folder / "ca.crt").write_bytes(b"no certificate")
    assert command("issue-caller", "platform.example", *words) == 2
    assert "hold no key or certificate" in capsys.readouterr().err


def test_a_model_card_is_shown_in_either_language(
    command: Command, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    config = world.server / "server.toml"
    assert command("model-card", "--config", config) == 0
    assert capsys.readouterr().out.startswith("# Model card: scorecard ")
    assert command("model-card", "--config", config, "--language", "zh") == 0
    assert capsys.readouterr().out.startswith("# 模型卡")
    assert command("model-card", "--config", config, "--json") == 0
    assert json.loads(capsys.readouterr().out)["format"] == "fedscore-model-card/1"
    assert command("model-card", "--config", config, "--language", "xx") == 2


def test_a_scorecard_is_shown_and_written(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = world.server / "server.toml"
    assert command("scorecard", "--config", config) == 0
    assert capsys.readouterr().out.startswith("scorecard  ")
    assert command("scorecard", "--config", config, "--json") == 0
    shown = capsys.readouterr().out
    assert command("scorecard", "--config", config, "--out", tmp_path / "card.json") == 0
    assert json.loads(shown) == json.loads((tmp_path / "card.json").read_text())
    assert command("scorecard", "--config", config, "--out", tmp_path / "card.pdf") == 2
    assert command("scorecard", "--config", config, "--release", "0" * 64) == 5


def test_an_exported_log_verifies_and_an_altered_one_does_not(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, config = tmp_path / "log", world.server / "server.toml"
    assert command("export-log", folder, "--config", config) == 0
    assert "entries. Check: fedscore-audit verify" in capsys.readouterr().out
    verify = ["verify", str(folder), "--charter", str(world.server / "charter.toml")]
    assert audit(verify) == 0
    (entries,) = (folder / "tile" / "entries" / "000.p").iterdir()
    raw = entries.read_bytes()
    middle = len(raw) // 2
    entries.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])
    assert audit(verify) == 1
    assert audit(["verify", str(tmp_path / "none"), *verify[2:]]) == 2


@pytest.fixture
def simulated(tmp_path: Path) -> list[object]:
    write_loans(tmp_path / "loans.parquet", borrowers=900, seed=1)
    (tmp_path / "contract.toml").write_text(CONTRACT)
    files = ("--data", tmp_path / "loans.parquet", "--contract", tmp_path / "contract.toml")
    return ["simulate", *files, "--partners", 2]


def test_the_next_charter_is_drawn_up_signed_and_adopted(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = found_world(tmp_path / "world", sizes=(30, 20, 20), start=False)
    config, folder = world.server / "server.toml", tmp_path / "next"
    cards = [word for name in ("p0", "p1", "p2") for word in ("--partner", world.card(name))]
    renewal = ("renew", "--config", config, *cards, "--out", folder, "--epsilon", "3")
    assert command(*renewal) == 0
    assert f"then: fedscore-server adopt {folder}" in capsys.readouterr().out
    assert command(*renewal) == 2
    assert "holds files already" in capsys.readouterr().err
    assert command("adopt", folder, "--config", config) == 2
    assert "every party must sign" in capsys.readouterr().err
    for home in ("p0/keys", "p1/keys", "p2/keys", "auditor"):
        sign_charter_file(folder / "charter.toml", load_key(world.folder / home / "identity.pem"))
    assert command("adopt", folder, "--config", config) == 0
    assert "is in force since entry 1." in capsys.readouterr().out
    charter, _ = load_charter_model(world.server / "charter.toml")
    assert (charter.privacy.released_cap_micro, len(charter.succeeds)) == (3_000_000, 1)
    assert world.audit().findings == ()


@pytest.mark.parametrize("broken", ["code", "card", "contract", "epsilon"])
def test_a_charter_that_does_not_fit_is_not_drawn_up(
    broken: str, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = found_world(tmp_path / "world", sizes=(30, 20, 20), start=False)
    config, folder = world.server / "server.toml", tmp_path / "next"
    paths = [world.card(name) for name in ("p0", "p1", "p2")]
    words: list[object] = []
    if broken == "code":
        card = PartnerCard.model_validate_json(paths[0].read_bytes())
        other = card.model_copy(update={"code_digest": "0" * 64})
        paths[0].write_text(other.model_dump_json(exclude_none=True))
    elif broken == "card":
        paths.pop()
    elif broken == "contract":
        (tmp_path / "contract.toml").write_text("schema = 1")
        words = ["--contract", tmp_path / "contract.toml"]
    else:
        words = ["--epsilon", "0"]
    cards = [word for path in paths for word in ("--partner", path)]
    assert command("renew", "--config", config, *cards, "--out", folder, *words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not folder.exists()


def test_simulate_prints_a_table(
    simulated: list[object], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*simulated) == 0
    text = capsys.readouterr().out
    assert "no party sees this" in text
    for row in ("federated, private", "part-1 alone", "part-2 alone", "LightGBM, no privacy"):
        assert row in text


def test_simulate_prints_json_for_programs(
    simulated: list[object], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*simulated, "--json", "--epsilon", "1.5") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epsilon_micro"] == 1_500_000
    assert sum(result["borrowers"].values()) == 900
    assert set(result["alone"]) == {"part-1", "part-2"}
    for estimate in (result["federated"], result["pooled_without_privacy"]):
        assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_simulate_refuses_more_parts_than_borrowers(
    simulated: list[object], command: Command
) -> None:
    assert command(*simulated[:-1], 2000) == 2


def test_the_log_is_shown_without_any_private_key_but_tls(world: World, tmp_path: Path) -> None:
    log = open_federation(load_settings(world.server / "server.toml")).scribe.log
    shown = tmp_path / "shown"
    shutil.copytree(world.server, shown, ignore=shutil.ignore_patterns("keys"))
    words = ["serve-log", "--config", str(shown / "server.toml"), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from server.cli import main; main()", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = json.loads(process.stderr.readline())
        assert said["event"] == "serving"
        with open_channel(f"127.0.0.1:{said['port']}", ca=shown / "ca.crt") as channel:
            assert RemoteLog(channel).fetch() == (log.note, list(log.leaves()))
        process.terminate()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.communicate()
