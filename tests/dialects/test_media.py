"""Sound, images, rankings and judgements: what is sent, what is made of answers, and of streams in pieces of any size."""

import json
from typing import Any

import msgspec
import pytest

from gateway.dialects.openai.images import ImagesTranslator
from gateway.dialects.openai.moderations import ModerationsTranslator
from gateway.dialects.openai.speech import SpeechTranslator
from gateway.dialects.openai.transcriptions import TranscriptionsTranslator
from gateway.dialects.rerank import Documents, RerankTranslator, ScoreTranslator
from gateway.surfaces import table
from gateway.surfaces.row import SurfaceRow
from gateway.values.answer import Chunk
from gateway.values.caller import Caller
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.upload import FilePart, Piece, Upload
from tests.insight.worlds import deployment as target_of
from tests.support import media
from tests.support.openai_spec import check, schemas

TRANSCRIPTIONS = TranscriptionsTranslator("/audio/transcriptions")
VLLM = TranscriptionsTranslator("/audio/transcriptions", "stream_include_usage")
SPEECH = SpeechTranslator()
IMAGES = ImagesTranslator("/images/generations", "image_generation.completed")


class InMemory:
    """Files that are held in memory, or that say that they are not."""

    def __init__(self, data: bytes, *, in_memory: bool = True) -> None:
        self.data = data
        self.in_memory = in_memory

    def read(self, at: int, size: int) -> bytes:
        return self.data[at : at + size]


def request(row: SurfaceRow, **fields: Any) -> Request:
    body = json.dumps({"model": "m", **fields}).encode()
    return row.read(body, {}, Caller.anonymous(), "d")


def with_file(asked: Request, data: bytes = b"RIFF", *, in_memory: bool = True) -> Request:
    file = FilePart("file", ".wav", "audio/wav", 0, len(data))
    upload = Upload((file,), InMemory(data, in_memory=in_memory), "b0undary")
    return msgspec.structs.replace(asked, upload=upload)


def heard(**fields: Any) -> Request:
    return request(table.TRANSCRIPTIONS, **fields)


def outcome(work: Any) -> Outcome:
    with pytest.raises(AttemptFailed) as failed:
        work()
    return failed.value.outcome


# -- streams


def read(decoder: Any, data: bytes, size: int) -> tuple[bytes, Chunk]:
    """What is forwarded, and the last chunk, of a stream that comes in pieces of this size."""
    chunks: list[Chunk] = []
    for at in range(0, len(data), size):
        chunks += decoder.feed(data[at : at + size])
        if chunks and (chunks[-1].done or chunks[-1].failure):
            break
    else:
        chunks.append(decoder.end())
    assert not any(chunk.done for chunk in chunks[:-1])
    return b"".join(chunk.forward for chunk in chunks), chunks[-1]


