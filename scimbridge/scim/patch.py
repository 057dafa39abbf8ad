"""PATCH messages (RFC 7644 §3.5.2), in the forms that identity providers send them in.

A message becomes a list of operations with a path each, which scim2-models applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scim2_models import (
    AttributeBinding,
    Context,
    Extension,
    InvalidFilterException,
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    NoTargetException,
    PatchOp,
    Path,
)
from scim2_models.path import Comparison, FilterNode, LogicalExpr, Not

from scimbridge.domain.boolean import boolean_of
from scimbridge.domain.model import GROUP, TOLERANT
from scimbridge.domain.quirk import Quirk
from scimbridge.scim import dialect, limits
from scimbridge.scim.dialect import (
    CORE_GROUP,
    CORE_USER,
    PATCH_OP,
    canonical_path,
    has,
    pass_over_schemas,
    take,
)
from scimbridge.scim.known import KNOWN_GROUP, KNOWN_USER, Known, inner_of, unknown_in
from scimbridge.scim.patch_operation import Operation
from scimbridge.scim.reading import Reading

MOST_OPERATIONS = 1000
"""Operations on attributes in one message. They are applied while others wait to write."""

_VERBS = {"add", "remove", "replace"}


def operations(body: Mapping[str, Any], model: Any, seen: Reading) -> list[Operation]:
    """Return the operations of a message on attributes that are known.

    Args:
        body: The message.
        model: What it is for.
        seen: Gets what shows of the writer, and the names that are not known.

    Raises:
        InvalidSyntaxException: It is no PATCH message, or has an operation that is not add, remove or replace,
            or that has two values for one attribute.
        InvalidPathException: A path cannot be understood, or leads into a value that has no parts.
        NoTargetException: A remove has no path.
        InvalidValueException: An operation without a path has a value that is no object; a remove has a value
            that says nothing of what to take.
    """
    sent = take(body, "Operations")
    if not isinstance(sent, list) or not sent:
        raise InvalidSyntaxException(detail="Operations must be a list with at least one operation")
    limits.check_paths(sent)
    found: list[Operation] = []
    for item in sent:
        said: dict[tuple[str, str, str], Any] = {}
        for operation in _expanded(item, model, seen):
            if operation.attribute == "schemas" and operation.verb != "remove":
                pass_over_schemas(operation.value, CORE_GROUP if model is GROUP else CORE_USER, seen)
            elif operation.is_known:
                _refuse_empty_choice(operation)
                _refuse_contradiction(operation, said)
                seen.attributes += _unknown_names(operation, model)
                found.append(operation)
            elif _is_below_a_value(operation.path, model):
                raise InvalidPathException(detail=f"{operation.path.parts[0]} is one value without parts")
            else:
                (seen.attributes if operation.from_value else seen.paths).append(str(operation.path))
    return found


def message(model: Any, found: Sequence[Operation]) -> Any | None:
    """Return the operations as a validated PATCH message of the model, or ``None`` where there are none.

    Raises:
        ValidationError: One of them can be applied to no resource: it writes what is read-only, or
            removes what is required.
        InvalidValueException: There are too many.
    """
    if not found:
        return None
    if len(found) > MOST_OPERATIONS:
        raise InvalidValueException(detail=f"more than {MOST_OPERATIONS} operations in one message")
    return _validated(model, found)


def apply(found: Sequence[Operation], resource: Any, model: Any, whole: Any) -> None:
    """Apply operations to a resource that may have no entries yet of which they write a part.

    To write ``emails.value`` where there is no e-mail address is to add one (RFC 7644 §3.5.2.1): scim2-models
    would write it nowhere, and call that a success. Whether there is one shows when those before are applied.

    Args:
        found: The operations.
        resource: Their resource. Where one of them fails, it has been changed by those before.
        model: What it is.
        whole: All of them as a message, which was validated.

    Raises:
        SCIMException: One of them cannot be applied.
    """
    for turn in _turns(found):
        first = turn[0]
        if first.is_part_of_entries and not type(first.path)(first.path.parts[0]).get(resource):
            turn[0] = _first_entry(first)
        # To validate a message takes as long as half of applying it.
        message = whole if turn == found else _validated(model, turn)
        message.patch(resource, scim_policy=TOLERANT)


def _turns(found: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Yield operations that can be applied together: one that writes a part of entries is the first of its own."""
    turn: list[Operation] = []
    for each in found:
        if turn and each.is_part_of_entries:
            yield turn
            turn = []
        turn.append(each)
    yield turn


