"""What several tests share: drawings, graphs, shapes, gestures and the truth that they are held to."""
