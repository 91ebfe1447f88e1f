"""Batches at work: their lines are asked one after the other beside requests, and survive a restart."""
