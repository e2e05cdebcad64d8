"""The reference systems: their protocols, their published figures, their historical metrics."""
