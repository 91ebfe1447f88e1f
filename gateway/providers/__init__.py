"""Providers: pure translators with five verbs (gateway/providers/contract.py). To add a vendor, see vendors.py."""
