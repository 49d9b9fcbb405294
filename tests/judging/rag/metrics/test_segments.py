"""What of an answer is a claim: the same statements however they are laid out, in the languages that mark them."""

from __future__ import annotations

import asyncio
import json

import pytest

from evalkit.core import Reply, Sample, Score
from evalkit.judging.rag.records import Context
from evalkit.judging.rag.segments import passages, segments, statements
from evalkit.judging.rag.support import sentence_support
from evalkit.judging.rag.support.detector import supports

ENGLISH = ("Ann Rowan built the library in 1873.", "It has 200 rooms.", "The city paid for it.")


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in segments(text)]


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Ames et al. (1999) wrote to Mr. J. R. R. Tolkien about No. 5 Main St. in Rome. He replied.", 2),
        ("It cost $4.50 and weighed 3.2 kg. That was in the U.S. The war ended at 5 p.m. It was cold.", 4),
        ("Acme Inc. sold it. Then Acme Inc. closed.", 2),
        ("Vitamin B. The rest follows.", 2),
        ('He said "No." She left. (It was late.) They slept.', 4),
        ("It rose [1]. It fell [2, 3]. It stayed.【4†source】 It ended.", 4),
        ("See example.com for more. It is free.", 2),
        ("Am 3. Mai 1873 hatte sie z. B. 200 Räume. Im 19. Jahrhundert zahlte Hr. Prof. Dr. Ost.", 2),
        ("Elle a 200 salles. « Vraiment ? » dit-il. C'est vrai.", 3),
        ("图书馆建于1873年。它有200个房间！城市付了钱。", 3),
        ("図書館は1873年に建てられた。「静かだ。」と彼は言った。部屋は200ある。", 3),
        ("बनाया गया। इसमें 200 कमरे हैं। शहर ने भुगतान किया॥", 3),
        ("بنت آن المكتبة عام 1873. تحتوي على 200 غرفة. دفعت المدينة.", 3),
        ("یہ کتب خانہ ہے۔ اس میں 200 کمرے ہیں۔", 2),
        ("ห้องสมุดแห่งนี้สร้างขึ้นในปี 1873 ห้องสมุดมีห้องทั้งหมดสองร้อยห้อง เมืองเป็นผู้จ่ายเงินค่าก่อสร้าง", 3),
        ("แอน โรวัน เป็นสถาปนิก", 1),
    ],
)
def test_sentences_end_where_their_script_ends_them(text: str, count: int) -> None:
    found = passages(text)
    assert len(found) == count, found


def test_a_line_that_was_wrapped_goes_on_and_one_that_ended_does_not() -> None:
    wrapped = "The text was wrapped by a mail program and goes on over\nthe end of its line. It has\n200 rooms."
    assert passages(wrapped) == [
        "The text was wrapped by a mail program and goes on over the end of its line.",
        "It has 200 rooms.",
    ]
    assert passages("It has\n200 rooms.") == ["It has", "200 rooms."]
    assert passages("Ann Rowan\nBob Dale") == ["Ann Rowan", "Bob Dale"]


# ---------------------------------------------------------------- what claims


def layouts(said: tuple[str, ...], greeting: str, heading: str, offer: str) -> dict[str, str]:
    """One answer in every layout; sentences of scripts without spaces stand side by side."""
    prose = (" " if said[0][-1] not in "。" else "").join(said)
    return {
        "numbers": "\n".join(f"{n}. {text}" for n, text in enumerate(said, 1)),
        "brackets": "\n".join(f"{n}) {text}" for n, text in enumerate(said, 1)),
        "bold numbers": "\n".join(f"**{n}.** {text}" for n, text in enumerate(said, 1)),
        "letters": "\n".join(f"{letter}. {text}" for letter, text in zip("abcdef", said, strict=False)),
        "roman": "\n".join(f"{number}. {text}" for number, text in zip(("i", "ii", "iii"), said, strict=True)),
        "one line": " ".join(f"{n}. {text}" for n, text in enumerate(said, 1)),
        "one line in brackets": " ".join(f"({n}) {text}" for n, text in enumerate(said, 1)),
        "bullets": "\n".join(f"- {text}" for text in said),
        "dots": "\n".join(f"• {text}" for text in said),
        "bold": "\n\n".join(f"**{text}**" for text in said),
        "code of a list": f"<ul>{''.join(f'<li>{text}</li>' for text in said)}</ul>",
        "heading": f"## {heading}\n\n{prose}",
        "bold heading": f"**{heading}**\n\n{prose}\n\n---",
        "underlined": f"{heading}\n=====\n\n{prose}",
        "quoted": "\n".join(f"> {text}" for text in said),
        "greeting": f"{greeting}\n\n{prose}",
        "offer": f"{prose}\n\n{offer}",
        "all": f"{greeting}\n\n# {heading}\n" + "\n".join(f"* {text}" for text in said) + f"\n\n{offer}",
    }


