"""Generating text: the asynchronous machine, its figures, and the filter that finds the code."""
