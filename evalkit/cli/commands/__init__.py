"""One file a command; each offers `command`, and what several of them print lies in `output.py`."""
