"""What is installed works: from a wheel, and from a wheel made of the source distribution."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest.importorskip("hatchling")
pytest.importorskip("build")

pytestmark = pytest.mark.slow("builds wheels")


def build(source: Path, out: Path, kind: str) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of the checkout, and the wheel of its source distribution."""
    folder = tmp_path_factory.mktemp("built")
    sdist = build(ROOT, folder / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (unpacked,) = (folder / "source").iterdir()
    return {
        "checkout": build(ROOT, folder / "wheel", "wheel"),
        "sdist": build(unpacked, folder / "wheel-of-sdist", "wheel"),
    }


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_a_wheel_holds_the_packs_and_no_generic_name(wheels: dict[str, Path], origin: str) -> None:
    names = zipfile.ZipFile(wheels[origin]).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"evalkit", "evalkit_harness-0.1.0.dist-info"}
    assert {
        "evalkit/_packs/tasks/mmlu.py",
        "evalkit/_packs/judges/README.md",
        "evalkit/_packs/reports/markdown.py",
        "evalkit/models/tiny/model.safetensors",
        "evalkit/data/toy/multiple_choice.jsonl",
        "evalkit/py.typed",
        "evalkit_harness-0.1.0.dist-info/licenses/LICENSE",
    } <= set(names)


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_an_installed_wheel_runs(wheels: dict[str, Path], origin: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheels[origin]).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import evalkit; print(evalkit.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    assert found.startswith(str(site))
    command = [sys.executable, "-m", "evalkit.cli", "check", "toy_mmlu"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ok      toy_mmlu" in done.stdout


def test_an_editable_install_copies_nothing(tmp_path: Path) -> None:
    """Copies of the packs would go stale, and pytest would take their folders (`html`, `math`) for plugin modules."""
    call = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", call, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (made,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as wheel:
        (link,) = (name for name in wheel.namelist() if ".dist-info/" not in name)
        assert wheel.read(link).decode().strip() == str(ROOT)
