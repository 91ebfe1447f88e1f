"""AWS's own description of the API, as botocore has it: is a body what it says?"""

import base64
import re
from functools import cache
from typing import Any

import botocore.parsers
import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator


@cache
def _service() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def operation(name: str) -> OperationModel:
    return _service().operation_model(name)


def request_problems(name: str, body: dict[str, Any]) -> list[str]:
    """What is wrong with a body; members that are not of the API, too."""
    shape = operation(name).input_shape
    assert shape is not None
    unknown: list[str] = []
    params = {"modelId": "m", **_params(body, shape, "", unknown)}
    report = ParamValidator().validate(params, shape)
    return [*unknown, *([report.generate_report()] if report.has_errors() else [])]


def answer_of(name: str, body: bytes) -> dict[str, Any]:
    """What botocore makes of an answer."""
    parser = botocore.parsers.RestJSONParser()
    parsed: dict[str, Any] = parser.parse(
        {"status_code": 200, "headers": {}, "body": body}, operation(name).output_shape
    )
    return parsed


def _params(value: Any, shape: Shape, path: str, unknown: list[str]) -> Any:
    """JSON as botocore's parameters: bytes are in base64."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        unknown += [f"{path}.{name} is unknown" for name in value if name not in members]
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            unknown.append(f"{path} has {len(value)} members of a union")
        return {
            name: _params(one, members[name], f"{path}.{name}", unknown)
            for name, one in value.items()
            if name in members
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_params(one, shape.member, f"{path}[]", unknown) for one in value]
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        unknown.append(f"{path} is {value!r}")
    pattern = shape.metadata.get("pattern")
    if pattern and path.endswith(("toolUseId", "name")) and not re.fullmatch(pattern, value):
        unknown.append(f"{path} is not like {pattern}")
    return value
