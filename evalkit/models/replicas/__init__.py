"""One local model held by many Ray actors: on the devices of this machine, or on the nodes of a cluster."""
