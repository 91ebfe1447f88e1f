"""What tests share: a gateway in a process of its own, and what a client sees of an answer."""
