import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["tests", "lint", "types", "imports", "wheel"]


def sync(session: nox.Session) -> None:
    """Install what uv.lock names: nox's own `install` would pass it over."""
    session.run_install(
        "uv",
        "sync",
        "--locked",
        "--quiet",
        f"--python={session.virtualenv.location}",
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


@nox.session
def tests(session: nox.Session) -> None:
    """All tests but the slow ones, and the coverage that they must reach."""
    sync(session)
    session.run("coverage", "erase")
    session.run("pytest", "-m", "not slow", "-n", "2", "--cov", "--cov-report=", *session.posargs)
    if not session.posargs:
        session.run("coverage", "report", "--fail-under=95")
        session.run("coverage", "report", "--include=src/aoi/domain/*,*/aoi/domain/*", "--fail-under=100")


@nox.session
def lint(session: nox.Session) -> None:
    sync(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    sync(session)
    session.run("pyright", "--pythonpath", f"{session.virtualenv.bin}/python")


@nox.session
def imports(session: nox.Session) -> None:
    """Dependencies point inward."""
    sync(session)
    session.run("lint-imports")


@nox.session
def wheel(session: nox.Session) -> None:
    """What is built and installed works without the sources."""
    folder = Path(session.create_tmp()).resolve()
    session.run("uv", "build", "--wheel", "--quiet", "--out-dir", str(folder), external=True)
    built = max(folder.glob("aoi-*.whl"), key=lambda path: path.stat().st_mtime)
    requirements = folder / "requirements.txt"
    session.run(
        "uv",
        "export",
        "--locked",
        "--no-dev",
        "--no-emit-project",
        "--quiet",
        "-o",
        str(requirements),
        silent=True,
        external=True,
    )
    session.run_install("uv", "pip", "install", "--quiet", "-r", str(requirements), str(built), "pytest")
    session.chdir(folder)
    session.run("aoi", "--version")
    session.run(
        "pytest",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        "-q",
        str(Path(__file__).parent / "tests" / "wheel"),
        "--rootdir",
        str(folder),
        "-c",
        os.devnull,
    )


@nox.session
def full(session: nox.Session) -> None:
    """All tests, the slow ones too."""
    sync(session)
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session(python=["3.12", "3.13"])
def pythons(session: nox.Session) -> None:
    """The quick tests on newer Pythons, where they are installed."""
    sync(session)
    session.run("pytest", "-m", "not slow", "-n", "2", *session.posargs)
