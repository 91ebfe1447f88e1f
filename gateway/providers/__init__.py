"""Providers: pure translators with four verbs (gateway/providers/contract.py). To add a vendor, see vendors.py."""
