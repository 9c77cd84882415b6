"""sporewright: a self-learning, multi-objective router. The public names; each is owned by the module it comes from."""

from typing import TYPE_CHECKING, Any

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
from sporewright.policy.bucket import TokenBucket
from sporewright.policy.budget import Budget
from sporewright.policy.cascade import resolve_chain
from sporewright.policy.decision import Decision
from sporewright.policy.explore import plan_exploration
from sporewright.policy.field import AddressedField
from sporewright.policy.field_writer import FieldWriter
from sporewright.policy.gates import Device, gate_capabilities
from sporewright.policy.normalize import Norm, max_abs_scale
from sporewright.policy.receipt import Receipt
from sporewright.policy.schedule import Churn, next_churn, should_reinvestigate
from sporewright.policy.trust import freshness, next_trust_state, update_pair_trust

if TYPE_CHECKING:
    from sporewright.device.chat import chat
    from sporewright.device.sync_transport import SyncRoutingTransport
    from sporewright.device.transport import RoutingTransport

__all__ = [
    "AddressedField",
    "ApplyReport",
    "BadValueKindError",
    "Budget",
    "Cell",
    "Churn",
    "Cursor",
    "Decision",
    "DecodeError",
    "Device",
    "Dropped",
    "FieldWriter",
    "LiveQueue",
    "Norm",
    "Ranked",
    "Receipt",
    "Resolution",
    "RoutingTransport",
    "Seed",
    "SporewrightError",
    "SyncRoutingTransport",
    "Tensor",
    "TensorConfig",
    "Term",
    "TokenBucket",
    "UnknownLevelError",
    "WriteUpError",
    "Writer",
    "__version__",
    "chat",
    "freshness",
    "gate_capabilities",
    "max_abs_scale",
    "next_churn",
    "next_trust_state",
    "plan_exploration",
    "resolve_chain",
    "should_reinvestigate",
    "update_pair_trust",
]


def __getattr__(name: str) -> Any:
    """A name that needs httpx (the extra `native`), imported when it is asked for."""
    try:
        if name == "chat":
            from sporewright.device.chat import chat

            return chat
        if name == "RoutingTransport":
            from sporewright.device.transport import RoutingTransport

            return RoutingTransport
        if name == "SyncRoutingTransport":
            from sporewright.device.sync_transport import SyncRoutingTransport

            return SyncRoutingTransport
    except ModuleNotFoundError as why:
        if why.name != "httpx":
            raise
        message = f"sporewright.{name} needs httpx: pip install 'sporewright[native]'"
        raise ModuleNotFoundError(message, name=why.name) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
