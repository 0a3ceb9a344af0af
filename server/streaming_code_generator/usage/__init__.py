"""What was generated and for how much: one row an attempt, in the user's data folder."""
