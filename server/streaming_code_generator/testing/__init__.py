"""Doubles that stand at the edge: a simulated editor and a loopback model server."""
