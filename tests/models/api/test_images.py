"""Images in messages: what each provider is sent, what is kept, and who refuses."""

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from evalkit import Run
from evalkit.core import Generate, Identity, Image, Message, ModelError, Prompt, Record, Sample, UsageError
from evalkit.models.api.anthropic import AnthropicWire
from evalkit.models.api.chat import ChatWire
from evalkit.models.api.google import GoogleWire
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.responses import ResponsesWire
from evalkit.models.response_cache import request_key
from evalkit.reporting.details import detail
from evalkit.runs.runner.attempt import prompt_digest
from evalkit.runs.store import Journal, read_records
from tests.cli.console import evalkit
from tests.models.api.faultserver import FaultServer

ADDRESS = "https://example.org/cat.jpg"


def png(shade: int) -> bytes:
    """A grey image of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes([0, shade])))
        + chunk(b"IEND", b"")
    )


def asked(*parts: str | Image) -> Generate:
    return Generate(Prompt(messages=(Message("system", "Be brief."), Message.of("user", *parts))))


def sent(wire: Any, request: Generate) -> Any:
    """The user's turn in the body that is sent."""
    body = wire.call(request, folds=False).body
    turns = body.get("messages") or body.get("input") or body.get("contents")
    return next(turn for turn in turns if turn["role"] == "user")


def test_every_provider_is_sent_an_image_in_its_documented_form() -> None:
    """developers.openai.com/api/docs/guides/images-vision; platform.claude.com/docs/en/build-with-claude/vision;
    ai.google.dev/gemini-api/docs/image-understanding."""
    data = base64.b64encode(png(7)).decode()
    request = asked("What is on ", Image.of(png(7)), " here?")
    url = f"data:image/png;base64,{data}"
    assert sent(ChatWire("m", ApiOptions()), request)["content"] == [
        {"type": "text", "text": "What is on "},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": " here?"},
    ]
    assert sent(ResponsesWire("m", ApiOptions()), request)["content"] == [
        {"type": "input_text", "text": "What is on "},
        {"type": "input_image", "image_url": url},
        {"type": "input_text", "text": " here?"},
    ]
    assert sent(AnthropicWire("m", ApiOptions()), request)["content"] == [
        {"type": "text", "text": "What is on "},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"type": "text", "text": " here?"},
    ]
    assert sent(GoogleWire("m", ApiOptions()), request)["parts"] == [
        {"text": "What is on "},
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"text": " here?"},
    ]


def test_an_address_is_sent_as_one_where_the_provider_takes_it() -> None:
    request = asked(Image.of(ADDRESS), "What is this?")
    assert sent(ChatWire("m", ApiOptions()), request)["content"][0]["image_url"] == {"url": ADDRESS}
    source = sent(AnthropicWire("m", ApiOptions()), request)["content"][0]["source"]
    assert source == {"type": "url", "url": ADDRESS}
    with pytest.raises(ModelError, match="give the file"):
        sent(GoogleWire("m", ApiOptions()), request)


def test_words_that_a_method_adds_keep_the_images_in_their_places() -> None:
    one, two = Image.of(png(1)), Image.of(png(2))
    message = Message.of("user", one, "first", two, "second")
    assert message.parts == (one, "first", two, "second")
    assert Message("user", "Look: " + message.content + " Think.", message.images).parts == (
        "Look: ",
        one,
        "first",
        two,
        "second Think.",
    )
    assert Message("user", "no mark", (one,)).parts == (one, "no mark")
    assert Message.of("user", one, one).parts == (one, one)


def test_keys_and_digests_are_those_of_the_content_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    model = Identity("openai/m")

    def key(*images: Image) -> str:
        return request_key(model, Generate(Prompt(messages=(Message("user", "What?", images),))))

    inside = Image.of({"bytes": png(1), "path": None})
    assert key(Image.of("a.png", tmp_path)) == key(inside) == key(Image.of(inside.source))
    assert len({key(), key(inside), key(Image.of(png(2))), key(Image.of(ADDRESS)), key(inside, inside)}) == 5
    digests = [prompt_digest(Prompt(messages=(Message("user", "What?", i),))) for i in ((), (inside,))]
    assert digests[0] != digests[1]
    # What evalkit made of a conversation before messages had images.
    older = request_key(model, Generate(Prompt(messages=(Message("user", "What?"),))), first=True)
    assert older == "3d2b97fc22b80b58279f4383d4b7e095"


