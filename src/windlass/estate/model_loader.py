"""botocore's service models, read once per process: parsed by orjson, without documentation.

botocore's own loader examines the folders of all services before it loads a model of one, for each kind of model: that
takes longer than to load it. Documentation is two thirds of a model's memory, and nothing here reads it.
"""

from __future__ import annotations

import functools
import gzip
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import JSONFileLoader, Loader

__all__ = ["ModelLoader", "shared_loader"]

_SUFFIXES = (".json", ".json.gz")


class ModelLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """A loader of botocore that keeps what it loads. Thread-safe: at worst, two threads load the same."""

    def __init__(self) -> None:
        super().__init__(file_loader=_FileLoader())

    def list_available_services(self, type_name: str) -> list[str]:
        """botocore: return the names of the services that have a model of this type, sorted."""
        return _services_by_type(tuple(self.search_paths)).get(type_name, [])


@functools.cache
def shared_loader() -> ModelLoader:
    """Return the process's loader."""
    return ModelLoader()


@functools.cache
def _services_by_type(folders: tuple[str, ...]) -> Mapping[str, list[str]]:
    services: dict[str, set[str]] = {}
    for folder in folders:
        for service, type_name in _models(Path(folder)):
            services.setdefault(type_name, set()).add(service)
    return {type_name: sorted(names) for type_name, names in services.items()}


def _models(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield service and type of each file `SERVICE/VERSION/TYPE.json` or `.json.gz`."""
    for service in _folders(folder):
        for version in _folders(service):
            for file in Path(version).iterdir():
                for suffix in _SUFFIXES:
                    if file.name.endswith(suffix):
                        yield service.name, file.name.removesuffix(suffix)


def _folders(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """Return the folders in a folder. os.scandir knows which entries are folders: pathlib would ask the disk for each."""
    if not os.path.isdir(folder):  # noqa: PTH112  an entry is no Path
        return []
    with os.scandir(folder) as entries:
        return [entry for entry in entries if entry.is_dir()]


class _FileLoader(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """botocore's file loader, with orjson and without documentation."""

    def load_file(self, file_path: str) -> Any:
        """botocore: return the document, or None when the file does not exist."""
        for suffix in _SUFFIXES:
            path = Path(file_path + suffix)
            if path.is_file():
                data = path.read_bytes()
                return _without_documentation(orjson.loads(gzip.decompress(data) if suffix.endswith("gz") else data))
        return None


def _without_documentation(document: Any) -> Any:
    """Empty every `documentation` that is text; a member of that name has a shape as its value.

    The entry stays: botocore's handlers extend some of them.
    """
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("documentation"), str):
                node["documentation"] = ""
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return document
