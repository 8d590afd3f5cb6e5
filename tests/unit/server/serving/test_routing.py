"""The routing file: what it may say, that it is written whole; who is in a challenger's share."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server.serving.routing import (
    LATEST,
    Routing,
    is_in_share,
    place_of,
    read_routing,
    routing_from_table,
    write_routing,
)

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_latest_release_is_the_champion(tmp_path: Path) -> None:
    assert read_routing(tmp_path / "routing.toml") == Routing(champion=LATEST)


@pytest.mark.parametrize(
    "routing",
    [
        Routing(champion=LATEST),
        Routing(champion=A, challenger=B, challenger_percent=10),
        Routing(champion=A, challenger=B, challenger_percent=100, shadow=B),
        Routing(champion=LATEST, shadow=C),
    ],
)
def test_what_is_written_is_read_again(routing: Routing, tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    write_routing(path, routing)
    assert read_routing(path) == routing
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'champoin = "{A}"', "champion: Field required"),
        ('champion = "newest"', "champion: String should match"),
        (f'champion = "{A.upper()}"', "champion: String should match"),
        (f'champion = "{A}"\nchallanger = "{B}"', "challanger: Extra inputs"),
        (f'champion = "{A}"\nchallenger = "{LATEST}"', "challenger: String should match"),
        (f'champion = "{A}"\nchallenger_percent = 10', "challenger_percent needs a challenger"),
        (f'champion = "{A}"\nchallenger = "{A}"', "the challenger is the champion already"),
        (f'champion = "{A}"\nchallenger = "{B}"\nchallenger_percent = 101', "less than or equal"),
        (f'champion = "{A}"\nchallenger = "{B}"\nchallenger_percent = -1', "greater than or equal"),
        (f'champion = "{A}"\nchallenger = "{B}"\nchallenger_percent = 9.5', "valid integer"),
        (f'champion = "{A}"\nchallenger = "{B}"\nchallenger_percent = "9"', "valid integer"),
        (f'champion = "{A}', "not TOML"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_by_name(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"routing\.toml: .*{said}|routing\.toml: {said}"):
        read_routing(_text(tmp_path / "routing.toml", text))


def test_a_refusal_repeats_no_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_routing(_text(tmp_path / "routing.toml", 'champion = "hunter2"'))
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_there_but_not_readable_is_no_missing_file(tmp_path: Path) -> None:
    (tmp_path / "routing.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_routing(tmp_path / "routing.toml")
    (tmp_path / "link.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_routing(tmp_path / "link.toml")
    with pytest.raises(ConfigError, match="cannot be read"):  # its folder is a file
        read_routing(_text(tmp_path / "file", "") / "routing.toml")


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    write_routing(path, Routing(champion=A))
    (tmp_path / "routing.toml.new").mkdir()
    with pytest.raises(ConfigError, match=r"routing\.toml: cannot be written"):
        write_routing(path, Routing(champion=B))
    assert read_routing(path).champion == A


def test_a_table_is_refused_under_the_name_it_is_given() -> None:
    with pytest.raises(ConfigError, match=r"^route: champion: "):
        routing_from_table({"champion": "x"}, where="route")


@pytest.mark.parametrize(
    ("subject", "digest", "place"),
    # Computed by hand as SHA-256(tag, digest, subject), its first 64 bits times 10,000 over 2**64.
    [("anna", A, 4866), ("anna", B, 6578), ("Žofie 7", A, 9207)],
)
def test_a_place_is_the_same_for_ever(subject: str, digest: str, place: int) -> None:
    assert place_of(subject, bytes.fromhex(digest)) == place


def test_a_subject_that_is_no_utf8_has_a_place_too() -> None:
    assert 0 <= place_of("\ud800", bytes.fromhex(A)) < 10_000


def test_nobody_is_in_a_share_of_nothing_and_everybody_in_one_of_all() -> None:
    for number in range(1_000):
        assert not is_in_share(f"s{number}", bytes.fromhex(A), percent=0)
        assert is_in_share(f"s{number}", bytes.fromhex(A), percent=100)
