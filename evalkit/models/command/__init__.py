"""A program in any language as a model: one JSON line a request on its stdin, one a reply on its stdout.

`docs/how-to/extending.md` describes the lines. `process` keeps the program alive, `model` turns the lines into requests
and replies.
"""