def data_of(stream: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: ")]


STREAMS = {
    "transcript": (TRANSCRIPTIONS, heard(stream=True), media.stream_of(*media.TRANSCRIPT_EVENTS), media.TRANSCRIPT_EVENTS),
    "speech": (
        SPEECH, request(table.SPEECH, input="hi", voice="alloy", stream_format="sse"),
        media.stream_of(*media.SPEECH_EVENTS), media.SPEECH_EVENTS,
    ),
    "images": (
        IMAGES, request(table.IMAGES, prompt="a cat", n=2, stream=True),
        media.stream_of(*media.image_events("image_generation", 2)), media.image_events("image_generation", 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_the_same_in_pieces_of_any_size(name: str, size: int) -> None:
    translator, asked, stream, expected = STREAMS[name]
    forward, last = read(translator.decoder(asked), stream, size)
    assert data_of(forward) == list(expected)
    assert last.done


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_anywhere_does_not_look_finished(name: str) -> None:
    translator, asked, stream, _ = STREAMS[name]
    for end in range(0, len(stream) - 2, 5):
        _, last = read(translator.decoder(asked), stream[:end], 64)
        assert last.failure is not None, stream[:end]
        assert last.failure.outcome in (Outcome.TRUNCATED, Outcome.EMPTY_ANSWER, Outcome.MALFORMED_ANSWER)


def test_the_events_are_those_of_the_published_schema() -> None:
    spec = schemas()
    for name, (translator, asked, stream, _) in STREAMS.items():
        kind = {
            "transcript": "CreateTranscriptionResponseStreamEvent", "speech": "CreateSpeechResponseStreamEvent",
            "images": "ImageGenStreamEvent",
        }[name]  # fmt: skip
        for event in data_of(read(translator.decoder(asked), stream, 100_000)[0]):
            check(spec, kind, event)


def test_usage_of_streams() -> None:
    def used(name: str) -> Any:
        translator, asked, stream, _ = STREAMS[name]
        decoder = translator.decoder(asked)
        read(decoder, stream, 50)
        return decoder.summary().usage

    assert (used("transcript").prompt_tokens, used("transcript").audio_prompt_tokens) == (14, 10)
    assert (used("speech").prompt_tokens, used("speech").completion_tokens) == (14, 101)
    assert used("speech").units.characters == 2
    images = used("images")
    assert (images.prompt_tokens, images.image_prompt_tokens, images.completion_tokens) == (100, 80, 100)
    assert images.units.images == 2


@pytest.mark.parametrize("size", [1, 100_000])
def test_vllms_stream_becomes_openais(size: int) -> None:
    stream = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in media.VLLM_CHUNKS) + b"data: [DONE]\n\n"
    decoder = VLLM.decoder(heard(stream=True))
    forward, last = read(decoder, stream, size)
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
    assert data_of(forward) == [
        {"type": "transcript.text.delta", "delta": "Imagine "},
        {"type": "transcript.text.delta", "delta": "that."},
        {"type": "transcript.text.done", "text": "Imagine that.", "usage": usage},
    ]
    assert last.done
    assert decoder.summary().usage.completion_tokens == 45
    for cut in (stream[:-20], stream.partition(b'"stop"')[0]):
        assert read(VLLM.decoder(heard(stream=True)), cut, 100)[1].failure.outcome is Outcome.TRUNCATED


def test_mistrals_stream_becomes_openais() -> None:
    usage = {"prompt_audio_seconds": 30, "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
    events = (
        {"type": "transcription.language", "audio_language": "en"}, {"type": "transcription.text.delta", "text": "Hi"},
        {"type": "transcription.done", "model": "voxtral", "text": "Hi", "language": "en", "usage": usage},
    )  # fmt: skip
    decoder = TRANSCRIPTIONS.decoder(heard(stream=True))
    forward, last = read(decoder, media.stream_of(*events), 9)
    assert [one["type"] for one in data_of(forward)] == [
        "transcription.language", "transcript.text.delta", "transcript.text.done",
    ]  # fmt: skip
    assert last.done
    used = decoder.summary().usage
    assert (used.prompt_tokens, used.completion_tokens, used.units.audio_s) == (4, 5, 30)


def test_a_whole_answer_to_a_stream_becomes_events() -> None:
    """whisper-1 and dall-e do not stream, whatever they are asked."""
    body = json.dumps({"text": media.TEXT, "usage": {"type": "duration", "seconds": 30}}).encode()
    forward, last = read(TRANSCRIPTIONS.decoder(heard(stream=True)), body, 10)
    assert [one["type"] for one in data_of(forward)] == ["transcript.text.delta", "transcript.text.done"]
    assert data_of(forward)[1]["usage"] == {"type": "duration", "seconds": 30}
    assert last.done
    body = json.dumps({"created": 1, "data": [{"b64_json": media.IMAGE}]}).encode()
    forward, last = read(IMAGES.decoder(request(table.IMAGES, prompt="x", stream=True)), body, 10)
    assert data_of(forward) == [{"type": "image_generation.completed", "b64_json": media.IMAGE}]
    assert last.done


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b'{"type":"error","error":{"message":"x"}}', Outcome.ERROR_IN_ANSWER),
        (b'{"error":{"message":"x"}}', Outcome.ERROR_IN_ANSWER),
        (b"[DONE]", Outcome.TRUNCATED),
        (b"{not json", Outcome.MALFORMED_ANSWER),
        (b"null", Outcome.MALFORMED_ANSWER),
        (b"[1]", Outcome.MALFORMED_ANSWER),
        (b"{}", Outcome.MALFORMED_ANSWER),
        (b'{"type":5}', Outcome.MALFORMED_ANSWER),
        (b"\xff\xfe", Outcome.MALFORMED_ANSWER),
        (b'{"choices":[{"delta":7}]}', Outcome.MALFORMED_ANSWER),
        (b"[" * 5000, Outcome.MALFORMED_ANSWER),
    ],
)
def test_events_that_are_none(event: bytes, expected: Outcome) -> None:
    for translator, asked, _, _ in STREAMS.values():
        if b"choices" in event and translator is not TRANSCRIPTIONS:
            continue
        failure = read(translator.decoder(asked), b"data: " + event + b"\n\n", 100)[1].failure
        assert failure is not None
        assert failure.outcome is expected


# -- speech


def test_sound_is_passed_on_as_it_comes() -> None:
    decoder = SPEECH.decoder(request(table.SPEECH, input="hello", voice="alloy"))
    forward, last = read(decoder, media.SOUND, 1000)
    assert forward == media.SOUND
    assert last.done
    assert decoder.summary().usage.units.characters == 5
    silent = SPEECH.decoder(request(table.SPEECH, input="hello", voice="alloy"))
    assert silent.end().failure.outcome is Outcome.EMPTY_ANSWER
    assert silent.summary().usage is None


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("audio/mpeg", "audio/mpeg"), ("audio/ogg; codecs=opus", "audio/ogg; codecs=opus"),
        ("application/octet-stream", "application/octet-stream"), ("", "application/octet-stream"),
        ("application/json", None), ("text/html", None), ("audio/mpeg\r\nx: y", None), ("audio/x; " + "a=b; " * 50, None),
    ],
)  # fmt: skip
def test_what_is_sound(said: str, given: str | None) -> None:
    asked = request(table.SPEECH, input="hello", voice="alloy")
    headers = {"content-type": said} if said else {}
    if given is None:
        assert outcome(lambda: SPEECH.media(asked, headers, delimited=True)) is Outcome.MALFORMED_ANSWER
    else:
        assert SPEECH.media(asked, headers, delimited=True) == given
    assert outcome(lambda: SPEECH.media(asked, headers, delimited=False)) is Outcome.MALFORMED_ANSWER


