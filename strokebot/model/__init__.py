"""The network that draws single characters, as drawing runs it: weights, their card, predictor. No torch."""

from strokebot.model.card import Card, read_card, shipped_weights
from strokebot.model.predictor import Predictor, load_predictor

__all__ = ["Card", "Predictor", "load_predictor", "read_card", "shipped_weights"]
