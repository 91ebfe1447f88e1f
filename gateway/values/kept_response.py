"""A response that is kept, so that a later request can go on from it."""

import msgspec

from gateway.values.sensitivity import Sensitivity


class KeptResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is who may see it, by the name of its key. `items`: what its request added to the conversation, and `body` the
    response, both as they came; `previous` is the response that it goes on from. `sensitivity` is that of the whole of it.
    """

    id: str
    key: str
    created: float  # seconds since the epoch
    sensitivity: Sensitivity
    items: tuple[msgspec.Raw, ...]
    body: bytes
    previous: str | None = None

    def output(self) -> list[msgspec.Raw]:
        """The items that the model gave."""
        return _body(self.body).output

    def named_items(self) -> list[dict[str, msgspec.Raw]]:
        """What its request added, each with an id, as a caller who lists them sees it."""
        return [_named(_members(item), self.id, at) for at, item in enumerate(self.items)]

    def all_items(self) -> list[dict[str, msgspec.Raw]]:
        """These, and the output."""
        return [*self.named_items(), *map(_members, self.output())]

    def item(self, item_id: str) -> msgspec.Raw | None:
        """One of them, or of the output."""
        for at, item in enumerate(self.items):
            if _id_of(_named(_members(item), self.id, at)) == item_id:
                return item
        return next((item for item in self.output() if _id_of(_members(item)) == item_id), None)

    def item_ids(self) -> list[str]:
        """The ids of all."""
        own = [_id_of(item) for item in self.named_items()]
        return [one for one in (*own, *(_id_of(_members(item)) for item in self.output())) if one]


class _Body(msgspec.Struct):
    output: list[msgspec.Raw] = []


_body = msgspec.json.Decoder(_Body).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


def _word(raw: msgspec.Raw | None) -> str:
    value = None if raw is None else msgspec.json.decode(raw)
    return value if isinstance(value, str) else ""


def _id_of(item: dict[str, msgspec.Raw]) -> str:
    return _word(item.get("id"))


def _named(item: dict[str, msgspec.Raw], response_id: str, at: int) -> dict[str, msgspec.Raw]:
    """With an id, a type, a status, and content in parts."""
    kind = _word(item.get("type")) or "message"
    made = f"{_PREFIXES.get(kind, 'item')}_{response_id.removeprefix('resp_')}_in{at}"
    named = {"id": msgspec.Raw(_encode(_id_of(item) or made)), "type": msgspec.Raw(_encode(kind))}
    content = item.get("content")
    if kind == "message" and content is not None and bytes(content).startswith(b'"'):
        part = b"output_text" if _word(item.get("role")) == "assistant" else b"input_text"
        more = b',"annotations":[],"logprobs":[]' if part == b"output_text" else b""
        item = {**item, "content": msgspec.Raw(b'[{"type":"%b","text":%b%b}]' % (part, bytes(content), more))}
    if kind != "reasoning":
        named["status"] = msgspec.Raw(b'"completed"')
    return {**item, **named} if "status" not in item else {**item, **named, "status": item["status"]}
