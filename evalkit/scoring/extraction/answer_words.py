"""The words around an answer, in the languages in which models commonly give one: what states it, denies it, joins two.

Each is the inside of a regular expression that ignores case. Languages: Arabic, Bengali, Chinese, Czech, Dutch,
English, French, German, Hindi, Indonesian, Italian, Japanese, Korean, Persian, Polish, Portuguese, Russian, Spanish,
Swedish, Thai, Turkish, Ukrainian, Vietnamese.
"""

from __future__ import annotations

import re
import unicodedata


def _compiled(pattern: str) -> re.Pattern[str]:
    # A reply is read in compatible characters, in which a Thai vowel, for one, is two.
    return re.compile(unicodedata.normalize("NFKC", pattern), re.IGNORECASE)


NOUN = (
    r"\b(?:answers?|ans\.?|choices?|options?|letter|solution|selection|pick|result|conclusion|correct|korrekt|"
    r"corretto|correcto|certo|seçenek|şık|pilihan|opsi|phương án|верно|"
    r"antwort|lösung|ergebnis|richtig|réponse|solution|respuesta|opción|alternativa|resultado|resposta|opção|letra|"
    r"gabarito|closest|"
    r"risposta|opzione|soluzione|antwoord|svar(?:et)?|odpowied[źz]|odpověď|cevab?[ıp]?|yanıt|"
    r"ответ|вариант|відповідь|jawaban(?:nya)?|đáp án|câu trả lời)(?!\w)"
    r"|答案|正确|选项|選項|解答|答え|正解|回答|正答|정답|답변|답|الإجابة|الاجابة|الجواب|جواب|پاسخ|उत्तर|विकल्प|जवाब|উত্তর|คำตอบ"
)
"""What an answer is called, before it."""
BETWEEN = (
    r",\s*(?:however|therefore|then|thus|though|of course)\s*,|"
    r"(?!['’]s\s)[\s*_\"'“”‘’«»`$(\[<]|\b(?:choice|option|letter|answer|statement|number|the|to|this|that|question|problem|here|"
    r"given|above|below|therefore|thus|then|hence|indeed|clearly|most|likely|probably|definitely|actually|would|should|"
    r"must|will|can|only|has|seems|appears|correct|right|best|one|of|among|from|options|choices|following|"
    r"für|die|der|das|frage|lautet|richtige|korrekte|buchstabe|option|correcte|bonne|juste|est|lettre|la|le|l'|"
    r"correcta|correcto|es|letra|opción|alternativa|literal|a|o|correta|certa|opção|corretta|giusta|lettera|opzione|"
    r"juiste|de|rätt|rätta|rätta|poprawna|správná|правильный|верный|правильна|это|doğru|şıkkı|"
    r"yang|benar|tepat|đúng|là|chính xác)(?!\w)"
    r"|应该|應該|应|應|的|为|為|选项|選項|选择|選擇|该题|此题|本题|الصحيحة|الصحيح|هو|هي|الخيار|الحرف|सही|विकल्प|সঠিক|ที่ถูกต้อง|ข้อ|ตัวเลือก"
)
"""What may be between it and its link."""
LINK = (
    r"['’]s(?=\s)|[:=→⇒➜—–】]|-\s|->|=>|\b(?:is|was|are|be|being|ist|lautet|wäre|sind|est|serait|es|sería|é|è|e'|är|is|luidt|to|"
    r"jest|je|"
    r"это|будет|là|adalah|ialah|yaitu|olur)(?!\w)|是|为|為|選|选|は|が|은|는|이|가|هي|هو|है|হলো|হল|কো?ন|คือ"
)
STATES = _compiled(rf"(?P<final>\bfinale?\s+|最终|最終|최종\s*)?(?:{NOUN})(?P<rest>(?:{BETWEEN}|{LINK})*+)\Z")
"""Text that ends in "the correct answer is". It states something where `rest` holds a `LINKED`."""
LINKED = _compiled(LINK)
NAMES = _compiled(rf"(?:{NOUN})[\s*_\"'“”(\[]*\Z")
"""Text that ends in "option" alone: it mentions, and states nothing."""
CHOOSES = _compiled(
    r"(?:\b(?:i|we)(?:'d|'ll| would| will| am going to|'m going to)?\s+(?:\w+ly\s+)?(?:choose|chose|pick|picked|"
    r"select|selected|"
    r"go with|going with|lean(?:ing)? towards?|opt for|"
    r"say|guess|answer|vote for|believe(?: it)?(?:'s| is)|think(?: it)?(?:'s| is))|"
    r"\b(?:choose|select|pick|leaning towards?|mark|"
    r"must be|has to be|should be|would be|going with|going for|go for|choosing|"
    r"selecting|picking|clearly|probably|definitely|obviously|certainly|surely|it'?s|it is|c'est|es la|es|è la|è|é a|"
    r"é|das ist|это|det är|het is|chọn|pilih|saya memilih|correction|that'?s|that is|this is|which is|leaves|"
    r"leaving|leads to|points to|corresponds to|matches|ich wähle|je choisis|elijo|escolho|scelgo|выбираю|wybieram)|"
    r"\b(?:so|thus|therefore|hence|finally|ergo|final|also|donc|por (?:lo )?tanto|portanto|quindi|dunque|dus|daher|"
    r"deshalb|итак|поэтому|następnie)\b|∴|因此|所以|故|选择|選擇|选|選|应选|よって|したがって|따라서)"
    r"[\s,:*_\"'“(\[]*(?:(?:the|option|choice|answer|letter|letra|opción|option)\b[\s*_\"'“(\[:]*)*\Z"
)
"""Text that ends in a choice being made: "I choose", "it's", "therefore,"."""
AFFIRMED = _compiled(
    r"[\s*_\"'”’)\]:,]*(?:\b(?:is|are|was|seems|looks|must be|would be|ist|wäre|est|es|é|è|är|is|jest|является|"
    r"adalah)\b\s*)"
    r"(?:(?:the|a|an|clearly|definitely|only|most|indeed|also|die|der|das|la|le|il|o|les)\s+)*+"
    r"(?:(?:slightly |much |far )?better(?! (?:known|suited|described|than|for|in|when|if|at))|"
    r"correct|right|best|answer|appropriate|accurate|valid choice|one that|single|richtig|korrekt|"
    r"bonne|correcte|juste|correcta|correcto|respuesta|correta|certa|resposta|corretta|giusta|risposta|juist|rätt|"
    r"poprawna|правильн|верн)"
    r"|[\s*_\"'”’)\]—–-]*(?:правильный|верный)\s+(?:ответ|вариант)"
    r"|[\s*_\"'”’)\]]*(?:です|입니다|이에요|\s*(?:هي|هو)\s*(?:الإجابة|الجواب|الخيار)|"
    r"が正解|が正しい|は正しい|是正确|是正確|正确|正確|이 정답|가 정답|"
    r"이 맞|가 맞|ही सही|सही है|đúng|benar\b|doğru)"
    r"|[\s*_\"'”’)\].:|]*(?:✓|✔|✅|\(correct\))"
    r"|[\s*_\"'”’)\]]*[?？]\s*(?:yes|ja|oui|sí|sì|да|是的)\b"
)
"""Text that begins with "is correct"."""
_WRONG = (
    r"incorrect|wrong|false|not\b|eliminated|ruled out|excluded|discarded|invalid|impossible|irrelevant|incomplete|"
    r"implausible|unlikely|inaccurate|out\b|falsch|inkorrekt|unrichtig|nicht|incorrecte|fausse?|mauvaise|pas\b|"
    r"incorrecta|falsa|"
    r"falso|no\b|incorreta|errad[ao]|não\b|sbagliat[ao]|errat[ao]|non\b|scorrett[ao]|onjuist|fout\b|niet\b|fel\b|"
    r"inte\b|błędn[ay]|nie\b|"
    r"неверн|неправильн|не\b|yanlış|salah\b|bukan|sai\b|không"
)
DENIED_AFTER = _compiled(
    r"[\s*_\"'”’)\]:]*(?:(?:(?:is|are|was|were|seems?|looks?|can|could|may|must|do|does|did|would|should|will|ist|"
    r"sind|est|sont|es|son|"
    r"é|são|è|sono|zijn|är|jest|są|adalah|also|both|all|clearly|definitely|obviously|therefore|thus|be|ne|n'|simply|"
    r"being|the|a|an|tidak)\s*)*+"
    rf"(?:{_WRONG})|(?:is|are|was|were|do|does|did|would|could|should|ca|wo)n['’]t\b|cannot\b)"
    r"|[\s*_\"'”’)\]]*(?:不(?:正确|正確|对|對|是|成立|符合)|错误|錯誤|错|有误|被排除|は(?:間違|誤|正しくない|不正解)|が(?:間違|誤)|"
    r"(?:은|는|이|가)\s*(?:틀|오답|아니|잘못)|خاطئ|خطأ|غير صحيح|ليس|गलत|नहीं|ভুল|ผิด|ไม่)"
    r"|[\s*_\"'”’)\].:|]*(?:✗|✘|❌|\((?:incorrect|wrong|no)\))"
    r"|[\s*_\"'”’)\]]*(?:\||[-–—]\s)[\s*_]*(?:incorrect|wrong|false)\b"
    r"|[\s*_\"'”’)\]]*[?？]\s*(?:no|nope|nein|non|não|нет|不)\b"
)
"""Text that begins with "is wrong"."""
_OF = (
    r"(?:[\s*_\"'“(\[:,]|\b(?:be|the|option|options|choice|choices|answer|answers|letter|letters|correct|right|"
    r"necessarily|"
    r"is|es|ist|est|é|è|both|either|and|statement|statements|out|die|la|el|las|les|opción|opciones|alternativa|"
    r"odp)(?!\w))*\Z"
)
DENIED_BEFORE = _compiled(
    r"(?:\b(?:not|never|cannot|nor|neither|without|except|excluding|exclude[sd]?|eliminat(?:e|es|ed|ing)|"
    r"rul(?:e|es|ed|ing) out|discard(?:s|ed|ing)?|reject(?:s|ed|ing)?|dismiss(?:es|ed|ing)?|rather than|instead of|"
    r"other than|"
    r"unlike|against|incorrect|wrong|false|distractors?|nicht|kein(?:e|er)?|weder|noch|statt|außer|falsch|pas|ni|sauf|"
    r"élimin(?:e|er|ons|é|ée|ées)|no|descart(?:o|a|ar|amos|ada|adas)|elimin(?:o|a|ar|amos|adas?)|não|nem|non|né|"
    r"escludo|"
    r"niet|geen|inte|nie|не|кроме|исключаем|değil|bukan|không phải)(?!\w)|n['’]t\b|"
    r"不是|不选|不選|并非|排除|错误的?是?|除了|不应选|ليس|ليست)" + _OF
)
"""Text that ends in "not" or "eliminated:"."""
JOINS = _compiled(
    r"[\s*_\"'“”‘’)\]$`]*(?P<how>,|/|&|\+|;|、|，|,?\s*(?:\b(?:and|or|as well as|und|oder|et|ou|y|o|e|ed|en|of|och|"
    r"eller|i|lub|oraz|и|или|"
    r"ve|veya|dan|atau|và|hoặc)(?!\w)|和|或者?|与|以及|と|または|및|또는|와|과|و|أو|और|या))"
    r"[\s*_\"'“”‘’(\[$`]*(?:(?:also|option|choice|answer|the|possibly|maybe|perhaps)\b[\s(\[]*)*\Z"
)
"""What joins two letters to a list."""
SINGULAR = _compiled(
    r"[\s*_)\]\"'”]*(?:is|was|isn['’]t|wasn['’]t|would|seems|has|describes|refers|means|says|states|does|doesn['’]t|"
    r"ist|wäre|est|es|é|è)\b"
)
"""Text that begins with a verb in the singular: the letter before it begins a clause, and ends no list."""
GOES_ON = _compiled(
    r"\s+(?:because|since|as|is|was|and|or|for|due|given|which|seems|would|by|with|but|based|being|that|where|it|this|"
    r"here|although|though|instead|sino|sondern|"
    r"weil|da|denn|ist|und|parce|puisque|est|et|porque|ya|pues|es|y|pois|é|e|perché|poiché|è|omdat|want|"
    r"eftersom|ponieważ|bo|jest|потому|так|поскольку|çünkü|karena|vì)(?!\w)"
)
"""What may follow a letter that is not a word itself."""
ONLY_SUPPOSED = _compiled(
    r"\b(?:if(?!\s+(?:forced|pressed|i (?:had|have|must)|asked|anything)\b)|"
    r"suppose|assuming|assume|whether|why|unless|might (?:think|say|assume|seem)|may (?:think|say|assume)|"
    r"could (?:think|argue)|some (?:might|may|would|people)|initially|at first|wenn|falls|ob|si|se|als|если|eğer|"
    r"jika|nếu)\b"
    r"|如果|假设|もし|만약|إذا|यदि|अगर"
)
CORRECTS = _compiled(
    r"\b(?:wait|actually|correction|sorry|no wait|on second thought|scratch that|i mean|let me (?:re|correct|fix)|"
    r"mistake|apologi[sz]e|rather|however|but|instead|re-?(?:examin|consider|check|evaluat|read)\w*|hmm|oops|"
    r"moment|nein|doch|sondern|vielmehr|korrektur|attendez|pardon|en fait|non|espera|perd[oó]n|en realidad|espere|"
    r"na verdade|"
    r"aspetta|in realtà|нет|подожд\w*|точнее)\b"
    r"|\bno[,.:!]|不对|等等|更正|不,|いや|待って|訂正|아니|잠깐|정정|لا[،, ]|عفوا|नहीं"
)
"""What takes an answer back before another."""
CONCLUDES = _compiled(
    r"\b(?:therefore|thus|hence|so|finally|in conclusion|conclusion|final|overall|in summary|to conclude|consequently|"
    r"also|daher|deshalb|folglich|donc|en conclusion|por (?:lo )?tanto|en conclusión|portanto|assim|logo|quindi|"
    r"pertanto|dus|"
    r"итак|поэтому|следовательно)\b|因此|所以|综上|故|よって|したがって|따라서|그러므로|لذلك|इसलिए"
)
