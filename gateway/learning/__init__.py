"""Learning: what this process learns of deployments. Synchronous, local, never in a store."""
