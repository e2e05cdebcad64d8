"""What an ONNX file refers to, read from its bytes without the package onnx.

The wire format is that of protocol buffers: protobuf.dev/programming-guides/encoding. The numbers
of the fields are those of onnx.proto (IR version 3 and later).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from intarsia.errors import BundleError

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

# message -> its fields that lead to tensors
_TREE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


def check_self_contained(data: bytes, path: Path) -> None:
    """Raises BundleError where it is no ONNX model, or a tensor lies in another file.

    A runtime would open that file wherever its path leads, on the machine that predicts.
    """
    view = memoryview(data)
    waiting = [("model", 0, len(data))]
    graphs = 0
    try:
        while waiting:
            kind, start, end = waiting.pop()
            graphs += kind == "graph"
            for field, wire, low, high in _fields(view, start, end):
                if kind == "tensor" and field in (_EXTERNAL_DATA, _DATA_LOCATION):
                    if field == _DATA_LOCATION and low == 0:
                        continue  # said to be inside
                    raise BundleError(
                        "the network keeps weights in another file",
                        where=path,
                        expected="one that holds all of its weights",
                    )
                inner = _TREE[kind].get(field)
                if inner is not None and wire == _BYTES:
                    waiting.append((inner, low, high))
    except (IndexError, ValueError) as error:
        raise BundleError("the network in it is no ONNX model", where=path) from error
    if not graphs:
        raise BundleError("the network in it is no ONNX model", where=path)


def _fields(view: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, and the bytes (first, after the last) of each field; a varint's value."""
    at = start
    while at < end:
        key, at = _varint(view, at, end)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(view, at, end)
            yield field, wire, value, value
            continue
        if wire == _BYTES:
            length, at = _varint(view, at, end)
        elif wire in (_EIGHT, _FOUR):
            length = 8 if wire == _EIGHT else 4
        else:
            raise ValueError(f"wire type {wire}")
        if field == 0 or at + length > end:
            raise ValueError("a field outside its message")
        yield field, wire, at, at + length
        at += length


def _varint(view: memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number without an end")
