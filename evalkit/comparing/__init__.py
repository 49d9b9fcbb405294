"""Two runs next to each other: samples paired by id, what was asked otherwise, what flipped, where transcripts part.

Pages of a comparison are `reporting`'s and a report's.
"""

from evalkit.comparing.pairing import PairedTask, names_of, pair_task, pair_tasks
from evalkit.comparing.side import Column, Readable, TaskSide, read_sides

__all__ = ["Column", "PairedTask", "Readable", "TaskSide", "names_of", "pair_task", "pair_tasks", "read_sides"]
