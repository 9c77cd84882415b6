"""The operator's declarations: the server's config, its cells on the shared levels, what it opens between tenants."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sporewright import jsontext
from sporewright.core.config import TensorConfig
from sporewright.errors import ConfigError
from sporewright.learning.settings import DEFAULTS, settings_from
from sporewright.policy.cascade import chains_from
from sporewright.pools import pools_from
from sporewright.server.broadcast import FRAME_BYTES
from sporewright.server.cells import Coordinate, Layers, Stated, entry_of, shown
from sporewright.server.holder_votes import Opened
from sporewright.wire import Limits, entry_bytes
from sporewright.zones import is_zone

__all__ = ["LEVELS", "Declared", "config_of", "declared_by", "read_config"]

LEVELS = ("global", "workspace", "device")


@dataclass(frozen=True)
class Declared:
    """Without a config: the three levels, no cells, nothing opened."""

    levels: tuple[str, ...] = LEVELS
    cells: Stated = field(default_factory=dict)
    """On the shared levels."""
    opened: Opened = field(default_factory=Opened)
    support: float = DEFAULTS.support
    """The number of holders that a device asks for before it lays a value (`learning.support`)."""

    def options_of(self, workspace: str) -> frozenset[str]:
        """The options that the operator declares for a workspace."""
        return frozenset(at[2] for at in self.cells if at[0] == "global" or at[1] in ("", workspace))

    def shown_to(self, workspace: str) -> Stated:
        """The cells that a workspace reads: the global ones and its own, no other's."""
        return {at: layers for at, layers in self.cells.items() if at[0] == "global" or at[1] in ("", workspace)}


def read_config(file: Path | None, limits: Limits) -> Declared:
    """The operator's config; ConfigError when it cannot be read or cannot work, DecodeError that says where."""
    if file is None:
        return Declared()
    try:
        text = file.read_bytes()
    except OSError as why:
        raise ConfigError(f"config {file}: {why.strerror}") from None
    return config_of(text, limits)


def config_of(text: str | bytes, limits: Limits) -> Declared:
    """The declarations of a config's text, if every cell of it fits a message; errors as `read_config`'s."""
    data = jsontext.parse(text, "config")
    config = TensorConfig.from_dict(data)
    if config.levels[:3] != LEVELS:
        named = jsontext.shown(list(config.levels))
        raise ConfigError(f"config.levels: a server needs {' ≺ '.join(LEVELS)} first, not {named}")
    for cell in config.build().cells():
        _check_fits((cell.level, cell.instance, cell.option, cell.dimension), Layers(cell.value, cell.weight), limits)
    pools_from(data.get("pools"), config.declared_order(), is_zone=is_zone)
    chains_from(data)
    return declared_by(config, settings_from(data.get("learning")).support)


def _check_fits(at: Coordinate, layers: Layers, limits: Limits) -> None:
    """ConfigError for a cell that no message can carry."""
    try:
        size = entry_bytes(entry_of(at, layers)) + FRAME_BYTES
    except UnicodeEncodeError:
        raise ConfigError(f"config: the cell {shown(at)[:200]} has half a surrogate pair in its name") from None
    if size > limits.message_bytes:
        raise ConfigError(
            f"config: the cell {shown(at)[:200]} takes {size} bytes, a message holds {limits.message_bytes}"
        )


def declared_by(config: TensorConfig, support: float = DEFAULTS.support) -> Declared:
    """The declarations of a config; without the priors, which published would pass for facts (D4)."""
    shared = config.levels[:2]
    cells = {
        (cell.level, cell.instance, cell.option, cell.dimension): Layers(cell.value, cell.weight)
        for cell in replace(config, priors={}).build().cells()
        if cell.level in shared
    }
    options = frozenset(option for level, _, option, _ in cells if level == "global" and option)
    return Declared(config.levels, cells, Opened(config.global_rules.dimensions, options, support), support)
