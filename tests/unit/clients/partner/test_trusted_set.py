"""The digest of the trusted set changes with every byte, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from clients.partner.trusted_set import code_digest, covered
from protocols.errors import ConfigError

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    for name in covered():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_same_files_have_the_same_digest_wherever_they_are(copy: Path) -> None:
    assert code_digest(copy) == code_digest() == code_digest(ROOT)
    (copy / "elsewhere.py").write_text("")
    assert code_digest(copy) == code_digest()


@pytest.mark.parametrize("name", covered())
def test_one_byte_more_in_any_file_is_another_digest(name: str, copy: Path) -> None:
    raw = (copy / name).read_bytes()
    (copy / name).write_bytes(raw + b"\n")
    assert code_digest(copy) != code_digest()
    (copy / name).write_bytes(raw)


def test_a_missing_file_says_to_install_again(copy: Path) -> None:
    (copy / covered()[0]).unlink()
    with pytest.raises(ConfigError, match="install fedscore again"):
        code_digest(copy)
