import os

import pytest

from intarsia.tracking.mlflow_service import _SETTINGS


@pytest.fixture(scope="package", autouse=True)
def quiet_environment():
    """What a tracker sets for its process ends with these tests; a user's own is not read."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("MLFLOW_")]:
            patch.delenv(name)
        for name, value in _SETTINGS.items():
            patch.setenv(name, value)
        yield
