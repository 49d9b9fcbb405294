"""One data set that is on the hub under several names."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import DataOptions, OpenedSource
from evalkit.data import mirror
from evalkit.data.remote import HubSource


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The same split under several ids: the first that the local mirror has, else the first one from the hub."""

    sources: tuple[HubSource, ...]

    def open(self, options: DataOptions) -> OpenedSource:
        """Raises UsageError as the chosen source does."""
        if options.mirror is not None:
            for source in self.sources:
                if mirror.look_up(options.mirror, source.id, source.config, source.split) is not None:
                    return source.open(options)
        return self.sources[0].open(options)
