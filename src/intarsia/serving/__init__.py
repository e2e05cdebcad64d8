"""The HTTP service and its pages: one model behind one bounded queue."""

from intarsia.serving.application import build_application
from intarsia.serving.limits import Limits
from intarsia.serving.server import serve
from intarsia.serving.service import Service

__all__ = ["Limits", "Service", "build_application", "serve"]
