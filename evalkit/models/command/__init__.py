"""A program in any language as a model: one JSON line a request on its stdin, one a reply on its stdout.

`docs/extending.md` has the lines. `process` keeps the program alive, `model` makes requests and replies of the lines.
"""
