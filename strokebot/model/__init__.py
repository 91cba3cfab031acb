"""The network that draws single characters: architecture, checkpoint, predictor, shipped weights."""
