"""Plays an identity provider: sends the requests that ``traffic/*.json`` describe, and saves the ids it is given.

A file is one thing that a provider does, in the provider's own dialect: the ``source`` whose token
it uses, what it ``says`` for a reader, ``from`` which page of the vendor the format is taken, and
its ``steps``. ``{{name}}`` stands for a value of the person it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import httpx

_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_TIMEOUT = 20.0


class TrafficError(Exception):
    """The bridge did not answer as the identity provider needs it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        gist: What the request says, in the provider's own words; empty for a mere question.
    """

    method: str
    path: str
    status: int
    gist: str

    @property
    def writes(self) -> bool:
        """Whether it is more than a question."""
        return self.method != "GET"


class IdentityProvider:
    """One identity provider, signed in to the bridge.

    Args:
        base_url: The bridge's ``/scim/v2``.
        token: Of this provider's source.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def play(self, name: str, values: dict[str, str]) -> list[Exchange]:
        """Do what a file describes, for one person.

        Args:
            name: The file, without ``.json``.
            values: What stands for the variables; ids that the bridge gives are added.

        Raises:
            TrafficError: The bridge does not answer, or with a status that the provider takes for a failure.
        """
        scene = traffic(name)
        return [self._send(step, scene.get("headers", {}), values) for step in scene["steps"]]

    def _send(self, step: Mapping[str, Any], headers: Mapping[str, str], values: dict[str, str]) -> Exchange:
        path, body = filled(step["path"], values), filled(step.get("body"), values)
        content = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/scim+json"}
        try:
            answer = self._http.request(
                step["method"],
                self._base_url + path,
                params=filled(step.get("query"), values),
                content=content,
                headers={**kind, **headers},
            )
        except httpx.HTTPError as error:
            raise TrafficError(f"{step['method']} {path}: {type(error).__name__}") from error
        if answer.status_code not in step["status"]:
            raise TrafficError(f"{step['method']} {path}: answered {answer.status_code}, not {step['status']}")
        if "save" in step:
            values[step["save"]] = answer.json()["id"]
        return Exchange(step["method"], path, answer.status_code, _gist(body) if step["method"] != "GET" else "")


def says(name: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Return which provider a file is about, and what it does, as a sentence's rest."""
    scene = traffic(name)
    return scene["idp"], str(filled(scene["says"], values))


@cache
def traffic(name: str) -> dict[str, Any]:
    """Return what a file of the traffic describes."""
    scene: dict[str, Any] = json.loads(files("scimbridge.demo").joinpath(f"traffic/{name}.json").read_text("utf-8"))
    return scene


def filled(node: Any, values: Mapping[str, str]) -> Any:
    """Return a node of JSON with its variables filled in."""
    match node:
        case str():
            return _VARIABLE.sub(lambda found: values[found[1]], node)
        case list():
            return [filled(item, values) for item in node]
        case dict():
            return {key: filled(value, values) for key, value in node.items()}
        case _:
            return node


def _gist(body: Any) -> str:
    """Return the part of a request that decides: the operations of a PATCH, ``active`` of a User."""
    match body:
        case {"Operations": list(operations)}:
            return " ".join(_operation(operation) for operation in operations)
        case {"active": bool(active)}:
            return json.dumps({"active": active})
        case _:
            return ""


def _operation(operation: Mapping[str, Any]) -> str:
    shown = {key: value for key, value in operation.items() if not isinstance(value, list)}
    return json.dumps(shown)


def traffic_names() -> Iterator[str]:
    """Return the names of all files."""
    for file in files("scimbridge.demo").joinpath("traffic").iterdir():
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json")
