"""Sentences of several languages and kinds of text, for counting tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

_EVERYDAY: Mapping[str, tuple[str, ...]] = {
    "en": (
        "The train leaves at seven in the morning.", "My sister bakes bread every Saturday.",
        "It rained all night, but the garden is dry.", "Could you please close the window?",
        "We walked along the river until sunset.", "The library opens an hour later today.",
        "He forgot his umbrella on the bus again.", "They have lived in this house for twenty years.",
    ),
    "de": (
        "Der Zug fährt um sieben Uhr morgens ab.", "Meine Schwester backt jeden Samstag Brot.",
        "Es hat die ganze Nacht geregnet, aber der Garten ist trocken.", "Könnten Sie bitte das Fenster schließen?",
        "Wir gingen bis zum Sonnenuntergang am Fluss entlang.", "Die Bibliothek öffnet heute eine Stunde später.",
        "Er hat seinen Regenschirm wieder im Bus vergessen.", "Sie wohnen seit zwanzig Jahren in diesem Haus.",
    ),
    "fr": (
        "Le train part à sept heures du matin.", "Ma sœur fait du pain tous les samedis.",
        "Il a plu toute la nuit, mais le jardin est sec.", "Pourriez-vous fermer la fenêtre, s'il vous plaît ?",
        "Nous avons marché le long de la rivière jusqu'au coucher du soleil.",
        "La bibliothèque ouvre une heure plus tard aujourd'hui.",
        "Il a encore oublié son parapluie dans le bus.", "Ils habitent cette maison depuis vingt ans.",
    ),
    "es": (
        "El tren sale a las siete de la mañana.", "Mi hermana hace pan todos los sábados.",
        "Llovió toda la noche, pero el jardín está seco.", "¿Podría cerrar la ventana, por favor?",
        "Caminamos junto al río hasta la puesta del sol.", "La biblioteca abre hoy una hora más tarde.",
        "Olvidó otra vez su paraguas en el autobús.", "Viven en esta casa desde hace veinte años.",
    ),
    "ru": (
        "Поезд отправляется в семь часов утра.", "Моя сестра печёт хлеб каждую субботу.",
        "Всю ночь шёл дождь, но сад сухой.", "Не могли бы вы закрыть окно?",
        "Мы гуляли вдоль реки до заката.", "Сегодня библиотека открывается на час позже.",
        "Он опять забыл свой зонт в автобусе.", "Они живут в этом доме двадцать лет.",
    ),
    "zh": (
        "火车早上七点出发。", "我姐姐每个星期六都烤面包。", "下了一整夜的雨，但是花园是干的。", "请您关上窗户好吗？",
        "我们沿着河边走到日落。", "图书馆今天晚一个小时开门。",
        "他又把雨伞忘在公共汽车上了。", "他们在这所房子里住了二十年。",
    ),
    "ar": (
        "يغادر القطار في السابعة صباحا.", "تخبز أختي الخبز كل يوم سبت.",
        "أمطرت طوال الليل لكن الحديقة جافة.", "هل يمكنك إغلاق النافذة من فضلك؟",
        "مشينا على طول النهر حتى الغروب.", "تفتح المكتبة اليوم متأخرة ساعة.",
        "نسي مظلته في الحافلة مرة أخرى.", "يعيشون في هذا البيت منذ عشرين عاما.",
    ),
}  # fmt: skip
_OTHER: Mapping[str, tuple[str, ...]] = {
    "code": (
        "def area(width, height):\n    return width * height", "for (int i = 0; i < n; i++) { total += values[i]; }",
        "SELECT name, count(*) FROM orders GROUP BY name;", "const tax = price => Math.round(price * 0.19);",
        "if not path.exists():\n    raise FileNotFoundError(path)", "<ul class=\"menu\"><li>Home</li></ul>",
        "git commit -m 'Fix the rounding of totals'", "{\"id\": 17, \"tags\": [\"new\", \"blue\"], \"price\": 4.5}",
    ),
    "numbers": (
        "3.14159 + 2.71828 = 5.85987", "2026-11-22T07:30:00Z", "The sum of 1,204 and 98,765 is 99,969.",
        "x² + 2x + 1 = (x + 1)²", "192.168.10.24:8080", "+49 30 1234567", "0x1F4A9 is 128169", "12/48 = 25 %",
    ),
}  # fmt: skip


def token_texts() -> list[Row]:
    """One row a sentence, with its language and what kind of text it is."""
    rows: list[Row] = []
    for language, texts in _EVERYDAY.items():
        for number, text in enumerate(texts, 1):
            rows.append({"id": f"{language}-{number}", "text": text, "language": language, "domain": "everyday"})
    for domain, texts in _OTHER.items():
        for number, text in enumerate(texts, 1):
            rows.append({"id": f"{domain}-{number}", "text": text, "language": "en", "domain": domain})
    return rows
