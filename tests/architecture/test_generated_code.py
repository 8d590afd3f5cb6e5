"""The committed wire code is what the committed .proto files make."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIRE = Path("protocols") / "wire"


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    made_or_compiled = shutil.ignore_patterns("*_pb2*", "__pycache__")
    shutil.copytree(ROOT / WIRE, tmp_path / WIRE, ignore=made_or_compiled)
    protos = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / WIRE).glob("*.proto"))
    assert protos
    outputs = ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")
    flags = [f"--{name}={tmp_path}" for name in outputs]
    scripts = Path(sys.executable).parent  # protoc finds mypy's plugins there
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{tmp_path}", *flags, *protos],
        cwd=tmp_path,
        env={"PATH": f"{scripts}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    for made in (tmp_path / WIRE).glob("*_pb2*"):
        assert made.read_bytes() == (ROOT / WIRE / made.name).read_bytes(), made.name
