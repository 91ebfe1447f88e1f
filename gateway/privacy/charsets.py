"""Bytes as text: under the charset that is declared, and under those that they may be written in.

No guess decides whether bytes are looked at. What reads as text is read whole, under each charset in which it makes
sense; of the rest the stretches of plain characters are read, as `strings` prints them.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from gateway.privacy.budget import Meter

BETWEEN = "\f"  # between two stretches: no value goes on over it
_BLOCK = 4096  # bytes that are judged at once
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 27), *range(28, 32), 127])
_MOST_CONTROLS = 25  # one in so many bytes; chance gives one in nine
_PLAIN = bytes([9, 10, 13, *range(32, 127)])
_SAMPLE = 128  # bytes of a block by which a charset is judged, at its head and in its middle
_SHORT_STRING = 6  # characters of a stretch among bytes that hold few controls
_LONG_STRING = 12  # among any bytes; chance gives one in 250 KB, and hardly ever one with a finding
_LONGEST_STRING = 4096
_STRETCH = re.compile(rb"[\t -~]{%d,}" % _LONG_STRING)
_AT_EDGES = re.compile(rb"[\t -~]{%d,}|\A[\t -~]+|[\t -~]+\Z" % _SHORT_STRING)  # those that may go on, too
_SHOWN = re.compile(rb"[\t -~]")
_WIDE = re.compile(rb"(?:[\t -~]\0){%d,}" % _LONG_STRING)  # the same in UTF-16
_WIDE_CODECS = {"utf-32-le": 4, "utf-32-be": 4, "utf-16-le": 2, "utf-16-be": 2}
_EAST_ASIAN = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
_COMMON = re.compile(r"[\t\n\r -~\u00a0-\u00ff\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]+")
_WESTERN = "cp1252"
# what `charset=` may name; only what gives text, and of what browsers know (the WHATWG's encoding standard) the most
_DECLARED = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "big5-hkscs": "big5hkscs",
    "shift_jis": "cp932", "sjis": "cp932", "windows-31j": "cp932", "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "utf-32": "utf-32-le", "utf-32le": "utf-32-le", "utf-32be": "utf-32-be", "utf-7": "utf-7", "koi8-r": "koi8_r",
    "koi8-u": "koi8_u", "ibm037": "cp037", "cp037": "cp037", "ibm500": "cp500", "ibm1047": "cp1140", "macintosh": "mac_roman",
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852, 866, 932, 936, 949, *range(1250, 1259))},
    **{f"iso-8859-{number}": f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))},
}  # fmt: skip
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UNSAID = ("Cn", "Co", "Cs")  # Unicode's categories of what is no character, nobody's or half of one

Readings = tuple[str, ...]  # of the same bytes; none where they say nothing


def texts(data: bytes, declared: str, may_hold: Callable[[bytes], bool], meter: Meter) -> Readings:
    """What the bytes say, in all readings that make sense.

    `declared` is a charset's name, or nothing; `may_hold` is whether a block may hold a stretch of plain characters.
    """
    parts = []
    for is_text, some in groupby(_blocks(data), _reads_as_text):
        part = _readings(list(some), meter) if is_text else _strings(some, may_hold, meter)  # noqa: B031 - once
        if part:
            parts.append(part)
    most = max(map(len, parts), default=0)
    found = _different(BETWEEN.join([part[min(at, len(part) - 1)] for part in parts]) for at in range(most))
    codec = _DECLARED.get(declared.lower()) or next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if codec is not None:
        meter.take(len(data))
        found = _different((*found, _decoded(_blocks(data), codec, meter)))
    return found


def _different(texts_found: Iterable[str]) -> Readings:
    """Each once. A hash of a long text would take longer than to compare it."""
    found: list[str] = []
    for text in texts_found:
        if text not in found:
            found.append(text)
    return tuple(found)


def is_text(data: bytes) -> bool:
    """Whether a few bytes are text, under some charset."""
    return bool(data) and _reads_as_text(data)


def _blocks(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK))


def _samples(block: bytes) -> tuple[bytes, bytes]:
    middle = len(block) // 8 * 4
    return block[:_SAMPLE], block[middle : middle + _SAMPLE]


def _reads_as_text(block: bytes) -> bool:
    """By the share of its control bytes; whatever that is if it is UTF-8, UTF-16 or UTF-32."""
    controls = len(block) - len(block.translate(None, _CONTROLS))
    if controls * _MOST_CONTROLS <= len(block):
        return True
    head = block[:_SAMPLE]
    return _makes_sense("utf-8", head) or any(_makes_sense(codec, head) for codec in _WIDE_CODECS)


def _readings(blocks: list[bytes], meter: Meter) -> Readings:
    """The blocks under each charset in which some of them make sense; one where they are UTF-8 from end to end."""
    size = sum(map(len, blocks))
    meter.take(size)
    if not any(b"\0" in block for block in blocks) and (text := _utf8(blocks, meter)) is not None:
        return (text,)
    fits = [codec for codec in ("utf-8", *_WIDE_CODECS, *_EAST_ASIAN, _WESTERN) if _fits(codec, blocks, meter)]
    meter.take(size * len(fits))
    found = [_decoded(iter(blocks), codec, meter) for codec in fits]
    if all(codec in _WIDE_CODECS for codec in fits):
        found.append(_shown(blocks, meter))
    return _different(found)


def _fits(codec: str, blocks: list[bytes], meter: Meter) -> bool:
    for block in blocks:
        meter.work()
        if any(_makes_sense(codec, sample) for sample in _samples(block)):
            return True
    return False


def _utf8(blocks: list[bytes], meter: Meter) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    found = []
    try:
        for block in blocks:
            meter.pause()
            found.append(decoder.decode(block).replace(BETWEEN, "\n"))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return "".join(found)


def _decoded(blocks: Iterator[bytes], codec: str, meter: Meter) -> str:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    found = []
    for block in blocks:
        meter.work(len(block) // 256)
        found.append(decoder.decode(block).replace(BETWEEN, "\n"))
    found.append(decoder.decode(b"", final=True))
    return "".join(found)


def _makes_sense(codec: str, sample: bytes) -> bool:
    """Whether nearly all of it is something that people write. A letter that an end of the sample cuts is no fault."""
    text = sample.decode(codec, "replace")
    wrong = text[3:-1].count("\ufffd")
    if wrong * _MOST_CONTROLS > len(text):
        return False
    if codec == _WESTERN:
        return len(sample.translate(None, _PLAIN)) * 2 <= len(sample)
    if codec in _EAST_ASIAN:
        return sum(map(len, _COMMON.split(text))) * 20 <= len(text)
    if codec in _WIDE_CODECS:
        unsaid = sum(unicodedata.category(letter) in _UNSAID for letter in text)
        return unsaid <= 1 and text.count("\0") * 10 <= len(text)
    return True


def _strings(blocks: Iterator[bytes], may_hold: Callable[[bytes], bool], meter: Meter) -> Readings:
    """The stretches of plain characters in the blocks, those that go over from one to the next included."""
    found: list[bytes] = []
    carried = b""
    for block in blocks:
        meter.tick()
        whole = carried + block
        carried = whole[len(whole.rstrip(_PLAIN + b"\0")) :][-_LONGEST_STRING:]
        if may_hold(whole):
            found += _stretches(whole[: len(whole) - len(carried)])
    found += _stretches(carried)
    return (_joined(found),) if found else ()


def _shown(blocks: list[bytes], meter: Meter) -> str:
    """The stretches of plain characters, those that go over from one block to the next included."""
    found: list[bytes] = []
    goes_on = False
    for block in blocks:
        meter.work()
        for stretch in _AT_EDGES.finditer(block):
            if goes_on and stretch.start() == 0:
                found[-1] += stretch.group()
            else:
                found.append(stretch.group())
        goes_on = bool(found) and _SHOWN.match(block[-1:]) is not None
    return _joined([one for one in found if len(one) >= _SHORT_STRING])


def _stretches(data: bytes) -> list[bytes]:
    return _STRETCH.findall(data) + [one.replace(b"\0", b"") for one in _WIDE.findall(data)]


def _joined(found: list[bytes]) -> str:
    return BETWEEN.join([one.decode("ascii") for one in found])
