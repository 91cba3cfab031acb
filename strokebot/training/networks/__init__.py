"""The networks in torch: architecture, weights on disk, export to ONNX.

network.py     the gesture network: encoder, head, corrector
article.py     the article's two networks
blocks.py      layers
checkpoint.py  weights on disk, loaded strictly
predictor.py   a network as numpy sees it
export.py      the same network as ONNX, for drawing
"""

from strokebot.training.networks.checkpoint import build_network, load_network, save_weights
from strokebot.training.networks.network import GestureNetwork, NetworkConfig
from strokebot.training.networks.predictor import TorchPredictor, load_torch_predictor

__all__ = [
    "GestureNetwork",
    "NetworkConfig",
    "TorchPredictor",
    "build_network",
    "load_network",
    "load_torch_predictor",
    "save_weights",
]