# -- transcriptions


def test_a_form_is_made_anew() -> None:
    fields = {"language": "de", "timestamp_granularities[]": ["word", "segment"], 'odd"\r\nname': "ü"}
    call = TRANSCRIPTIONS.encode(with_file(heard(response_format="text", **fields)), target_of("t"))
    assert dict(call.headers)["content-type"] == "multipart/form-data; boundary=b0undary"
    parts = call.body.split(b"--b0undary")
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    texts = [part.partition(b"\r\n\r\n") for part in parts[1:-1]]
    assert [(head.strip(), text) for head, _, text in texts] == [
        (b'content-disposition: form-data; name="model"', target_of("t").model.encode() + b"\r\n"),
        (b'content-disposition: form-data; name="response_format"', b"json\r\n"),
        (b'content-disposition: form-data; name="language"', b"de\r\n"),
        (b'content-disposition: form-data; name="timestamp_granularities[]"', b"word\r\n"),
        (b'content-disposition: form-data; name="timestamp_granularities[]"', b"segment\r\n"),
        (b'content-disposition: form-data; name="odd%22%0D%0Aname"', "ü\r\n".encode()),
        (
            b'content-disposition: form-data; name="file"; filename="upload.wav"\r\ncontent-type: audio/wav',
            b"RIFF\r\n",
        ),
    ]


