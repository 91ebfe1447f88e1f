"""Observe: a bus of frozen records, and what listens to it. Nothing that must happen may depend on a listener."""
