"""Replays the requests of an identity provider, as ``traffic/*.json`` describes them, and judges the answers.

A file holds named steps. A step is a request with what the answer must be, or several requests
at once. ``{{name}}`` stands for a value that was set or saved; ``{{run}}`` is new in each
replay and ``{{uuid}}`` at each use. Matchers are objects whose keys begin with ``$``.
"""

from __future__ import annotations

import gzip
import json
import re
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
RETRIED = {409, 412, 429, 503}
TRAFFIC = Path(__file__).parent / "traffic"


class Missing:
    """What a path leads to when there is nothing."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


# -- variables ----------------------------------------------------------------

_VARIABLE = re.compile(r"\{\{(\w+)(?:\[(\d+)\])?(?:\|(\w+))?\}\}")
_CHANGES: dict[str, Callable[[Any], Any]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "swap": str.swapcase,
    "url": lambda value: quote(str(value), safe=""),
    "len": len,
    "int": int,
    "inc": lambda value: int(value) + 1,
}


def filled(node: Any, values: dict[str, Any]) -> Any:
    """Return a node with its variables filled in and its repetitions written out."""
    match node:
        case str():
            whole = _VARIABLE.fullmatch(node)
            return _value(whole, values) if whole else _VARIABLE.sub(lambda found: str(_value(found, values)), node)
        case list():
            return [item for entry in node for item in _entries(entry, values)]
        case {"$gen": recipe}:
            return _generated(filled(recipe, values))
        case dict():
            return {filled(key, values): filled(value, values) for key, value in node.items()}
        case _:
            return node


def _value(found: re.Match[str], values: dict[str, Any]) -> Any:
    name, index, change = found.groups()
    value = str(uuid.uuid4()) if name == "uuid" else values[name]
    value = value if index is None else value[int(index)]
    return _CHANGES[change](value) if change else value


def _entries(entry: Any, values: dict[str, Any]) -> Iterator[Any]:
    match entry:
        case {"$foreach": name, "do": inner, **rest}:
            yield from (filled(inner, {**values, str(rest.get("as", "item")): item}) for item in values[name])
        case {"$range": count, "do": inner}:
            yield from (filled(inner, {**values, "i": number}) for number in range(int(filled(count, values))))
        case _:
            yield filled(entry, values)


def _generated(recipe: dict[str, Any]) -> str:
    if recipe["kind"] == "repeat":
        return str(recipe.get("head", "") + recipe["text"] * int(recipe["times"]) + recipe.get("tail", ""))
    depth = int(recipe["depth"])
    if recipe["kind"] == "deeparray":
        return "[" * depth + "]" * depth
    return f'{{"userName":"{recipe["user"]}","name":' + '{"a":' * depth + "1" + "}" * (depth + 1)


# -- paths and matchers -------------------------------------------------------


def found_at(node: Any, path: str) -> Any:
    """Return what a dotted path leads to; keys may be URNs, which hold dots themselves."""
    if not path:
        return node
    if path == "#":
        return len(node)
    if isinstance(node, list):
        return [found_at(item, path) for item in node]
    for key in sorted(node if isinstance(node, dict) else (), key=len, reverse=True):
        if path == key or (path.startswith(key) and path[len(key)] in ".["):
            chosen, rest = _chosen(node[key], path[len(key) :])
            return found_at(chosen, rest.removeprefix("."))
    return MISSING


def _chosen(value: Any, rest: str) -> tuple[Any, str]:
    selector = re.match(r"\[([^\]]*)\]", rest)
    if selector is None:
        return value, rest
    rest = rest[selector.end() :]
    key, is_search, wanted = selector[1].partition("=")
    if key == "*":
        return value, rest
    if is_search:
        return next((item for item in value if str(item.get(key)).lower() == wanted), MISSING), rest
    return (value[int(key)] if int(key) < len(value) else MISSING), rest


def _holds(item: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(item, dict):
        return all(key in item and _holds(item[key], value) for key, value in wanted.items())
    return bool(item == wanted)


_TYPES = {"string": str, "bool": bool, "list": list, "dict": dict, "int": int}
_MATCHERS: dict[str, Callable[[Any, Any], bool]] = {
    "$exists": lambda actual, wanted: (actual is not MISSING) is wanted,
    "$empty": lambda actual, wanted: (actual in (MISSING, None, [], "", {})) is wanted,
    "$not_true": lambda actual, _: actual is not True,
    "$or_absent": lambda actual, wanted: actual is MISSING or matches(actual, wanted),
    "$not": lambda actual, wanted: not matches(actual, wanted),
    "$ne": lambda actual, wanted: bool(actual != wanted),
    "$in": lambda actual, wanted: actual in wanted,
    "$re": lambda actual, wanted: isinstance(actual, str) and re.search(wanted, actual) is not None,
    "$ieq": lambda actual, wanted: str(actual).lower() == wanted.lower(),
    "$type": lambda actual, wanted: type(actual) is _TYPES[wanted],
    "$gte": lambda actual, wanted: bool(actual >= wanted),
    "$lte": lambda actual, wanted: bool(actual <= wanted),
    "$len": lambda actual, wanted: matches(len(actual), wanted),
    "$contains": lambda actual, wanted: any(_holds(item, wanted) for item in actual),
    "$set": lambda actual, wanted: Counter(actual) == Counter(wanted),
    "$subset": _holds,
}


def matches(actual: Any, wanted: Any) -> bool:
    """Whether a value is what is wanted: equal and of the same type, or accepted by all matchers."""
    if isinstance(wanted, dict) and wanted and set(wanted) <= set(_MATCHERS):
        return all(_MATCHERS[name](actual, argument) for name, argument in wanted.items())
    return type(actual) is type(wanted) and bool(actual == wanted)


# -- replaying ----------------------------------------------------------------


class Replay:
    """One scenario against one service provider."""

    def __init__(self, client: httpx.Client, base: str, token: str) -> None:
        self._client = client
        self._base = base
        self._token = token
        self._values: dict[str, Any] = {"run": secrets.token_hex(4), "base": base, "token": token}

    def run(self, scenario: dict[str, Any]) -> None:
        """Send every request in turn.

        Raises:
            AssertionError: An answer is not what the identity provider needs.
        """
        for name, value in scenario.get("vars", {}).items():
            self._values[name] = filled(value, self._values)
        for number, step in enumerate(scenario["steps"], 1):
            try:
                self._take(step)
            except AssertionError as error:
                raise AssertionError(f"step {number} {step.get('name', '')}: {error}") from error

    def _take(self, step: dict[str, Any]) -> None:
        if "set" in step:
            self._values |= filled(step["set"], self._values)
            return
        if "parallel" in step:
            self._take_at_once(step)
            return
        for number in range(int(filled(step.get("repeat", 1), self._values))):
            self._values["i"] = number
            self._judge(self._send(step, self._values), step)

    def _take_at_once(self, step: dict[str, Any]) -> None:
        requests = list(self._written_out(step["parallel"]))

        def sent(request: tuple[dict[str, Any], dict[str, Any]]) -> int:
            for _ in range(int(step.get("retries", 0)) + 1):
                status = self._send(*request).status_code
                if status not in RETRIED:
                    break
            return status

        with ThreadPoolExecutor(min(len(requests), 24)) as pool:
            answers = Counter(pool.map(sent, requests))
        expected = step["expect"]
        assert set(answers) <= set(expected.get("allowed", answers)), f"answers {dict(answers)}"
        for status, wanted in expected.get("counts", {}).items():
            count = answers[int(status)]
            assert matches(count, filled(wanted, self._values)), f"{count} answers {status}, wanted {wanted}"

    def _written_out(self, requests: Any) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
        if isinstance(requests, dict):
            count = int(filled(requests["$range"], self._values))
            return [(requests["do"], {**self._values, "i": number}) for number in range(count)]
        return [(request, {**self._values, "i": number}) for number, request in enumerate(requests)]

    def _send(self, step: dict[str, Any], values: dict[str, Any]) -> httpx.Response:
        path, _, flags = filled(step["path"], values).partition("?")
        url = path if "://" in path else self._base + path
        query = filled(step.get("query", {}), values)
        pairs: list[tuple[str, Any]] = [
            (name, str(value)) for name, value in (query.items() if isinstance(query, dict) else query)
        ]
        pairs = parse_qsl(flags, keep_blank_values=True) + pairs
        content = self._content(step, values)
        headers = self._headers(step, values, has_body=content is not None)
        request = self._client.build_request(
            step.get("method", "GET"),
            url,
            params=httpx.QueryParams(pairs) if pairs else None,
            headers=headers,
            content=content,
        )
        return self._client.send(request)

    def _content(self, step: dict[str, Any], values: dict[str, Any]) -> bytes | None:
        if "body" in step:
            content = json.dumps(filled(step["body"], values), ensure_ascii=False).encode("utf-8", "surrogatepass")
        elif "raw" in step:
            content = filled(step["raw"], values).encode("utf-8", "surrogatepass")
        else:
            return None
        return gzip.compress(content) if step.get("gzip") else content

    def _headers(self, step: dict[str, Any], values: dict[str, Any], *, has_body: bool) -> dict[str, str]:
        headers = {"Accept": "application/scim+json"}
        if has_body:
            headers["Content-Type"] = "application/scim+json"
        if step.get("gzip"):
            headers["Content-Encoding"] = "gzip"
        auth = filled(step.get("auth", "valid"), values)
        if auth != "none":
            headers["Authorization"] = f"Bearer {self._token}" if auth == "valid" else auth
        wanted: dict[str, str | None] = headers | filled(step.get("headers", {}), values)
        return {name: value for name, value in wanted.items() if value is not None}

    # -- judging

    def _judge(self, response: httpx.Response, step: dict[str, Any]) -> None:
        expected = filled(step.get("expect", {}), self._values)
        statuses = expected.get("status", [response.status_code])
        statuses = statuses if isinstance(statuses, list) else [statuses]
        assert response.status_code in statuses, f"{response.status_code}, wanted {statuses}: {response.text[:300]}"
        body = self._body(response, expected)
        wanted = expected.get("json", {}) | expected.get("json_on", {}).get(str(response.status_code), {})
        for path, value in wanted.items():
            actual = found_at(body, path)
            assert matches(actual, value), f"{path} is {actual!r}, wanted {value!r}"
        self._judge_text(response, expected)
        self._save(response, body, step.get("save", {}))

    def _body(self, response: httpx.Response, expected: dict[str, Any]) -> Any:
        if expected.get("body") == "empty":
            assert not response.content
        if not response.content:
            return MISSING
        assert response.headers["content-type"].startswith("application/scim+json")
        body = response.json()
        if response.status_code >= 400:
            assert body["schemas"] == [ERROR]
            assert body["status"] == str(response.status_code)
            kinds = expected.get("scimType", body.get("scimType"))
            assert body.get("scimType") in (kinds if isinstance(kinds, list) else [kinds]), body
        return body

    def _judge_text(self, response: httpx.Response, expected: dict[str, Any]) -> None:
        for name, wanted in expected.get("headers", {}).items():
            actual = response.headers.get(name, MISSING)
            assert matches(actual, wanted), f"{name} is {actual!r}, wanted {wanted!r}"
        for text in expected.get("not_in_body", []):
            assert text not in response.text, f"{text!r} is in the answer"
        assert "Traceback" not in response.text

    def _save(self, response: httpx.Response, body: Any, names: dict[str, str]) -> None:
        for name, source in names.items():
            if source.startswith("@header:"):
                value: Any = response.headers[source.removeprefix("@header:")]
            else:
                value = response.status_code if source == "@status" else found_at(body, source)
            if name.endswith("+"):
                self._values.setdefault(name[:-1], []).append(value)
            else:
                self._values[name] = value


def scenarios() -> list[Path]:
    """Return the files of all scenarios."""
    return sorted(TRAFFIC.glob("*.json"))
