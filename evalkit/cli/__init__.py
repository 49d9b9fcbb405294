"""Where people enter: the click group, one file a command, what commands print, and the plugin for pytest."""
