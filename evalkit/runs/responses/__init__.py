"""Responses that were made elsewhere, scored as a task's: read from files, matched to samples, run like any other.

`rows` makes responses of what files hold, `shapes` knows the forms of other programs, `matching` finds each response's
sample, `scored` makes the task whose method hands them over.
"""
