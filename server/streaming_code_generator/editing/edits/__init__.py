"""Edits of a document: made, recognised in what a client reports, refused, misplaced, undone."""
