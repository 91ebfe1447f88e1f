"""Surfaces: what applications call. One file per surface: bytes become a request, a reply becomes bytes."""
