"""What runs inside the sandbox: these modules import the standard library and each other, nothing else of evalkit.

Their source is sent to a bare interpreter (see `evalkit.sandbox.bundle`), so nothing of evalkit's own files has to be
visible in there.
"""