def test_a_picture_of_pillows_is_an_image() -> None:
    """As the datasets library yields them."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is what the datasets library decodes images with")
    image = Image.of(pillow.new("L", (3, 3)))
    assert image.content().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("missing.png", "does not exist"),
        (b"BM not one of the four", "not a PNG, JPEG, GIF or WebP"),
        ("data:image/png,plain", "a data URL of an image"),
        (None, "this is not an image"),
    ],
)
def test_what_is_no_image_is_told(value: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        Image.of(value, tmp_path)


def test_a_run_keeps_an_image_once_and_gives_it_back(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    inside, file = Image.of(png(2)), Image.of("a.png", tmp_path)
    turn = Message.of("user", inside, "and", file, Image.of(ADDRESS), "?")
    (tmp_path / "run").mkdir()
    with Journal(tmp_path / "run") as journal:
        for number in range(3):
            journal.append(Record("t", number, Sample(str(number), (turn,)), prompt=Prompt(messages=(turn,))))
    assert [path.read_bytes() for path in (tmp_path / "run" / "images").iterdir()] == [png(2)]
    assert len((tmp_path / "run" / "records.jsonl").read_bytes()) < 3 * 2000
    for record in read_records(tmp_path / "run"):
        assert record.prompt is not None
        (back,) = record.prompt.messages
        assert record.sample.input == (back,)
        assert back.content == turn.content
        assert [image.content() for image in back.images[:2]] == [png(2), png(1)]
        assert back.images[1:] == turn.images[1:]
        shown = detail(record)["messages"][0][1]
        assert inside.digest in shown
        assert "a.png" in shown


TASK = """\
name: shades
data: shades.jsonl
image: "{{ picture }}"
prompt: "Which shade is it?"
answer: "{{ shade }}"
max_tokens: 10
scorers: [exact_match]
"""


def project(folder: Path) -> Path:
    (folder / "shades.yaml").write_text(TASK)
    rows = []
    for shade in (3, 9):
        (folder / f"{shade}.png").write_bytes(png(shade))
        rows.append(json.dumps({"picture": f"{shade}.png", "shade": "it?"}))
    (folder / "shades.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def test_a_task_in_yaml_shows_its_images_to_a_server(tmp_path: Path) -> None:
    with FaultServer() as server:
        model = f"openai/parrot,api=chat,base_url={server.url}"
        done = evalkit("run", "shades.yaml", "--model", model, "--out", "run", cwd=project(tmp_path))
        assert done.code == 0, done.err
    seen = sorted(body["messages"][0]["content"][0]["image_url"]["url"] for body in server.bodies)
    assert seen == sorted(f"data:image/png;base64,{base64.b64encode(png(shade)).decode()}" for shade in (3, 9))
    digests = {record.prompt_digest for record in Run.open(tmp_path / "run").records()}
    assert len(digests) == 2


def test_a_local_model_refuses_images_before_a_run_is_made(tmp_path: Path) -> None:
    done = evalkit("run", "shades.yaml", "--model", "tiny", "--out", "run", cwd=project(tmp_path))
    assert done.code == 2
    assert "shows images, and tiny reads only text" in " ".join(done.err.split())
    assert not (tmp_path / "run").exists()


def test_an_image_that_is_not_there_is_told_with_the_tasks_line(tmp_path: Path) -> None:
    (project(tmp_path) / "3.png").unlink()
    done = evalkit("run", "shades.yaml", "--model", "openai/m,api=chat,base_url=http://127.0.0.1:9/v1", cwd=tmp_path)
    assert done.code == 2
    assert "does not exist" in done.err
    assert "shades.yaml:3" in done.err
