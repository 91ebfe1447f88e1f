"""The strategies of other gateways, as `gateway lab` plays them beside policies."""
