"""The journal: decisions and outcomes as they happened, in one SQLite file that survives a restart."""
