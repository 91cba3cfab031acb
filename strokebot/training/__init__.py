"""Training and measuring of the gesture network: data, losses, evaluation, clustering."""
