"""The actors of a node, one a file; the configuration names them and the guardian creates them by name."""
