"""State that outlives the process: the directory that it is kept in, and the policy's revisions."""
