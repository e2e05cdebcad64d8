"""OpenVINO and NNCF without their reports to Google Analytics."""

from __future__ import annotations

import sys


def forbid_telemetry() -> None:
    """To be called before OpenVINO or NNCF is imported.

    Both send through the package openvino-telemetry, at import already, and go on without it
    where it cannot be imported: so it cannot be, in this process.
    """
    # what `import` takes for "there is no such module" (docs.python.org, sys.modules)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