def test_a_large_file_is_read_when_it_is_sent() -> None:
    in_file = TRANSCRIPTIONS.encode(with_file(heard(), b"RIFF" * 100, in_memory=False), target_of("t"))
    whole = TRANSCRIPTIONS.encode(with_file(heard(), b"RIFF" * 100), target_of("t"))
    assert in_file.body == b""
    assert [type(one) for one in in_file.more].count(Piece) == 1
    read_all = (one.held.read(one.at, one.size) if isinstance(one, Piece) else one for one in in_file.more)
    assert b"".join(read_all) == whole.body


def test_a_stream_asks_vllm_for_usage() -> None:
    call = VLLM.encode(with_file(heard(stream=True)), target_of("t"))
    assert b'name="stream_include_usage"\r\n\r\ntrue\r\n' in call.body
    assert b"stream_include_usage" not in VLLM.encode(with_file(heard()), target_of("t")).body


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("wanted", ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"])
def test_every_format(wanted: str) -> None:
    asked = heard(response_format=wanted)
    body = body_of(media.transcript("json" if wanted == "text" else wanted))
    answer = TRANSCRIPTIONS.decode(body, asked)
    is_json = wanted.endswith("json")
    assert answer.media == ("application/json" if is_json else "text/plain; charset=utf-8")
    assert answer.body == (media.TEXT.encode() + b"\n" if wanted == "text" else body)
    assert answer.usage is not None
    assert answer.usage.units is not None
    assert answer.usage.units.audio_s == (12.5 if wanted in ("srt", "vtt") else 30)
    assert answer.usage.estimated is (wanted in ("srt", "vtt"))
    if is_json:
        name = {"json": "Json", "verbose_json": "VerboseJson", "diarized_json": "DiarizedJson"}[wanted]
        check(schemas(), f"CreateTranscriptionResponse{name}", json.loads(answer.body))


def test_seconds_that_only_the_duration_says() -> None:
    """vLLM says it as a text."""
    for duration in (8.47, "8.47"):
        body = json.dumps({"text": "x", "language": "en", "duration": duration}).encode()
        usage = TRANSCRIPTIONS.decode(body, heard(response_format="verbose_json")).usage
        assert usage is not None
        assert usage.units is not None
        assert usage.units.audio_s == 8.47
    for odd in ("long", -1, [1], None, 1e300):
        body = json.dumps({"text": "x", "duration": odd}).encode()
        if isinstance(odd, list):
            assert outcome(lambda sent=body: TRANSCRIPTIONS.decode(sent, heard())) is Outcome.MALFORMED_ANSWER
        else:
            assert TRANSCRIPTIONS.decode(body, heard()).usage is None


@pytest.mark.parametrize(
    ("wanted", "body", "expected"),
    [
        ("json", b"", Outcome.EMPTY_ANSWER),
        ("json", b"null", Outcome.MALFORMED_ANSWER),
        ("json", b"{}", Outcome.MALFORMED_ANSWER),
        ("json", b'{"text":null}', Outcome.MALFORMED_ANSWER),
        ("json", b'{"text":"x"', Outcome.MALFORMED_ANSWER),
        ("json", b'{"error":{"message":"x"}}', Outcome.ERROR_IN_ANSWER),
        ("text", b"plain", Outcome.MALFORMED_ANSWER),
        ("json", b"[" * 5000, Outcome.MALFORMED_ANSWER),
        ("vtt", b"", Outcome.EMPTY_ANSWER),
        ("vtt", b"hello", Outcome.MALFORMED_ANSWER),
        ("vtt", b'{"text":"x"}', Outcome.MALFORMED_ANSWER),
        ("srt", b'{"error":{"message":"x"}}', Outcome.ERROR_IN_ANSWER),
        ("srt", b"hello", Outcome.MALFORMED_ANSWER),
        ("srt", b"\xff\xfe", Outcome.MALFORMED_ANSWER),
    ],
)
def test_what_is_no_transcript(wanted: str, body: bytes, expected: Outcome) -> None:
    assert outcome(lambda: TRANSCRIPTIONS.decode(body, heard(response_format=wanted))) is expected


def test_silence_is_a_transcript() -> None:
    assert TRANSCRIPTIONS.decode(b'{"text":""}', heard()).body == b'{"text":""}'
    assert TRANSCRIPTIONS.decode(b"", heard(response_format="srt")).usage is None


# -- images


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"data": []}, Outcome.EMPTY_ANSWER),
        ({"data": [{}]}, Outcome.MALFORMED_ANSWER),
        ({"data": [{"b64_json": ""}]}, Outcome.MALFORMED_ANSWER),
        ({"data": [{"url": 5}]}, Outcome.MALFORMED_ANSWER),
        ({"data": {}}, Outcome.MALFORMED_ANSWER),
        ({"created": 1}, Outcome.MALFORMED_ANSWER),
        ({"error": {"message": "x"}}, Outcome.ERROR_IN_ANSWER),
    ],
)
def test_what_is_no_image(body: Any, expected: Outcome) -> None:
    asked = request(table.IMAGES, prompt="x")
    assert outcome(lambda: IMAGES.decode(json.dumps(body).encode(), asked)) is expected


