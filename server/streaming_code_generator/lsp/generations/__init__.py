"""Generations: one, all of them, their queue, their place in a document, and what is reported."""
