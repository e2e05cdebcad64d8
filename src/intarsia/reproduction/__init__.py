"""The reference systems: their protocols, their published figures, their historical metrics."""

from intarsia.reproduction.protocol import SYSTEMS, find_system, reproduce

__all__ = ["SYSTEMS", "find_system", "reproduce"]
