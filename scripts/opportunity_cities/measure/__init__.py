"""Measures how the project holds under load and how fast it is, in a copy of it."""
