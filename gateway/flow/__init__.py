"""Flow: the story of one request, from its decision to its last byte. `answer.py` is the one screen to read first."""
