"""Sound, images and judgements with the official SDK, over real sockets; a large file through a process whose memory is bounded."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import openai
import psutil
import pytest

from tests.support import media
from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted

SERVES = ["moderations", "transcriptions", "translations", "speech", "images", "image_edits"]
MIB = 1024 * 1024


class Provider(Scripted):
    """Keeps no bodies that are large."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.lengths: list[int] = []

    def _answer(self, asked: Asked) -> bytes | None:
        self.lengths.append(len(asked.body))
        if len(asked.body) > MIB:
            self.asked[-1] = Asked(asked.path, asked.headers, b"")
            return media.transcript("json")
        return media.good(asked) if media.model_of(asked) == "ok" else media.badly(asked)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    def one(model: str) -> dict[str, Any]:
        return deployment(provider.base_url, model, surfaces=SERVES, price={"audio_minute_usd": 0.006})

    config = {"deployments": {"m": one("ok"), "cut": one("cut"), "fails": one("fails_500")}}
    with GatewayProcess(tmp_path_factory.mktemp("media"), config) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)


def test_transcriptions(client: openai.OpenAI) -> None:
    ask = client.audio.transcriptions.create
    sound = ("talk.mp3", b"ID3sound")
    whole = ask(model="m", file=sound, language="en", timestamp_granularities=["word"])
    assert (whole.text, whole.usage.seconds) == (media.TEXT, 30)  # type: ignore[union-attr]
    assert ask(model="m", file=sound, response_format="text") == f"{media.TEXT}\n"
    assert ask(model="m", file=sound, response_format="srt").startswith("1\n00:00:00,000")
    assert ask(model="m", file=sound, response_format="verbose_json").duration == 29.6
    assert [one.type for one in ask(model="m", file=sound, stream=True)] == [
        "transcript.text.delta", "transcript.text.delta", "transcript.text.done",
    ]  # fmt: skip
    assert client.audio.translations.create(model="m", file=sound).text == media.TEXT
    with pytest.raises(openai.InternalServerError):
        ask(model="fails", file=sound)
    with pytest.raises(openai.BadRequestError, match="response_format"):
        ask(model="m", file=sound, response_format="pdf")  # type: ignore[call-overload]


def test_speech(client: openai.OpenAI, tmp_path: Path) -> None:
    with client.audio.speech.with_streaming_response.create(model="m", voice="alloy", input="hello") as answer:
        answer.stream_to_file(tmp_path / "said.mp3")
        assert answer.headers["content-type"] == "audio/mpeg"
    assert (tmp_path / "said.mp3").read_bytes() == media.SOUND
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.audio.speech.with_streaming_response.create(model="cut", voice="alloy", input="hello") as answer,
    ):
        answer.read()


def test_images(client: openai.OpenAI) -> None:
    assert [one.b64_json for one in client.images.generate(model="m", prompt="a cat", n=2).data or ()] == [
        media.IMAGE
    ] * 2
    kinds = [one.type for one in client.images.generate(model="m", prompt="a cat", stream=True, partial_images=1)]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"]
    picture = ("cat.png", b"\x89PNG")
    edited = client.images.edit(model="m", prompt="a hat", image=[picture, picture], mask=picture)
    assert [one.b64_json for one in edited.data or ()] == [media.IMAGE]
    kinds = [one.type for one in client.images.edit(model="m", prompt="a hat", image=picture, stream=True)]
    assert kinds == ["image_edit.partial_image", "image_edit.completed"]


def test_moderations(client: openai.OpenAI) -> None:
    assert [one.flagged for one in client.moderations.create(model="m", input=["a", "b"]).results] == [True, True]
    with pytest.raises(openai.NotFoundError):  # no deployment has the name that OpenAI takes then
        client.moderations.create(input="a")


def test_models(client: openai.OpenAI) -> None:
    every = client.models.list().data
    assert {one.id for one in every} == {"m", "cut", "fails"}  # where no models are named
    one = client.models.retrieve("m")
    assert one.id == "m"
    assert one.model_extra is not None
    assert one.model_extra["surfaces"] == [
        "audio.speech", "audio.transcriptions", "audio.translations", "images.edits", "images.generations", "moderations",
    ]  # fmt: skip


def _upload(gateway: GatewayProcess, size: int) -> httpx.Response:
    """Sent as it is made: nothing of it is held here."""
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="long.wav"\r\ncontent-type: audio/wav\r\n\r\n'
    tail = b'\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n'
    block = os.urandom(MIB)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(size // MIB):
            yield block
        yield tail

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(head) + size + len(tail))}
    url = f"{gateway.url}/v1/audio/transcriptions"
    return httpx.post(url, content=body(), headers=headers, trust_env=False, timeout=120)


def test_a_large_file_goes_through_little_memory(gateway: GatewayProcess, provider: Provider) -> None:
    """40 MiB, with what the process took at most; the whole of it is sent."""
    process = psutil.Process(gateway.pid)
    _upload(gateway, 2 * MIB)
    before, most = process.memory_info().rss, 0
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(_upload(gateway, 40 * MIB)))
    thread.start()
    while thread.is_alive():
        most = max(most, process.memory_info().rss)
        time.sleep(0.005)
    assert answers[0].json()["text"] == media.TEXT
    assert provider.lengths[-1] > 40 * MIB
    assert most - before < 24 * MIB