IN_LANGUAGES = {
    "English": (ENGLISH, "Certainly! Here's what the documents say:", "Building history",
                "I hope this helps. Would you like to know more?"),
    "German": (("Ann Rowan baute die Bibliothek im Jahr 1873.", "Sie hat 200 Räume.", "Die Stadt zahlte dafür."),
               "Gerne! Hier sind die wichtigsten Angaben:", "Baugeschichte",
               "Lassen Sie mich wissen, ob Sie Fragen haben."),
    "Chinese": (("安·罗文于1873年建造了图书馆。", "它有200个房间。", "城市为此付了钱。"),
                "好的！以下是我找到的内容：", "历史", "如果您还有其他问题，请随时告诉我。"),
    "Japanese": (("アン・ローワンは1873年に図書館を建てました。", "部屋は200あります。", "費用は市が払いました。"),
                 "もちろんです！以下が見つかった情報です：", "歴史",
                 "ご不明な点がございましたら、お気軽にお尋ねください。"),
    "Arabic": (("بنت آن روان المكتبة عام 1873.", "تحتوي المكتبة على 200 غرفة.", "دفعت المدينة تكاليفها."),
               "بالتأكيد! إليك ما وجدته:", "التاريخ", "إذا كان لديك أي سؤال آخر، فلا تتردد في السؤال."),
    "Hindi": (("ऐन रोवन ने 1873 में पुस्तकालय बनाया।", "इसमें 200 कमरे हैं।", "शहर ने इसका भुगतान किया।"),
              "ज़रूर! यहाँ वह जानकारी है जो मुझे मिली:", "इतिहास", "यदि आपके और प्रश्न हों तो कृपया बताएं।"),
    "Thai": (("แอน โรวัน สร้างห้องสมุดแห่งนี้ในปี 1873", "ห้องสมุดแห่งนี้มีห้องทั้งหมดสองร้อยห้อง",
              "เมืองเป็นผู้จ่ายเงินค่าก่อสร้างทั้งหมด"),
             "แน่นอนครับ! นี่คือสิ่งที่ฉันพบ:", "ประวัติของห้องสมุด", "หากมีคำถามเพิ่มเติม โปรดแจ้งให้ทราบ"),
}  # fmt: skip


@pytest.mark.parametrize("language", IN_LANGUAGES)
def test_an_answer_has_the_same_statements_in_every_layout(language: str) -> None:
    said, greeting, heading, offer = IN_LANGUAGES[language]
    for name, text in layouts(said, greeting, heading, offer).items():
        if language == "Thai" and name.startswith("one line"):
            continue  # Without a mark at a sentence's end a number is a number.
        assert tuple(statements(text)) == said, (name, kinds(text))


# Ten answers: what is said, of which some is false or stands nowhere.
PASSAGE = {
    "English": " ".join(ENGLISH) + " The roof is made of slate, and the reading room was added in 1901.",
    "German": " ".join(IN_LANGUAGES["German"][0]) + " Das Dach ist aus Schiefer.",
    "Chinese": "".join(IN_LANGUAGES["Chinese"][0]) + "屋顶由石板制成。",
    "Arabic": " ".join(IN_LANGUAGES["Arabic"][0]) + " السقف مصنوع من الأردواز.",
    "Hindi": " ".join(IN_LANGUAGES["Hindi"][0]) + " छत स्लेट की बनी है।",
}
TEN = {
    "English": [
        ENGLISH,
        ("The library was built by Ann Rowan.", "It has 300 rooms.", "The city paid for it."),
        ("The roof is made of slate.", "Carla Voss paid for it.", "The reading room was added in 1901."),
        ("Ann Rowan did not build the library.", "It has 200 rooms.", "Tourists come by boat every summer."),
    ],
    "German": [IN_LANGUAGES["German"][0],
               ("Das Dach ist aus Schiefer.", "Sie hat 300 Räume.", "Touristen kommen gern.")],
    "Chinese": [IN_LANGUAGES["Chinese"][0], ("屋顶由石板制成。", "它有300个房间。", "游客每年夏天来。")],
    "Arabic": [IN_LANGUAGES["Arabic"][0]],
    "Hindi": [IN_LANGUAGES["Hindi"][0]],
}  # fmt: skip


def scores(answer: str, passage: str) -> dict[str, float]:
    data = {"contexts": [{"id": "a", "text": passage, "rank": 1}], "question": "?"}
    found: list[Score] = list(asyncio.run(sentence_support().score(Sample("q", "?", data=data),
                                                                   (Reply((answer,), ("stop",)),))))  # fmt: skip
    return {score.name: round(score.value, 9) for score in found}


@pytest.mark.parametrize(
    ("language", "said"), [(language, said) for language, answers in TEN.items() for said in answers]
)
def test_ten_answers_score_the_same_in_every_layout(language: str, said: tuple[str, ...]) -> None:
    _, greeting, heading, offer = IN_LANGUAGES[language]
    wanted = scores(("" if language == "Chinese" else " ").join(said), PASSAGE[language])
    assert wanted["sentences"] == 3.0
    for name, text in layouts(said, greeting, heading, offer).items():
        assert scores(text, PASSAGE[language]) == wanted, name


