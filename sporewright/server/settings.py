"""Everything about a server that an operator may choose: flags over `SPOREWRIGHT_*` environment over these defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sporewright.errors import ConfigError
from sporewright.wire import Limits

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """The settings of one server; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="SPOREWRIGHT_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)
    database: str = "sqlite:///sporewright.db"
    config: Path | None = None
    """A tensor as data (C1): what the operator declares, under everything that is derived."""
    dist: Path | None = None
    """The built page; served at `/` and `/sporewright/` when it is there."""

    secret: SecretStr | None = None
    """The secret that signs tokens, at least 32 bytes; without it a key file beside the database is made."""
    keys: Path | None = None
    """The file of further keys and revocations; without it, one beside the database."""
    origins: str = ""
    """The pages whose sockets are accepted, as `https://host`, parted by commas; without any, every page's."""
    token_ttl_s: float = Field(default=30 * 86400.0, gt=0)

    tick_s: float = Field(default=2.0, gt=0)
    lease_s: float = Field(default=3600.0, gt=0)
    quorum: int = Field(default=2, ge=1)
    """The holders (for global: workspaces and holders) that must attest a capability before it rolls up (U5)."""
    horizon: int = Field(default=10_000, ge=1)
    """For how many revisions a tombstone is kept; a device further behind gets a snapshot."""

    message_bytes: int = Field(default=1 << 20, ge=4096)
    message_cells: int = Field(default=4096, ge=1)
    slice_cells: int = Field(default=20_000, ge=1)
    """The number of cells that one device may keep on the server."""
    device_clients: int = Field(default=16, ge=1)
    """The engine states of one device that are remembered, and its sessions at once."""
    workspace_options: int = Field(default=20_000, ge=1)
    """The options that the devices of one workspace may name, besides the operator's."""
    workspace_pairs: int = Field(default=50_000, ge=1)
    """Pairs of option and dimension, whose results every device of the workspace is sent."""
    workspace_cells: int = Field(default=2_000_000, ge=1)
    coordinate_bytes: int = Field(default=1024, ge=64, le=2048)
    """The names of one cell together, UTF-8; PostgreSQL indexes keys up to 2.7 kB."""
    hello_timeout_s: float = Field(default=10.0, gt=0)
    send_timeout_s: float = Field(default=20.0, gt=0)
    """A device that takes no byte for this long is cut off; it comes back with `resume`."""
    message_timeout_s: float = Field(default=30.0, gt=0)
    """A message that has begun ends within this time."""
    connections: int = Field(default=10_000, ge=1)
    holder_connections: int = Field(default=2000, ge=1)
    """Sessions of one holder in one workspace."""
    newcomers: int = Field(default=1000, ge=1)
    """Connections that have not greeted; over it, the one that has waited longest is cut off."""
    device_messages_s: float = Field(default=100.0, gt=0)
    """Messages a second of one device, all its sessions together; what comes faster is read later."""
    device_bytes_s: float = Field(default=float(1 << 20), gt=0)
    holder_messages_s: float = Field(default=2000.0, gt=0)
    """The same for all devices of one holder in one workspace."""

    @model_validator(mode="after")
    def _refusals_fit(self) -> Settings:
        if self.message_cells * 128 > self.message_bytes:
            raise ValueError(f"message_bytes: {self.message_bytes} cannot hold {self.message_cells} refusals")
        return self

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins, as browsers write them."""
        return frozenset(each.strip().rstrip("/").lower() for each in self.origins.split(",") if each.strip())

    @property
    def limits(self) -> Limits:
        """The limits of one message."""
        return Limits(self.message_bytes, self.message_cells)


def load_settings(**flags: Any) -> Settings:
    """Settings from the given flags (None: not given) and the environment; ConfigError names each bad one."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as why:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in why.errors())
        raise ConfigError(f"settings: {problems}") from None
