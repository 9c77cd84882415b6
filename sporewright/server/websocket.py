"""The server's end of a WebSocket: uvicorn's own, but a text frame that is no UTF-8 goes to the session as bytes."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["WebSocketProtocol"]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """The session refuses such a frame as any other message that does not decode; uvicorn would log a traceback."""

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message over."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
