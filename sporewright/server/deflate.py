"""Compression of messages (RFC 7692) that is shared: what many are sent is compressed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CTRL_OPCODES, Frame

__all__ = ["SharedDeflateFactory"]

# Shorter messages are sent as they are: their compression costs more than it saves.
LEAST_BYTES = 512
# Messages that are kept compressed: the updates of the last tick, of as many workspaces.
KEPT = 32


class SharedDeflateFactory(ServerPerMessageDeflateFactory):
    """Negotiates compression without a memory of earlier messages: only then do all devices get the same bytes."""

    def __init__(self) -> None:
        # A small window: what a connection needs for it is its memory.
        super().__init__(
            server_no_context_takeover=True,
            server_max_window_bits=12,
            client_max_window_bits=12,
            compress_settings={"memLevel": 5},
        )
        self._compressed: OrderedDict[tuple[int, bytes], Frame] = OrderedDict()

    def process_request_params(
        self, params: Sequence[tuple[str, str | None]], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[tuple[str, str | None]], PerMessageDeflate]:
        """Accept what a device offers, with the compressed messages at hand."""
        answer, accepted = super().process_request_params(params, accepted_extensions)
        return answer, _SharedDeflate(accepted, self._compressed)


class _SharedDeflate(PerMessageDeflate):
    def __init__(self, accepted: PerMessageDeflate, compressed: OrderedDict[tuple[int, bytes], Frame]) -> None:
        super().__init__(
            accepted.remote_no_context_takeover,
            accepted.local_no_context_takeover,
            accepted.remote_max_window_bits,
            accepted.local_max_window_bits,
            accepted.compress_settings,
        )
        self._compressed = compressed

    def encode(self, frame: Frame) -> Frame:
        """A message compressed, or as it is where it is short."""
        if frame.opcode in CTRL_OPCODES or not frame.fin or len(frame.data) < LEAST_BYTES:
            return frame
        key = self.local_max_window_bits, bytes(frame.data)
        found = self._compressed.get(key)
        if found is None:
            found = self._compressed[key] = super().encode(frame)
            if len(self._compressed) > KEPT:
                self._compressed.popitem(last=False)
        return found
