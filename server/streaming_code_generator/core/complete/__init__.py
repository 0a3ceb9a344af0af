"""What completes a line being typed, as pure machines: windows, stop rules, memory, filters."""
