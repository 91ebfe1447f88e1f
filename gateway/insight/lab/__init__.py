"""The policy lab: fixed scenarios, played by policies, by the strategies of other gateways and by an oracle."""
