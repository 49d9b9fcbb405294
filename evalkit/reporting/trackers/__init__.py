"""Runs sent to experiment trackers: what a run says in their terms, and one file for each tracker."""

from evalkit.reporting.trackers.content import Content, content

__all__ = ["Content", "content"]
