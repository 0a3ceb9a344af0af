"""Two writers, one document: pure text machinery, without input or output."""
