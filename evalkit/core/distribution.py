"""The distribution that evalkit is installed from: its name, its version, and how to add one of its extras.

The import package and the command are called `evalkit`; the distribution cannot be, since another project on PyPI
has that name.
"""

from __future__ import annotations

NAME = "evalkit-harness"


def version() -> str:
    """The installed version, or "unknown" for a checkout that was never installed."""
    return installed(NAME) or "unknown"


def installed(name: str) -> str:
    """The version of an installed distribution; empty where there is none."""
    import importlib.metadata  # 10 ms, which most commands need not spend

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def pip_install(extra: str) -> str:
    """The command that adds an extra of evalkit.

    pip finds evalkit itself in the environment and takes only the extra's packages from an index.
    """
    return f"pip install '{NAME}[{extra}]'"
