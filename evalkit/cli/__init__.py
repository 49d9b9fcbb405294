"""Where people enter: the click group, one file a command, what commands print, and the plugin for pytest.

What a command does once its words are understood stands in the rooms before this one.
"""
