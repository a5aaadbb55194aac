"""Imagined experience: phantom paths, and the same worlds dressed as Gymnasium vector environments."""

from plasma_trainer.imagination.phantoms import Phantoms, Sample, Starts, simulate, worst_return

__all__ = ["Phantoms", "Sample", "Starts", "simulate", "worst_return"]
