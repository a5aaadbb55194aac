"""Hostile packets, kept for ever. One file an attack: the idea, the damage, the defence; what must refuse it."""
