"""Databases that MLflow opens by itself, without a server."""

from __future__ import annotations

from pathlib import Path

from intarsia.errors import IntarsiaError


def check_database(uri: str) -> None:
    """Opens the database at `uri` once; does nothing where `uri` is no database.

    MLflow tries for 100 s, without a word, to open one that is down or may not be written.

    Raises:
        IntarsiaError: the database's Python driver is missing.
        Exception: SQLAlchemy's or the driver's, where the database cannot be opened.
    """
    from mlflow.store.db.db_types import DATABASE_ENGINES, SQLITE

    engine_name = uri.partition(":")[0].partition("+")[0]
    if engine_name not in DATABASE_ENGINES:
        return
    import sqlalchemy
    from mlflow.store.db.utils import create_sqlalchemy_engine

    if engine_name == SQLITE:
        database = sqlalchemy.engine.make_url(uri).database
        if database:  # as MLflow does
            Path(database).parent.mkdir(parents=True, exist_ok=True)
    try:
        engine = create_sqlalchemy_engine(uri)
    except ImportError as error:
        raise IntarsiaError(
            f"the database's driver cannot be imported: {error}",
            where="MLFLOW_TRACKING_URI",
            hint=f"pip install {error.name}" if error.name else None,
        ) from error
    try:
        engine.connect().close()
    finally:
        engine.dispose()
