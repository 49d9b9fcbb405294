"""Pages served on this machine: a run while it goes, and the index of all runs. One server, loopback alone."""
