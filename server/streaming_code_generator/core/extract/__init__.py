"""The output filter: any chunking of a response in; code, explanation and reasoning out."""
