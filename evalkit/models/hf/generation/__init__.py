"""Texts written token by token over slots, many at once."""
