"""The process that serves: its socket, its signals, its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from intarsia.errors import ServiceError
from intarsia.memory import available_memory, keep_freed_memory, peak_memory
from intarsia.serving.application import build_application
from intarsia.serving.bound import memory_bound
from intarsia.serving.connection import Connection
from intarsia.serving.limits import Limits
from intarsia.serving.service import Service
from intarsia.serving.threads import call_aside

if TYPE_CHECKING:
    from intarsia.prediction import Predictor

_BACKLOG = 2048  # connections that wait to be accepted
_FILES = 65_536  # each connection is an open file; 1,024 of them are soon used up
_UNSENT = 1 << 14  # bytes of an answer that lie in the system before they are on their way
_GRACE = 10.0  # seconds beyond the deadline in which clients may fetch their answers

Say = Callable[[str], None]


class Server(uvicorn.Server):
    """uvicorn, which upon SIGTERM or Ctrl-C turns new requests away, ends the others, and returns.

    A second Ctrl-C stops at once.
    """

    def __init__(
        self, config: uvicorn.Config, service: Service, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._service = service
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and only then say so: whoever reads the address may connect."""
        try:
            await super().startup(sockets)
        except OSError as error:  # two may bind to a port, and only one can listen
            raise ServiceError(
                f"cannot listen: {error.strerror or error}", hint="choose another --port"
            ) from error
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # not passed on: a server that was told to stop, and did, has not failed
        self._service.draining = True
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def serve(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    runs: Path | None = None,
    device: str = "auto",
    limits: Limits | None = None,
    say: Say = print,
) -> None:
    """Serve a run or a bundle until the process is told to stop.

    `port` 0 takes a free one; `say` is told the address, the limits and the bound on memory.

    Raises:
        ServiceError: the address is taken.
        RunError, RecipeError, ModelError: the model cannot be used.
    """
    from intarsia.prediction import Predictor

    keep_freed_memory(of_threads=True)

    def load(place: str) -> Predictor:
        return call_aside(lambda: Predictor(place, device=device))

    with bound_socket(host, port) as listener:
        service = Service(
            load(str(path)), path=path, limits=limits or Limits(), runs=runs, load=load
        )
        call_aside(service.warm_up)
        bound = memory_bound(service)
        address = listener.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]

        def announce() -> None:
            say(f"{service.models.own.name}: http://{shown}:{address[1]}")
            say(f"memory: {bound}")
            # of the model and of another one, what has been taken is not to be had any more
            if bound.total > available_memory() + peak_memory():
                say("warning: that is more than there is; lower --queue or --max-pixels")
            say(f"files: {bound.files / 1e6:,.0f} MB at most in {gettempdir()}")
            if bound.files > disk_usage(gettempdir()).free:
                say("warning: that is more than is free there; lower --queue or --max-body")

        _allow_connections()
        Server(configuration(service), service, announce).run(sockets=[listener])
        say("stopped")


def configuration(service: Service) -> uvicorn.Config:
    """How uvicorn runs a service: one process, no log of every request."""
    limits = service.limits
    return uvicorn.Config(
        build_application(service),
        http=Connection,
        loop="asyncio",  # uvloop, where there is one, lets a thousand newcomers wait twice as long
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        backlog=_BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=round(limits.deadline + limits.idle + _GRACE),
    )


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a taken port is known before the model is loaded.

    Raises:
        ServiceError: there is no such address, or somebody else has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                # of each connection: else the system takes megabytes of an answer, asks for more
                # when a third of them are gone, and a slow client seems to take nothing meanwhile
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise ServiceError(
            f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            hint="choose another --port (0 takes a free one), or a --host such as 127.0.0.1, "
            "without http://",
        ) from error
    return listener


def _allow_connections() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
