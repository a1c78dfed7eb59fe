"""Measurements behind the project's claims, one program per claim."""
