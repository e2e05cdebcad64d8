"""The methods paragraph of a comparison with its references."""

from __future__ import annotations

from intarsia.reporting.methods.document import methods_text, write_methods

__all__ = ["methods_text", "write_methods"]