def test_an_answer_in_another_script_is_flagged() -> None:
    def flags(answer: str) -> tuple[str, ...]:
        data = {"contexts": [{"id": "a", "text": answer, "rank": 1}], "question": "?"}
        found = asyncio.run(sentence_support().score(Sample("q", "?", data=data), (Reply((answer,), ("stop",)),)))
        return found[0].flags

    assert flags(IN_LANGUAGES["Hindi"][0][0]) == ("not_latin",)
    assert flags(IN_LANGUAGES["German"][0][0]) == ()
    assert flags("42.") == ()


def test_the_ten_answers_are_not_all_alike() -> None:
    found = [scores(" ".join(said), PASSAGE[language])["support"] for language, all_ in TEN.items() for said in all_]
    assert len(found) == 10
    assert max(found) == 1.0
    assert min(found) < 0.6


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("42.", ["42."]),
        ("**Ann Rowan**", ["Ann Rowan"]),
        ("# 1873", ["1873"]),
        ("Ann Rowan!", ["Ann Rowan!"]),
        ("Hello!", []),
        ("A. Rowan built it.\nThe city paid.", ["A. Rowan built it.", "The city paid."]),
        ("The winner was number 1. The second came in 1873.", ["The winner was number 1.", "The second came in 1873."]),
        ("1873. That was the year.", ["1873.", "That was the year."]),
        ("Sure, Ann Rowan built it.", ["Ann Rowan built it."]),
        ("Based on the provided context, Ann Rowan built it.", ["Ann Rowan built it."]),
        ("Answer: Ann Rowan built it.", ["Ann Rowan built it."]),
        ("**History:** Ann Rowan built it in 1873.", ["Ann Rowan built it in 1873."]),
        ("**Builder:** Ann Rowan", ["Builder: Ann Rowan"]),
        ("```python\nrooms = 200\n```\nIt has 200 rooms.", ["It has 200 rooms."]),
        ("Ann built it [1].\n\n[1]\n\nSources:\n[1] Rowan handbook\n- City archive, 1901", ["Ann built it [1]."]),
        ("It has 200 rooms.\nSource: handbook.md, page 3", ["It has 200 rooms."]),
        ("Is it old? Yes, it is old.", ["Yes, it is old."]),
        ("This is the oldest library in the country.", ["This is the oldest library in the country."]),
        ("Here are 200 rooms. The city paid.", ["Here are 200 rooms.", "The city paid."]),
        ("If you have a ticket, you may enter.", ["If you have a ticket, you may enter."]),
        ("Great Britain won.", ["Great Britain won."]),
        ("Si vous avez un billet, vous pouvez entrer.", ["Si vous avez un billet, vous pouvez entrer."]),
        ("如果需要退款，须在三天内申请。", ["如果需要退款，须在三天内申请。"]),
    ],
)
def test_what_is_a_claim(text: str, wanted: list[str]) -> None:
    assert statements(text) == wanted, kinds(text)


def test_a_line_that_leads_in_says_something_where_its_list_does_not_say_it_again() -> None:
    names = "The library has three founders:\n- Ann\n- Bob\n- Cy"
    assert statements(names) == [f"The library has three founders: {name}" for name in ("Ann", "Bob", "Cy")]
    reasons = "The mayor was fired for two reasons:\n1. He took bribes.\n2. He lied."
    assert statements(reasons) == ["The mayor was fired for two reasons.", "He took bribes.", "He lied."]
    assert statements("Key facts about the library:\n- Ann built it in 1873\n- It is old") == [
        "Ann built it in 1873",
        "It is old",
    ]


def test_a_row_of_a_table_is_a_statement_and_its_head_and_rule_are_none() -> None:
    table = "| Builder | Rooms |\n|:---|---:|\n| Ann Rowan | 200 |\n| Bob Dale | |"
    assert statements(table) == ["Builder: Ann Rowan; Rooms: 200", "Builder: Bob Dale"]
    pairs = "Property | Value\n--- | ---\nBuilder | Ann Rowan\nRooms | 200"
    assert statements(pairs) == ["Builder: Ann Rowan", "Rooms: 200"]
    given = [Context("a", " ".join(ENGLISH), 1)]
    right, wrong = supports(table, given), supports(table.replace("200", "300"), given)
    assert [each.label for each in right] == ["supported", "unsupported"]
    assert (wrong[0].support or 0.0) < (right[0].support or 0.0)


def test_details_show_the_whole_answer_and_say_what_claims_nothing() -> None:
    found = supports("Sure!\n\n# History\nIt has 200 rooms.\n\nHope this helps!", [Context("a", ENGLISH[1], 1)])
    assert [(each.json()["label"], each.json()["reason"]) for each in found] == [
        ("no claim", "greeting"),
        ("no claim", "heading"),
        ("supported", "100% of its words are covered"),
        ("no claim", "offer"),
    ]
    assert json.dumps([each.json() for each in found])
