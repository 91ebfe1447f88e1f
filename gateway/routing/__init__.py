"""Routing: a policy document is compiled to a plan, and a plan decides. Pure: time and chance come in as values."""
