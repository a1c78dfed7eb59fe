"""Measurements behind the project's claims, one program a claim."""
