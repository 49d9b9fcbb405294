"""Models behind an HTTP interface: one pooled client, one small file a wire format."""
