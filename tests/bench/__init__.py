"""Measures what a stream costs on its way into a document, side by side with the bare SDK."""
