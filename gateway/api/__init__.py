"""The HTTP side: bytes become a request, an answer becomes bytes. One file per surface; statuses are chosen in errors.py."""
