"""Where a coroutine stands, as a value that can be compared.

A suspended task is a chain of coroutines, each awaiting the next. What it will do
depends on where each one stands in its code and on what its variables hold, those that
the programmer named and those that the interpreter keeps on its stack, such as the
iterator of a loop. All of that is read from the frames, so two tasks with the same
value go on in the same way if they find the same shared state.

Variables that are shared objects stand for themselves and are given by name; their
contents are part of the shared state. Values are compared by value. Anything that is
neither is refused, rather than guessed at.
"""

from __future__ import annotations

import abc
import enum
import functools
import gc
import types
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping
from typing import Any

import attrs

from forkfuzz.errors import InternalError

Naming = Callable[[Any], Hashable]
Names = Mapping[type, Naming]
"""How to name shared objects, by their class."""


def _itself(value: Any) -> Hashable:
    return value  # type: ignore[no-any-return]


_CONSTANTS: dict[type, Naming] = dict.fromkeys(
    (
        int,
        str,
        float,
        bytes,
        range,
        type,
        type(None),
        enum.EnumType,
        abc.ABCMeta,
        types.CodeType,
        types.BuiltinFunctionType,
    ),
    _itself,
)
_CONSTANTS[bool] = str  # True and 1 would be equal

_ITERATORS: tuple[type, ...] = (
    type(iter(range(0))),
    type(iter([])),
    type(iter(())),
    type(iter({})),
    type(iter({}.items())),
    type(iter({}.values())),
)
_ITSELF = frozenset(
    (
        types.FrameType,
        types.CodeType,
        types.FunctionType,
        types.CellType,
        str,
        type(None),
    )
)
"""Kinds of what a coroutine refers to beside its variables and its stack."""


class CoroutineStates:
    """Reads where the coroutines of one run stand.

    What a coroutine holds cannot change while the one that it awaits goes on, unless it
    holds something that both can change; of those that do not, the value is kept.

    Args:
        names: Names the shared objects.
    """

    def __init__(self, names: Names) -> None:
        self._kinds: dict[type, Naming] = {
            **_CONSTANTS,
            **dict.fromkeys(_ITERATORS, self._iterator),
            tuple: self._tuple,
            list: self._list,
            dict: self._dict,
            types.FunctionType: self._function,
            types.MethodType: self._method,
            functools.partial: self._partial,
            **names,
        }
        self._kept: dict[int, tuple[object, object, Hashable]] = {}
        self._changeable = False

    def read(self, coroutine: Coroutine[Any, Any, None]) -> Hashable:
        """Return where a suspended coroutine stands, down to the point it waits at.

        Raises:
            InternalError: If a variable holds something that has no value or name.
        """
        chain: list[Hashable] = []
        inner: Any = coroutine
        while type(inner) is types.CoroutineType:
            awaited = inner.cr_await
            kept = self._kept.get(id(inner))
            if kept is not None and kept[0] is inner and kept[1] is awaited:
                chain.append(kept[2])
            else:
                self._changeable = False
                state = self._frame(inner, awaited)
                chain.append(state)
                if not self._changeable:
                    self._kept[id(inner)] = (inner, awaited, state)
            inner = awaited
        return tuple(chain)

    def _frame(self, coroutine: Any, awaited: object) -> Hashable:
        frame = coroutine.cr_frame
        variables = frame.f_locals
        held = [*variables.values()]
        known = {id(value) for value in held}
        known |= {id(awaited), id(variables)}
        held += [
            item
            for item in gc.get_referents(coroutine)
            if id(item) not in known and type(item) not in _ITSELF
        ]
        return (frame.f_code, frame.f_lasti, *variables, *self._values(held))

    def _values(self, values: Iterable[Any]) -> list[Hashable]:
        kinds = self._kinds
        return [
            kind(value) if (kind := kinds.get(type(value))) else self._other(value)
            for value in values
        ]

    def _tuple(self, value: tuple[Any, ...]) -> Hashable:
        return (tuple, *self._values(value))

    def _function(self, value: types.FunctionType) -> Hashable:
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return (value.__code__, *self._values(cells))

    def _method(self, value: types.MethodType) -> Hashable:
        return (value.__func__, *self._values([value.__self__]))

    def _partial(self, value: functools.partial[Any]) -> Hashable:
        return (*self._values([value.func, value.args, value.keywords]),)

    def _list(self, value: list[Any]) -> Hashable:
        self._changeable = True
        return (list, *self._values(value))

    def _dict(self, value: dict[Any, Any]) -> Hashable:
        self._changeable = True
        return (dict, *self._values(item for pair in value.items() for item in pair))

    def _iterator(self, value: Any) -> Hashable:
        self._changeable = True
        _, arguments, *position = value.__reduce__()
        return (type(value), *self._values(arguments), *position)

    def _other(self, value: Any) -> Hashable:
        kind = type(value)
        if isinstance(value, enum.Enum | type):
            self._kinds[kind] = _itself
        elif attrs.has(kind):
            fields = [field.name for field in attrs.fields(kind)]
            self._kinds[kind] = functools.partial(self._record, fields)
        else:
            msg = f"forkfuzz bug: a task holds a {kind.__qualname__}, without a value"
            raise InternalError(msg)
        return self._kinds[kind](value)

    def _record(self, fields: list[str], value: Any) -> Hashable:
        self._changeable = True
        held = [getattr(value, field) for field in fields]
        return (type(value), *self._values(held))
