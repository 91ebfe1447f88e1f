"""Credentials that end are replaced before they do, beside requests. Start at refresher.py; each kind of source has a file."""
