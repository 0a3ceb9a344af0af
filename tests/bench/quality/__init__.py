"""Measures how good the code is that a model brings into a document: it is executed."""
