"""A decision log's folder: begun once, its key for its owner only, its public half for all."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError
from protocols.ledger.keyfile import create_key
from protocols.ledger.verifier import parse_verifier
from server.receipts.folder import KEY_NAME, PUBLIC_NAME, ReceiptFolder


def test_what_was_begun_can_be_opened(tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path / "receipts")
    log = folder.begin("test/decisions")
    assert folder.log() == log == parse_verifier((folder.path / PUBLIC_NAME).read_text())
    assert folder.key().public_key().public_bytes_raw() == log.key
    assert (folder.path / KEY_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_log_is_begun_once_and_for_ever(tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path)
    log = folder.begin("test/decisions")
    with pytest.raises(ConfigError, match="exists already"):
        folder.begin("test/decisions")
    assert folder.log() == log


def test_a_folder_without_a_log_says_how_to_begin_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="init-receipts"):
        ReceiptFolder(tmp_path / "none").log()
    (tmp_path / PUBLIC_NAME).write_text("no key")
    with pytest.raises(ConfigError, match="no decision log"):
        ReceiptFolder(tmp_path).log()


def test_a_key_of_another_log_or_that_others_can_read_is_refused(tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path)
    folder.begin("test/decisions")
    (tmp_path / KEY_NAME).chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it"):
        folder.key()
    (tmp_path / KEY_NAME).unlink()
    create_key(tmp_path / KEY_NAME)
    with pytest.raises(ConfigError, match="not the key of"):
        folder.key()


def test_where_no_folder_can_be_made_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="no folder can be made"):
        ReceiptFolder(tmp_path / "file" / "receipts").begin("test/decisions")
    (tmp_path / PUBLIC_NAME).mkdir()
    with pytest.raises(ConfigError, match=r"decision-log\.pub: cannot be written"):
        ReceiptFolder(tmp_path).begin("test/decisions")
