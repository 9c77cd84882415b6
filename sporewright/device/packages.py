"""Packages that make the engine faster and may be missing: asked for once they help (docs/reference/bridge.md)."""

from __future__ import annotations

from sporewright.core.tensor import Tensor
from sporewright.device.calls import ErrorData
from sporewright.device.events import Effect

__all__ = ["Packages"]


class Packages:
    """numpy for one tensor: a narrow one never asks. A failed load is told, not repeated, and changes nothing."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._asked = False
        self.error: ErrorData | None = None
        """The reason for which it is missing; None if it was not asked for, or is there."""

    def wanted(self) -> list[Effect]:
        """The package to load, now that the tensor is wide enough for it; once."""
        if self._asked or not self._tensor.store.is_waiting:
            return []
        self._asked = True
        return [{"type": "load", "package": "numpy"}]

    def loaded(self) -> None:
        """It can be imported now: the tensor's wide levels take it up, no order changes by it."""
        self.error = None
        self._tensor.store.settle()

    def failed(self, package: str, message: str) -> None:
        """The package could not be loaded: the engine goes on without it."""
        self.error = {"code": "package", "message": f"{package}: {message}"}
