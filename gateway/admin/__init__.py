"""What operators and machines ask: decisions, deployments, policies, health, metrics."""
