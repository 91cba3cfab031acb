"""The hand: two small networks that look at a picture round the pen and draw its lines, at any size."""