def _validated(model: Any, found: Sequence[Operation]) -> Any:
    body = {"schemas": [PATCH_OP], "Operations": [operation.as_json() for operation in found]}
    return PatchOp[model].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=TOLERANT)


def _first_entry(operation: Operation) -> Operation:
    name, part = operation.path.parts
    return replace(operation, verb="add", path=type(operation.path)(name), value={part: operation.value})


def with_entries(operation: Operation, model: Any, seen: Reading) -> Operation | None:
    """Return an operation with those entries of a list alone that say something; ``None`` where none does.

    Null says that there is none. What has no name in it that is known says nothing: neither may it take the place of
    the entries that there are, nor keep what is said beside it from being stored.

    Raises:
        InvalidValueException: The value of a path has nothing in it at all.
    """
    known = _known(operation.path, model)
    if operation.verb == "remove" or operation.sub_attribute or known is None or not operation.is_multivalued:
        return operation
    sent = operation.value if isinstance(operation.value, list) else [operation.value]
    entries = [entry for entry in sent if entry is not None]
    if operation.has_value and len(entries) < len(sent):
        seen.saw(Quirk.NULL_VALUE)
    telling = [
        entry for entry in entries if not isinstance(entry, dict) or any(key.lower() in known.inner for key in entry)
    ]
    if entries and not telling:
        if not operation.from_value and not any(entries):
            raise InvalidValueException(detail=f"the value of {operation.name} has nothing in it")
        return None
    return replace(operation, value=telling) if isinstance(operation.value, list) else operation


def cleared(operation: Operation, seen: Reading) -> Operation:
    """Return an operation, which is a removal where it clears by an empty string what has no empty value."""
    if not dialect.is_cleared(operation.attribute, operation.value):
        return operation
    seen.saw(Quirk.EMPTY_STRING)
    return replace(operation, verb="remove", value=None, has_value=False)


def with_booleans(operation: Operation, model: Any, seen: Reading) -> Operation:
    """Return an operation whose value has booleans where it had strings instead.

    Raises:
        InvalidValueException: What should be a boolean is neither true nor false.
    """
    known = _known(operation.path, model)
    if known is None:
        return operation
    return replace(operation, value=dialect.with_booleans(operation.value, known, operation.name, seen))


def _refuse_empty_choice(operation: Operation) -> None:
    """Refuse a remove from a list whose value should say what to take, and says nothing.

    RFC 7644 §3.5.2.2 has no value in a remove: without one, all goes. What identity providers list in it goes alone,
    and an empty list is of nobody. Null may be meant either way: for all, by a writer who spells out what is left
    unsaid, or for nobody, by one who had nothing to list. To take all on that account would cost everybody in a Group
    what it grants; to take nothing and call it a success would leave them what they are to lose, and nobody would be
    told. None of the identity providers whose requests are known sends it.

    Raises:
        InvalidValueException: It is null, or has an entry in which nothing, or only null, is said.
    """
    if operation.verb != "remove" or not operation.has_value or operation.value == []:
        return
    if operation.path.value_filter is not None or not operation.is_multivalued:
        return
    entries = operation.value if isinstance(operation.value, list) else [operation.value]
    if not all(map(_says_something, entries)):
        raise InvalidValueException(
            detail=f"the value of a remove of {operation.name} has nothing in it: name what to take out, "
            "or leave the value out to take out all"
        )


