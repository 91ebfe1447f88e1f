"""The documents that the gateway runs with where none are given."""
