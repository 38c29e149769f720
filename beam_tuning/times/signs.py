"""What stands around a clock-like text, and what it says: a time of the media, something else, or nothing."""

from __future__ import annotations

import re

#: Characters that are looked at on either side.
BEFORE_CHARS, AFTER_CHARS = 60, 30

_BOOKS = (
    "genesis|gen|exodus|exod|leviticus|lev|numbers|deuteronomy|deut|joshua|judges|ruth|samuel|sam|kings|chronicles|ezra"
    "|nehemiah|esther|job|psalms?|ps|proverbs|prov|ecclesiastes|eccl|isaiah|isa|jeremiah|jer|lamentations|ezekiel|ezek"
    "|daniel|dan|hosea|joel|amos|obadiah|jonah|micah|nahum|habakkuk|zephaniah|haggai|zechariah|malachi|matthew|matt|mt"
    "|mark|mk|luke|lk|john|jn|acts|romans|rom|corinthians|cor|galatians|gal|ephesians|eph|philippians|phil|colossians"
    "|col|thessalonians|thess|timothy|tim|titus|philemon|hebrews|heb|james|jas|peter|pet|jude|revelation|rev|surah?"
    "|qur'?an|koran|gita"
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_DAYS = "mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun"

#: What stands directly before something that is no time of the media.
_NOT_BEFORE = re.compile(
    rf"""(?:
      (?:^|[^\w])(?:{_BOOKS})\.?\s+\(?\Z | \b(?:verses?|chapter|chap\.?|ch\.?)\s+\Z
    | (?:ratios?|aspect|scaled?|odds|score[ds]?|scoreline|won|wins?|winning|beat|beats|beaten|lost|loses?|losing
        |leads?|led|leading|draws?|drew|defeat(?:ed|s)?|dilut\w+|mix(?:ed)?|tied|record|tally|result)\b
        (?:[ ](?:of|is|are|was|were|by|to|with|ended|stood|around|roughly|approximately|a|the))*\s*[:=]?\s*\(?\Z
    | \d{{4}}-\d\d-\d\d[T ,]\s?\Z | \d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}},?\s\Z | \b(?:19|20)\d\d,?\s(?:at\s)?\Z
    | \b(?:(?:{_DAYS})(?:day|sday|nesday|rsday|urday)?s?|(?:{_MONTHS})[a-z]*\.?\s\d{{1,2}}(?:st|nd|rd|th)?
        |tomorrow|yesterday|tonight|today)\b,?\s+(?:at\s+|from\s+|around\s+|by\s+)?\Z
    | [$€£¥₹#@/\\=&%+]\s?\Z | (?:utc|gmt)\s?[+-]?\Z | [^\s\W][-‐]\Z | [.:]\Z
    | \b(?:lasts?|lasted|lasting|takes?|took|duration|length|runtime|run[ ]time|running[ ]time|long|every|for|within
        |(?:a|the|my|his|her|their|its|best|finish(?:ing)?|lap|record|winning|personal)[ ]time)\b
        (?:[ ](?:of|is|was|about|around|only|just|nearly|almost|exactly|approximately|up|to|a|the|another))*\s*:?\s*\Z
    )""",
    re.IGNORECASE | re.VERBOSE,
)
#: What stands directly behind it.
_NOT_AFTER = re.compile(
    r"""^(?:
      \s?[ap]\.?\s?m\b | \s?o['’]?clock\b
    | \s?(?:utc|gmt|[ecmp][sd]?t|ces?t|bst|ist|jst|hrs?|hours?|uhr|h)\b | \s?[+-]\d\d:?\d\d\b
    | \s(?:in\s+the\s+(?:morning|afternoon|evening)|at\s+night|sharp|today|tomorrow|local\s+time
        |on\s+(?:mon|tues?|wednes|thurs?|fri|satur|sun)days?)\b
    | [\s-]+(?:aspect|ratios?|odds|scale|win|wins|victory|victories|defeat|loss|draw|lead|scoreline|score|mix|mixture
        |vote|dilution|pace|pacing)\b
    | %|[$€£]|\s?(?:usd|eur)\b | [/\\]\d
    )""",
    re.IGNORECASE | re.VERBOSE,
)
#: Words of a sentence that is about a time of the day.
_OF_THE_DAY = re.compile(
    r"\b(?:open(?:s|ed|ing)?|clos(?:es|ed|ing)|hours|daily|weekdays?|weekends?|schedul\w+|appointments?|arriv\w+|depart\w*"
    r"|trains?|flights?|bus(?:es)?|alarms?|woke|wakes?|lunch|dinner|breakfast|meetings?|clock|morning|afternoon|evening"
    r"|noon|midnight|o['’]clock|reservations?|tomorrow|tonight|deadline|shift|class(?:es)?|mass|service)\b",
    re.IGNORECASE,
)
#: What says before it that it is a moment; `(?P<at>…)` are words that a time of the day takes as well.
_MOMENT_BEFORE = re.compile(
    r"(?:\b(?P<at>at|from|to|until|till|by|around|after|before|between|and|since|about|near|through|@)\s?\(?"
    r"|\b(?:timestamps?|timecodes?|time\s?stamp|time[ ]code)\b\s*(?:of|at|is|:)?\s*[\[(]?)\s*\Z",
    re.IGNORECASE,
)
_MOMENT_AFTER = re.compile(
    r"^\s?[\])]?\s?(?:mark\b|timestamp\b|into\s+the\s+(?:video|clip|recording|audio|film))", re.IGNORECASE
)
_LINE_START = re.compile(r"(?:^|\n)[ \t]*(?:>[ \t]*)?(?:[-*•–—·▪][ \t]+|\d{1,3}[.)][ \t]+)?(?:\*\*|__|`)?[ \t]*\Z")
_SENTENCE = re.compile(r"[.!?\n](?=\s|$)|\n")
#: What a prompt or an instruction says when times are asked for.
_ASKS = re.compile(
    r"\b(?:time[ -]?stamp(?:s|ed)?|time[ -]?codes?|time[ -]?coded|(?:h?h:)?mm:ss|m:ss|start\s+(?:and|/)\s+end\s+times?"
    r"|srt|webvtt|vtt|subtitles?)\b",
    re.IGNORECASE,
)


def asks_for_times(text: str) -> bool:
    """Whether a prompt asks for times, or says that it gives some."""
    return _ASKS.search(text) is not None


def is_something_else(before: str, after: str) -> bool:
    """Whether the words around it say that it is no time of the media: a score, a verse, a time of day, a length."""
    return _NOT_BEFORE.search(before) is not None or _NOT_AFTER.match(after) is not None


def is_of_the_day(before: str, after: str) -> bool:
    """Whether its sentence is about times of the day."""
    sentence = _SENTENCE.split(before)[-1] + _SENTENCE.split(after)[0]
    return _OF_THE_DAY.search(sentence) is not None


def is_called_moment(before: str, after: str) -> bool:
    """Whether the words around it can mean nothing but a moment of the media."""
    match = _MOMENT_BEFORE.search(before)
    return (match is not None and match["at"] is None) or _MOMENT_AFTER.match(after) is not None


def follows_preposition(before: str) -> bool:
    """Whether a word such as `at` or `from` stands directly before it."""
    return _MOMENT_BEFORE.search(before) is not None


def begins_line(before: str) -> bool:
    """Whether nothing but a bullet or a number stands before it on its line."""
    return _LINE_START.search(before) is not None
