"""Providers: pure translators with five verbs (gateway/dialects/contract.py). To add a vendor, see docs/contributing.md."""
