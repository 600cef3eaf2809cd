"""Running a model over questions, and what may be said of the answers."""
