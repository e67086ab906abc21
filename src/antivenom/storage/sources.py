"""The source that code depends on: its own file, the files that it imports, and the libraries that it uses.

The import graph is static: `imports` reads the imports of a file, `modules` finds their files, and no code is run.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from antivenom.registry import KINDS, entries
from antivenom.storage.imports import PACKAGE, Contents, read_contents
from antivenom.storage.loaded import Stamp, is_current, stamp_of
from antivenom.storage.modules import Place, find_module, library_of, submodules

BY_PACKAGE = {kind.package: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Closure:
    """All files and libraries that some modules import, directly or indirectly.

    Attributes:
        files: the file of each module, by the module's name, sorted.
        libraries: the version of each imported distribution, by its name.
        missing: imported modules that do not exist.
        digest: SHA-256 of the modules' names and of the bytes of their files.
    """

    files: dict[str, Path]
    libraries: dict[str, str]
    missing: frozenset[str]
    digest: str


@dataclass(frozen=True)
class _File:
    stamp: Stamp
    digest: str
    contents: Contents


@dataclass
class Graph:
    """The part of the static import graph that this process has read. Each file is read once."""

    _places: dict[str, Place | None] = field(default_factory=dict)
    _files: dict[Path, _File | None] = field(default_factory=dict)
    _edges: dict[tuple[str, frozenset[str]], tuple[str, ...]] = field(default_factory=dict)
    _closures: dict[tuple[frozenset[str], frozenset[str]], Closure | None] = field(default_factory=dict)

    def closure(self, modules: Iterable[str], *, own: Iterable[str] = ()) -> Closure | None:
        """Return everything that these modules import, or None if one of the files cannot be read.

        Args:
            modules: the modules' names.
            own: top-level packages whose files are followed even if a package manager installed them.
        """
        key = frozenset(modules), frozenset({PACKAGE, *own})
        if key not in self._closures:
            self._closures[key] = self._walk(*key)
        return self._closures[key]

    def current_closure(self, modules: Iterable[str], *, own: Iterable[str] = (), since: int | None) -> Closure | None:
        """Return the same as `closure`, or None if a file has changed or was added since this process ran the code.

        Args:
            modules: the modules' names.
            own: the same as for `closure`.
            since: the time when these modules ran, in nanoseconds since the epoch, if known.
        """
        closure = self.closure(modules, own=own)
        if closure is None or any(find_module(name) is not None for name in closure.missing):
            return None
        current = all(is_current(name, path, self._file(path).stamp, since) for name, path in closure.files.items())
        return closure if current else None

    def digest_alone(self, module: str) -> str | None:
        """Return the SHA-256 of one module's file, without its imports, or None if it has changed since its import."""
        place = self._place(module)
        read = self._read(module, place) if place is not None and place.file is not None else None
        if read is None or place is None or place.file is None or not is_current(module, place.file, read.stamp, None):
            return None
        return read.digest

    def defines(self, module: str, name: str) -> bool:
        """Return whether the file of a module defines a class. For an installed library, the answer is always true."""
        place = self._place(module)
        if place is None or place.file is None:
            return False
        if place.origin != "own" and module.partition(".")[0] != PACKAGE:
            return True
        contents = self.contents(module)
        return contents is not None and name in contents.classes

    def contents(self, module: str) -> Contents | None:
        """Return the imports and definitions of a module's file, or None if it cannot be read."""
        place = self._place(module)
        read = self._read(module, place) if place is not None and place.file is not None else None
        return None if read is None else read.contents

    def _walk(self, roots: frozenset[str], own: frozenset[str]) -> Closure | None:
        files: dict[str, Path] = {}
        libraries: dict[str, str] = {}
        missing: set[str] = set()
        waiting, met = sorted(roots), set(roots)
        while waiting:
            name = waiting.pop()
            place = self._place(name)
            if place is None and name in roots:
                return None
            if place is None:
                missing.add(name)
                continue
            if place.origin == "standard":
                continue
            foreign = place.origin == "installed" and name.partition(".")[0] not in own
            if foreign and (library := library_of(name, place)) is not None:
                libraries[library[0]] = library[1]
                continue
            if place.file is not None:
                if self._read(name, place) is None:
                    return None
                files[name] = place.file
            for target in self._edges_of(name, own):
                if target not in met:
                    met.add(target)
                    waiting.append(target)
        files = dict(sorted(files.items()))
        text = "".join(f"{name}\0{self._file(path).digest}\0" for name, path in files.items())
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Closure(files, dict(sorted(libraries.items())), frozenset(missing), digest)

    def _edges_of(self, name: str, own: frozenset[str]) -> tuple[str, ...]:
        key = name, own
        if key not in self._edges:
            contents = self.contents(name)
            targets = {} if contents is None else dict.fromkeys(self._targets(name, contents, own))
            self._edges[key] = tuple(targets)
        return self._edges[key]

    def _targets(self, name: str, contents: Contents, own: frozenset[str]) -> Iterator[str]:
        yield from _with_parents(name)
        for one in contents.imports:
            if not one.module:
                continue
            top = one.module.partition(".")[0]
            place = self._place(top)
            if place is None or (place.origin == "installed" and top not in own):
                yield top if place is None or place.file is not None else one.module
                continue
            if place.origin == "standard":
                continue
            yield from _with_parents(one.module)
            if not one.names:
                for parent in _with_parents(one.module):
                    yield from self._through(parent, contents.attributes)
            for imported in one.names:
                yield from self._named(one.module, imported, contents.attributes)

    def _named(self, module: str, name: str, attributes: frozenset[str]) -> Iterator[str]:
        """Yield the modules that `from module import name` runs, in addition to the module itself."""
        contents = self.contents(module)
        if name == "*":
            exported = None if contents is None else contents.literals.get("__all__")
            place = self._place(module)
            names = exported if isinstance(exported, list | tuple) else () if place is None else submodules(place)
            for each in names:
                yield from self._named(module, str(each), attributes)
            return
        inner = f"{module}.{name}"
        if self._place(inner) is not None:
            yield inner
            yield from self._through(inner, attributes)
        if contents is not None and name not in contents.bound:
            yield from self._lazily(module, contents, frozenset({name}))

    def _through(self, module: str, attributes: frozenset[str]) -> Iterator[str]:
        """Yield the modules that may be used as attributes of an imported package."""
        place, contents = self._place(module), self.contents(module)
        if place is None or not place.folders:
            return
        for name in submodules(place):
            if name in attributes:
                yield f"{module}.{name}"
                yield from self._through(f"{module}.{name}", attributes)
        if contents is not None:
            yield from self._lazily(module, contents, attributes)

    def _lazily(self, module: str, contents: Contents, names: frozenset[str]) -> Iterator[str]:
        """Yield the modules from which a package's `__getattr__` may import these names; all modules if unknown."""
        if "__getattr__" not in contents.bound:
            return
        homes = dict(contents.homes)
        if kind := BY_PACKAGE.get(module):
            homes |= {entry.class_name: entry.module for entry in entries(kind).values()}
        elif not homes:
            yield from self._everything(module)
        for name in names & homes.keys():
            yield from _with_parents(homes[name])

    def _everything(self, module: str) -> Iterator[str]:
        place = self._place(module)
        for name in () if place is None else submodules(place):
            yield f"{module}.{name}"
            yield from self._everything(f"{module}.{name}")

    def _place(self, name: str) -> Place | None:
        if name not in self._places:
            self._places[name] = find_module(name)
        return self._places[name]

    def _file(self, path: Path) -> _File:
        file = self._files[path]
        assert file is not None
        return file

    def _read(self, name: str, place: Place) -> _File | None:
        path = place.file
        assert path is not None
        if path not in self._files:
            try:
                stamp, source = stamp_of(path), path.read_bytes()
            except OSError:
                self._files[path] = None
            else:
                python = path.suffix == ".py" or name == "__main__"
                contents = read_contents(source, name, package=path.stem == "__init__") if python else None
                self._files[path] = _File(stamp, hashlib.sha256(source).hexdigest(), contents or Contents())
        return self._files[path]


def _with_parents(name: str) -> list[str]:
    """Return `a`, `a.b` and `a.b.c` for `a.b.c`, because Python also runs the parent packages."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


GRAPH = Graph()
"""The graph of this process."""
