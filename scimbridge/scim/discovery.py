"""What the service provider can do (RFC 7644 §4), generated from the models."""

from __future__ import annotations

from typing import Any

from scim2_models import (
    Attribute,
    Bulk,
    CaseExact,
    ChangePassword,
    Context,
    ETag,
    Filter,
    ForbiddenException,
    Pagination,
    Patch,
    Required,
    ResourceType,
    Schema,
    ServiceProviderConfig,
    Sort,
)
from starlette.responses import Response

from scimbridge.domain.model import GROUP, USER, USER_EXTENSIONS
from scimbridge.domain.source import NameCase
from scimbridge.errors import NotFoundError
from scimbridge.scim.bulk_operation import MAX_OPERATIONS
from scimbridge.scim.call import Call
from scimbridge.scim.media import ScimResponse
from scimbridge.scim.rendering import whole_list_response
from scimbridge.scim.schemes import UNCONFIGURED, Schemes
from scimbridge.services.cursors import MAX_COUNT, TIMEOUT
from scimbridge.services.lookup import DEFAULT_COUNT


class Discovery:
    """The three discovery endpoints; they are read-only and take no filter."""

    def __init__(
        self,
        base: str,
        schemes: Schemes = UNCONFIGURED,
        max_bulk_body: int = 0,
        documentation_url: str | None = None,
    ) -> None:
        self._schemes = schemes
        config = service_provider_config(max_bulk_body)
        self._config = _rendered(config, f"{base}/ServiceProviderConfig", "ServiceProviderConfig")
        if documentation_url is not None:
            self._config["documentationUri"] = documentation_url
        types = [ResourceType.from_resource(model) for model in (USER, GROUP)]
        self._types = {
            str(each.id).lower(): _rendered(each, f"{base}/ResourceTypes/{each.id}", "ResourceType") for each in types
        }
        self._schemas = {case: _schemas(base, case) for case in NameCase}

    def config(self, call: Call) -> Response:
        """GET /ServiceProviderConfig."""
        _refuse_filter(call)
        return ScimResponse({**self._config, "authenticationSchemes": self._schemes(call.source)})

    def resource_types(self, call: Call) -> Response:
        """GET /ResourceTypes."""
        _refuse_filter(call)
        return whole_list_response(self._types.values())

    def resource_type(self, call: Call) -> Response:
        """GET /ResourceTypes/{name}."""
        return _one(call, "ResourceType", self._types)

    def schemas(self, call: Call) -> Response:
        """GET /Schemas."""
        _refuse_filter(call)
        return whole_list_response(self._schemas[call.profile.user_name_case].values())

    def schema(self, call: Call) -> Response:
        """GET /Schemas/{urn}."""
        return _one(call, "Schema", self._schemas[call.profile.user_name_case])


def service_provider_config(max_bulk_body: int) -> ServiceProviderConfig:
    """Return what is supported.

    Args:
        max_bulk_body: Bytes of a bulk request's body.
    """
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=max_bulk_body),
        filter=Filter(supported=True, max_results=MAX_COUNT),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=DEFAULT_COUNT,
            max_page_size=MAX_COUNT,
            cursor_timeout=int(TIMEOUT.total_seconds()),
        ),
    )


_REFERENCES = {"profileUrl": ["external"], "photos.value": ["external"]}
"""References that are modeled as strings, so that what is no URL is stored as well."""


def _schemas(base: str, name_case: NameCase) -> dict[str, dict[str, Any]]:
    """Return the schemas by their ids in lower case, as they are for a source with this rule for userNames."""
    schemas = [_schema(model, name_case) for model in (USER, *USER_EXTENSIONS, GROUP)]
    return {str(each.id).lower(): _rendered(each, f"{base}/Schemas/{each.id}", "Schema") for each in schemas}


def _schema(model: Any, name_case: NameCase) -> Schema:
    schema: Schema = model.to_schema()
    for attribute in schema.attributes or ():
        if attribute.name == "active":
            # Nobody can take it away, and a User that is created without it gets it.
            attribute.required = Required.true
        if attribute.name == "userName" and name_case is NameCase.EXACT:
            attribute.case_exact = CaseExact.true
        for place, name in [(attribute, attribute.name)] + [
            (inner, f"{attribute.name}.{inner.name}") for inner in attribute.sub_attributes or ()
        ]:
            if name in _REFERENCES:
                place.type, place.reference_types = Attribute.Type.reference, _REFERENCES[name]
    return schema


def _rendered(resource: Any, location: str, kind: str) -> dict[str, Any]:
    body: dict[str, Any] = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return {**body, "meta": {"resourceType": kind, "location": location}}


def _one(call: Call, kind: str, resources: dict[str, dict[str, Any]]) -> Response:
    _refuse_filter(call)
    found = resources.get(call.resource_id.lower())
    if found is None:
        raise NotFoundError(kind, call.resource_id)
    return ScimResponse(found)


def _refuse_filter(call: Call) -> None:
    if "filter" in call.query:
        raise ForbiddenException(detail="discovery takes no filter")
