"""Text without any meaning: lines and positions, the copy of a document, differences."""
