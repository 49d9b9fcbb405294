"""One task on one model: what is asked, in what order, what is written down and what it comes to."""

from evalkit.runs.runner.evaluate import Progress, Silent
from evalkit.runs.runner.forecast import Forecast, forecast
from evalkit.runs.runner.prepare import PreparedTask, Work, prepare
from evalkit.runs.runner.session import begin, continued, execute, new_journal, too_many_failed
from evalkit.runs.runner.settings import Settings
from evalkit.runs.runner.suites import suite_entry

__all__ = [
    "Forecast",
    "PreparedTask",
    "Progress",
    "Settings",
    "Silent",
    "Work",
    "begin",
    "continued",
    "execute",
    "forecast",
    "new_journal",
    "prepare",
    "suite_entry",
    "too_many_failed",
]
