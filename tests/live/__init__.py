"""Tests that need real servers which take minutes to install: `make test-live`."""
