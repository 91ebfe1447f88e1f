"""Off the hot path: what a policy would have done. No socket, no wall clock; chance comes from a seed."""
