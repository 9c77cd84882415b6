"""Dataclasses write their methods as text and compile it at every import: here once, by the Python that will run it."""

import dataclasses
import importlib
import json
import marshal
import sys
import zipfile

CODE = "dataclasses.bin"  # text → code, as `marshal` writes it; read by web/src/worker/python.ts


def main(argument: str) -> str:
    """Copy the archive `source` to `target`, with the code of every dataclass that importing `module` makes."""
    ask = json.loads(argument)
    texts: list[str] = []

    def seen(text: str, *spaces: dict[str, object]) -> None:
        texts.append(text)
        exec(text, *spaces)

    sys.path.insert(0, f"/host{ask['source']}")
    dataclasses.exec = seen  # type: ignore[attr-defined]  # a global of that module goes before the built-in
    try:
        importlib.import_module(ask["module"])
    finally:
        del dataclasses.exec  # type: ignore[attr-defined]
    code = marshal.loads(marshal.dumps({text: compile(text, "<string>", "exec", dont_inherit=True) for text in texts}))
    with zipfile.ZipFile(f"/host{ask['source']}") as source, zipfile.ZipFile(f"/host{ask['target']}", "w") as target:
        for entry in source.infolist():
            target.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), source.read(entry))
        target.writestr(zipfile.ZipInfo(CODE, (2020, 2, 2, 0, 0, 0)), marshal.dumps(code))
    return str(len(texts))
