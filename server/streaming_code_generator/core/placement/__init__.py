"""Where code goes in a document, read off its comments and its indentation."""
