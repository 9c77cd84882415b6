"""sporewright: a self-learning, multi-objective router. The public names; each is owned by the module it comes from."""

from sporewright._version import __version__
from sporewright.core.codec import ApplyReport
from sporewright.core.config import Seed, TensorConfig
from sporewright.core.live import LiveQueue
from sporewright.core.resolve import Dropped, Ranked, Resolution, Term
from sporewright.core.tensor import Cell, Cursor, Tensor
from sporewright.core.writer import Writer
from sporewright.errors import (
    BadValueKindError,
    DecodeError,
    SporewrightError,
    UnknownLevelError,
    WriteUpError,
)
from sporewright.policy.gates import Device, gate_capabilities

__all__ = [
    "ApplyReport",
    "BadValueKindError",
    "Cell",
    "Cursor",
    "DecodeError",
    "Device",
    "Dropped",
    "LiveQueue",
    "Ranked",
    "Resolution",
    "Seed",
    "SporewrightError",
    "Tensor",
    "TensorConfig",
    "Term",
    "UnknownLevelError",
    "WriteUpError",
    "Writer",
    "__version__",
    "gate_capabilities",
]
