"""`pins.toml` as data."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wasmbuild.report import BuildError


@dataclass(frozen=True)
class Digest:
    """A hash that a file must have: algorithm of hashlib, hexadecimal digits."""

    algorithm: str
    value: str

    @classmethod
    def from_integrity(cls, text: str) -> Digest:
        """From npm's `sha512-<base64>` form."""
        algorithm, _, encoded = text.partition("-")
        return cls(algorithm, base64.b64decode(encoded).hex())

    def of(self, path: Path) -> Digest:
        """What the file really has."""
        with path.open("rb") as file:
            return Digest(self.algorithm, hashlib.file_digest(file, self.algorithm).hexdigest())


@dataclass(frozen=True)
class WheelPin:
    """One wheel of somebody else that is served beside Pyodide."""

    name: str
    version: str
    file: str
    sha256: str

    @property
    def digest(self) -> Digest:
        """The hash its file must have."""
        return Digest("sha256", self.sha256)


@dataclass(frozen=True)
class CarrierPin:
    """A PyPI package (`name==version`, for a Python) of that size with the wheels as members of a folder."""

    pypi: str
    megabytes: int
    python: str
    folder: str


@dataclass(frozen=True)
class Pins:
    """Versions and hashes of everything that the browser runs and this project did not write."""

    pyodide: str
    python: str
    integrity: Digest
    download: str
    carrier: CarrierPin
    wheels: tuple[WheelPin, ...]


def read_pins(path: Path) -> Pins:
    """Read the pins; BuildError naming the file when it is malformed."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        pyodide = data["pyodide"]
        return Pins(
            pyodide=pyodide["version"],
            python=pyodide["python"],
            integrity=Digest.from_integrity(pyodide["integrity"]),
            download=pyodide["download"],
            carrier=CarrierPin(**data["carrier"]),
            wheels=tuple(WheelPin(name=name, **fields) for name, fields in data["wheels"].items()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BuildError(f"{path}: not a file of pins: {error!r}") from error