def test_images_by_tokens_and_by_kind() -> None:
    asked = request(table.IMAGES, prompt="x", size="1024x1536", quality="auto")
    body = {"created": 1, "data": [{"url": "https://x"}, {"b64_json": "aGk="}], "usage": media.IMAGE_USAGE}
    usage = IMAGES.decode(json.dumps(body).encode(), asked).usage
    assert usage is not None
    assert usage.units is not None
    assert (usage.image_prompt_tokens, usage.image_completion_tokens) == (40, 50)
    assert (usage.units.images, usage.units.image_kind) == (2, "1024x1536")
    check(schemas(), "ImagesResponse", body)
    told = {**body, "usage": None, "size": "1024x1024", "quality": "hd"}
    usage = IMAGES.decode(json.dumps(told).encode(), asked).usage
    assert usage is not None
    assert usage.units is not None
    assert (usage.prompt_tokens, usage.units.image_kind) == (0, "1024x1024/hd")


# -- rankings and judgements


def ranking(body: Any, **fields: Any) -> Any:
    asked = request(table.RERANK, query="q", **{"documents": ["a", "b", "c"], **fields})
    return json.loads(RerankTranslator().decode(json.dumps(body).encode(), asked).body)


def results(*places: int, **more: Any) -> dict[str, Any]:
    return {"results": [{"index": at, "relevance_score": 1.0 - at / 10, **more} for at in places]}


def test_documents_are_there_where_they_are_asked_for() -> None:
    objects = [{"text": "a", "id": 1}, "b", "c"]
    assert ranking(results(1, 0, 2), documents=objects, return_documents=True)["results"][1]["document"] == objects[0]
    with_text = results(1, 0, 2, document={"text": "b"})
    assert ranking(with_text) == with_text
    assert "document" not in ranking(with_text, return_documents=False)["results"][0]
    assert [one["index"] for one in ranking(results(2, 0, 1), top_n=2)["results"]] == [0, 1]
    assert len(ranking(results(2, 0, 1), top_n=0)["results"]) == 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (results(), Outcome.EMPTY_ANSWER),
        (results(0, 1), Outcome.TRUNCATED),
        (results(0, 1, 1), Outcome.MALFORMED_ANSWER),
        (results(0, 1, 3), Outcome.MALFORMED_ANSWER),
        (results(0, 1, -1), Outcome.MALFORMED_ANSWER),
        ({"results": [{"index": 0}]}, Outcome.MALFORMED_ANSWER),
        ({"results": None}, Outcome.MALFORMED_ANSWER),
        ({"error": "x"}, Outcome.ERROR_IN_ANSWER),
    ],
)
def test_what_is_no_ranking(body: Any, expected: Outcome) -> None:
    assert outcome(lambda: ranking(body)) is expected


