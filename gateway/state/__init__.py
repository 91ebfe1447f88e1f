"""State: verbs of the domain that are atomic. In memory here; what outlives the process is the journal's."""
