"""Import and use, in a built runtime, everything that a page's engine needs: a library cut too far fails here."""

import importlib
import json
import pkgutil
import sys
import traceback

ARCHIVE = "/lib/python314.zip/"


async def main(argument: str) -> str:
    """Gives the files of the standard library that were loaded on the way, as JSON; ImportError when one is missing."""
    ask = json.loads(argument)
    for name in ("pyodide.http", *ask["also"]):
        importlib.import_module(name)
    await importlib.import_module("pyodide_js").loadPackage(["micropip", "numpy"])
    await importlib.import_module("micropip").install(f"emfs:/host{ask['wheel']}")
    numpy = importlib.import_module("numpy")
    if numpy.arange(3.0).sum() != 3.0 or numpy.linalg.solve(numpy.eye(2), numpy.ones(2)).tolist() != [1.0, 1.0]:
        raise ImportError("numpy does not calculate")
    import_all("sporewright")
    resolve_and_fail()
    return json.dumps({"python": sys.version.split()[0], "used": loaded()})


def import_all(package: str) -> None:
    """Import every module of the wheel; only what needs a package that a browser has not may stay away."""
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] in {*sys.stdlib_module_names, package}:
                raise


def resolve_and_fail() -> None:
    """One resolve, and one error printed as Python prints it."""
    from sporewright.core.tensor import Tensor

    tensor = Tensor(["global", "device"])
    writer = tensor.writer("global")
    writer.set_value("global", "", "a", "latency", 2.0)
    writer.set_value("global", "", "b", "latency", 1.0)
    writer.set_weight("global", "", "latency", 1.0)
    if tensor.resolve({}) != ["b", "a"]:
        raise ImportError(f"sporewright resolves to {tensor.resolve({})}")
    try:
        tensor.resolve({"nowhere": "x"})
    except LookupError as error:
        traceback.format_exception(error)


def loaded() -> list[str]:
    """Files below the archive that modules were loaded from, relative to it."""
    origins = [str(getattr(getattr(module, "__spec__", None), "origin", "")) for module in list(sys.modules.values())]
    return sorted(origin.removeprefix(ARCHIVE) for origin in origins if origin.startswith(ARCHIVE))