def _says_something(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return entry is not None
    # There may be a hundred thousand: nearly all are spelled like this.
    return entry.get("value") is not None or any(item is not None for item in entry.values())


def _refuse_contradiction(operation: Operation, said: dict[tuple[str, str, str], Any]) -> None:
    """Refuse an operation without a path that has another value for an attribute under another of its names."""
    path = operation.path
    place = (str(path.schema).lower(), operation.name.lower(), str(path.value_filter))
    if said.setdefault(place, operation.value) != operation.value:
        raise InvalidSyntaxException(detail=f"{operation.name} appears twice in one operation")


def _expanded(item: Any, model: Any, seen: Reading) -> Iterator[Operation]:
    if not isinstance(item, dict):
        raise InvalidSyntaxException(detail="an operation must be an object")
    sent_verb = take(item, "op")
    verb = sent_verb.lower() if isinstance(sent_verb, str) else ""
    if verb not in _VERBS:
        raise InvalidSyntaxException(detail="op must be add, remove or replace")
    if sent_verb != verb:
        seen.saw(Quirk.CAPITALIZED_OP)
    path, value = take(item, "path"), take(item, "value")
    if path is not None and not isinstance(path, str):
        raise InvalidPathException(detail="path must be a string")
    if path and path.strip():
        yield from _at_path(sent_verb, path, value, has(item, "value"), model, seen)
    elif verb == "remove":
        raise NoTargetException(detail="remove needs a path")
    elif not isinstance(value, dict):
        raise InvalidValueException(detail="an operation without a path needs an object as its value")
    else:
        seen.saw(Quirk.NO_PATH)
        yield from _by_keys(sent_verb, value, model, seen, below="")


def _at_path(
    sent_verb: str, sent_path: str, value: Any, has_value: bool, model: Any, seen: Reading
) -> Iterator[Operation]:
    try:
        path = _path(sent_path, model, seen)
    except InvalidPathException:
        if not dialect.is_foreign(sent_path):
            raise
        seen.paths.append(sent_path)
        return
    verb = sent_verb.lower()
    if not isinstance(value, dict) or not _is_said_in_parts(verb, path, value, model):
        yield _with_path(sent_verb, path, value, has_value, seen)
    elif not value and verb == "remove":
        raise InvalidValueException(detail=f"the value of a remove of {sent_path.strip()[:80]} has nothing in it")
    else:
        yield from _by_keys(sent_verb, value, model, seen, below=_below(path))


def _with_path(sent_verb: str, path: Path[Any], value: Any, has_value: bool, seen: Reading) -> Operation:
    verb = _verb(sent_verb, path, unassigns=has_value and value is None)
    if verb == "remove" and value is not None:
        seen.saw(Quirk.REMOVE_WITH_VALUE)
    return Operation(verb, sent_verb, path, value, has_value, from_value=False)


def _by_keys(sent_verb: str, value: Mapping[str, Any], model: Any, seen: Reading, *, below: str) -> Iterator[Operation]:
    """Yield an operation for each key: a name, a dotted name, or a URN (Entra ID's aadOptscim062020)."""
    for key, item in value.items():
        if key.lower() == "schemas":
            continue
        try:
            path = _path(below + key, model, seen)
        except InvalidPathException:
            seen.attributes.append(below + key)
            continue
        if isinstance(item, dict) and _is_said_in_parts(sent_verb.lower(), path, item, model):
            yield from _by_keys(sent_verb, item, model, seen, below=_below(path))
            continue
        if not key.isidentifier():
            seen.saw(Quirk.PATH_AS_KEY)
        if item is None and sent_verb.lower() != "remove" and (_is_whole_list(path) or path.model is model):
            # A whole resource with nulls for what was not read; emptying a list is said by []. A remove is no such
            # resource: whether it may take a list by null is decided with those that have a path.
            continue
        verb = _verb(sent_verb, path, unassigns=item is None)
        yield Operation(verb, sent_verb, path, item, has_value=True, from_value=True)


def _verb(sent_verb: str, path: Path[Any], *, unassigns: bool) -> str:
    verb = sent_verb.lower()
    is_chosen = path.value_filter is not None
    adds_entries = verb == "add" and len(path.parts) == 1
    if not unassigns or (_is_list(path) and (adds_entries or not is_chosen)):
        return verb
    # Null unassigns (RFC 7643 §2.5). An add cannot say that, nor a replace of a whole extension; and a replace of
    # entries that are chosen, or in them, would create one where there is none.
    return "remove" if path.model is not None or is_chosen else "replace" if verb == "add" else verb


def _is_list(path: Path[Any]) -> bool:
    binding = path.resolve()
    return binding is not None and binding.is_multivalued


def _is_whole_list(path: Path[Any]) -> bool:
    return _is_list(path) and path.value_filter is None and len(path.parts) == 1


def _is_said_in_parts(verb: str, path: Path[Any], value: Mapping[str, Any], model: Any) -> bool:
    """Whether an object as a value stands for an operation on each of its parts."""
    if path.model is not None:
        return True
    if verb == "remove":
        return str(path).lower() == "name"
    # Each part costs reading a path that may be long: there are few that are known.
    known = _known(path, model) if path.value_filter is not None and value else None
    return known is not None and all(part is None and key.lower() in known.inner for key, part in value.items())


def _below(path: Path[Any]) -> str:
    """Return what stands before the names of the parts of what a path names."""
    if path.model is None:
        return f"{path}."
    return "" if path.model is path.models[0] else f"{_urn(path.model)}:"


def _urn(model: Any) -> str:
    return str(model.__schema__)


def _unknown_names(operation: Operation, model: Any) -> Iterator[str]:
    """Yield the unknown names in an operation's value, as paths."""
    if isinstance(operation.value, dict | list) and (known := _known(operation.path, model)) is not None:
        yield from unknown_in(operation.value, known, f"{operation.path}{known.separator}")


def _known(path: Path[Any], model: Any) -> Known | None:
    """Return what a path leads to, or ``None`` where that is a whole resource or extension, or nothing."""
    binding = path.resolve()
    return None if binding is None else inner_of(KNOWN_GROUP if model is GROUP else KNOWN_USER, *_names(binding))


def _is_below_a_value(path: Path[Any], model: Any) -> bool:
    """Whether a path names a part of what has none, like ``active.value``: nobody may take that for a success."""
    if len(path.parts) < 2:
        return False
    names = [path.schema, path.parts[0]] if path.schema else [path.parts[0]]
    attribute = inner_of(KNOWN_GROUP if model is GROUP else KNOWN_USER, *names)
    return attribute is not None and not attribute.inner


def _names(binding: AttributeBinding) -> Iterator[str]:
    if issubclass(binding.model, Extension):
        yield _urn(binding.model)
    yield from binding.urn.removeprefix(f"{_urn(binding.model)}:").split(".")


def _path(text: str, model: Any, seen: Reading) -> Path[Any]:
    if not text.strip():
        raise InvalidPathException(detail="an empty path names no attribute")
    try:
        path: Path[Any] = Path[model](canonical_path(text, seen))
        _ = path.ast
    except RecursionError as error:
        raise InvalidPathException(detail="the path is nested too deeply") from error
    if path.value_filter is not None:
        _check_booleans(path, path.value_filter, model)
    return path


def _check_booleans(path: Path[Any], selected: FilterNode, model: Any) -> None:
    """Refuse a path that chooses entries by what is no boolean, which the models would take for one.

    Raises:
        InvalidFilterException: It does.
    """
    known = _known(type(path)(path.parts[0]), model)
    parts = {} if known is None else known.inner
    for each in _comparisons(selected):
        part = parts.get(each.attr_path.attr.lower())
        if part is not None and part.is_boolean and each.value is not None and boolean_of(each.value) is None:
            name = f"{path.parts[0]}.{part.name}"
            raise InvalidFilterException(detail=f"{name} can only be compared with true or false")


def _comparisons(selected: FilterNode) -> Iterator[Comparison]:
    waiting = [selected]
    while waiting:
        match waiting.pop():
            case LogicalExpr(terms=terms):
                waiting += terms
            case Not(expr=expr):
                waiting.append(expr)
            case Comparison() as found:
                yield found
            case _:
                pass  # that something is present
