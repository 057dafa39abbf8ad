"""The JSON Schema of the configuration, for editors that check TOML while it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind, models_json_schema

from scimbridge import registry
from scimbridge.config.document import Document, RuleSection, StageSection
from scimbridge.errors import ConfigurationError
from scimbridge.sdk.config import TargetConfig

_ELSEWHERE = [
    {
        "type": "object",
        "properties": {key: {"type": "string"}},
        "required": [key],
        "additionalProperties": False,
    }
    for key in ("env", "file")
]


def json_schema() -> dict[str, Any]:
    """Return the schema, with the keys of every connector that is installed."""
    targets = dict(_target_models())
    models: list[type[BaseModel]] = [Document, *targets.values()]
    refs, generated = models_json_schema([(model, "validation") for model in models], schema_generator=_Generator)
    definitions = generated["$defs"]
    for kind, model in targets.items():
        definition = definitions[refs[model, "validation"]["$ref"].rpartition("/")[2]]
        definition["properties"]["connector"] = {**definition["properties"]["connector"], "const": kind}
    document = definitions.pop("Document")
    document["properties"]["targets"]["additionalProperties"] = {
        "oneOf": [refs[model, "validation"] for model in targets.values()]
    }
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "scimbridge.toml",
        "$defs": definitions,
    }
    return {key: _with_secret_sources(value) for key, value in schema.items()}


def rule_keys() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the tables of rules and of their stages, each with its keys and what they say."""
    for table, model in (("[[rules]]", RuleSection), ("[[rules.stages]]", StageSection)):
        fields = {field.alias or name: field.description or "" for name, field in model.model_fields.items()}
        yield table, [(key, " ".join(said.split())) for key, said in fields.items() if key != "stages"]


class _Generator(GenerateJsonSchema):
    # The default of a time zone is written into its type.
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012  # as the base class has it
        "skipped-choice",
        "non-serializable-default",
    }


def _target_models() -> Iterator[tuple[str, type[TargetConfig]]]:
    for kind in registry.available_kinds():
        try:
            yield kind, registry.connector_class(kind).config_type
        except ConfigurationError:
            continue  # its extra is not installed, so it cannot be configured either


def _with_secret_sources(schema: Any) -> Any:
    """Let each secret be a table that says where it is."""
    if isinstance(schema, list):
        return [_with_secret_sources(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "password":
        said = {key: value for key, value in schema.items() if key not in {"type", "format", "writeOnly"}}
        return {**said, "anyOf": [{"type": "string"}, *_ELSEWHERE]}
    return {key: _with_secret_sources(value) for key, value in schema.items()}
