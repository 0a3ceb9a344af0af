"""Tracked ranges of a document: where they are, who wrote what in them, what they were before."""
