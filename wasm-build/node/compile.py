"""Compile the Python of an archive inside Pyodide: by the Python that will run it, so that the format is its own."""

import importlib.util
import json
import marshal
import zipfile

UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: identified by a hash of the source, which is not looked at


def main(argument: str) -> str:
    """Copy the archive `source` to `target`, each .py as .pyc, all stored; `place` is what tracebacks name."""
    ask = json.loads(argument)
    with zipfile.ZipFile(f"/host{ask['source']}") as source, zipfile.ZipFile(f"/host{ask['target']}", "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name.endswith(".py"):
                name, data = f"{name}c", compiled(f"{ask['place']}/{name}", data)
            if not name.endswith("/"):
                target.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), data)
    return str(len(target.namelist()))


def compiled(path: str, source: bytes) -> bytes:
    """The bytes of a .pyc that is never checked against a source."""
    code = compile(source, path, "exec", dont_inherit=True)
    code = marshal.loads(marshal.dumps(code))  # the same bytes whatever was interned before
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)