def test_documents_in_the_form_of_each() -> None:
    asked = request(
        table.RERANK, query="q", documents=["a", {"text": "b", "title": "t"}], return_documents=True, top_n=1
    )
    cohere = RerankTranslator(Documents.TEXTS, says_documents=False).prepare(asked)
    assert json.loads(bytes(cohere.request.fields["documents"])) == ["a", "b"]
    assert cohere.lost == ("documents[].title",)
    assert "return_documents" not in cohere.request.fields
    assert RerankTranslator().prepare(asked).request is asked
    shown = request(table.RERANK, query="q", documents=[{"content": [{"type": "text", "text": "b"}]}])
    assert RerankTranslator(Documents.TEXTS_OR_CONTENT).prepare(shown).lost == ()
    assert outcome(lambda: RerankTranslator(Documents.TEXTS).prepare(shown)) is Outcome.FIELD_REFUSED


@pytest.mark.parametrize(
    ("body", "tokens", "searches", "estimated"),
    [
        ({"meta": {"billed_units": {"search_units": 2}}}, 0, 2, False),
        ({"usage": {"total_tokens": 815}}, 815, 1, False),
        ({"tokens": {"input_tokens": 12, "output_tokens": 0}}, 12, 1, False),
        ({"usage": {"prompt_tokens": 7, "total_tokens": 7}}, 7, 1, False),
        ({"usage": {"total_tokens": "many"}, "meta": 5}, 6, 1, True),
        ({}, 6, 1, True),
    ],
)
def test_usage_of_rankings(body: Any, tokens: int, searches: int, estimated: bool) -> None:
    asked = request(table.RERANK, query="q", documents=["a", "b", "c"])
    usage = RerankTranslator().decode(json.dumps({**results(0, 1, 2), **body}).encode(), asked).usage
    assert usage is not None
    assert usage.units is not None
    assert (usage.prompt_tokens, usage.units.searches, usage.estimated) == (tokens, searches, estimated)


def test_scores_are_one_for_each_pair() -> None:
    asked = request(table.SCORE, text_1="q", text_2=["a", "b"])
    data = [{"index": at, "score": 0.5} for at in range(2)]
    assert ScoreTranslator().decode(json.dumps({"data": data}).encode(), asked).usage is not None
    for body, expected in (
        ({"data": data[:1]}, Outcome.TRUNCATED), ({"data": [data[0], data[0]]}, Outcome.MALFORMED_ANSWER),
        ({"data": []}, Outcome.EMPTY_ANSWER), ({"data": [{"index": 0, "score": None}] * 2}, Outcome.MALFORMED_ANSWER),
    ):  # fmt: skip
        assert outcome(lambda sent=body: ScoreTranslator().decode(json.dumps(sent).encode(), asked)) is expected


def test_judgements_are_one_for_each_input_and_say_whether_any_applies() -> None:
    """Mistral's say only which."""
    asked = request(table.MODERATIONS, input=["a", "b"])
    one = {"categories": media.CATEGORIES, "category_scores": {"harassment": 0.8, "violence": 0.1}}
    body = ModerationsTranslator().decode(json.dumps({"results": [one, one]}).encode(), asked).body
    assert [told["flagged"] for told in json.loads(body)["results"]] == [True, True]
    assert (
        outcome(lambda: ModerationsTranslator().decode(json.dumps({"results": [one]}).encode(), asked))
        is Outcome.TRUNCATED
    )
    parts = request(table.MODERATIONS, input=[{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}])
    assert parts.inputs == 1
    assert {need.value for need in parts.facts.needs} == {"vision"}
