"""The catalogue of reasons: every verdict, its documentation and its remedy come from this one table.

A `Reason` is a row; a `Finding` is one occurrence of it in one example; a `Verdict` follows from an example's findings.
docs/reasons.md is generated from this table.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec


class Outcome(enum.StrEnum):
    """What the tuning service does, as far as it is documented.

    Attributes:
      REJECTS_JOB: the whole dataset is refused.
      DROPS_EXAMPLE: the example is left out, as documented; more than 10 % of such examples fail the job.
      OVER_LIMIT: the example breaks a documented limit or rule, or does what no page says is supported; what the
        service then does is not documented. Dropped here, to be on the safe side.
      UNDECIDED: it could not be found out. The example is neither kept nor dropped.
      ADVICE: worth knowing; decides nothing.
    """

    REJECTS_JOB = "rejects-job"
    DROPS_EXAMPLE = "drops-example"
    OVER_LIMIT = "over-limit"
    UNDECIDED = "undecided"
    ADVICE = "advice"


class Scope(enum.StrEnum):
    """What a reason speaks of."""

    LINE = "line"
    PART = "part"
    MEDIA = "media"
    FILE = "file"
    DATASET = "dataset"


class Verdict(enum.StrEnum):
    """What becomes of an example: read = kept + dropped + undecided."""

    KEPT = "kept"
    DROPPED = "dropped"
    UNDECIDED = "undecided"


class Row(NamedTuple):
    """One row of the catalogue.

    `message` is the general sentence; a finding's own message says what was seen. `source` is a public page or
    specification, or "beam_tuning" where the rule is the project's own caution. `since` is the first version with it.
    """

    scope: Scope
    outcome: Outcome
    title: str
    message: str
    remedy: str
    source: str
    since: str = "0.1.0"


_DOCS = "https://docs.cloud.google.com/gemini-enterprise-agent-platform/"
_FORMAT = _DOCS + "models/tuning/supervised-tuning/prepare-data"
_LIMITS = _DOCS + "models/tuning/supervised-tuning#limitations"
_AUDIO = _DOCS + "models/tuning/audio"
_VIDEO = _DOCS + "models/tuning/video"
_IMAGE = _DOCS + "models/tuning/image"
_DOCUMENT = _DOCS + "models/tuning/document"
_PREFERENCE = _DOCS + "models/tuning/preference-tuning/prepare-data"
_AUDIO_MIME_TYPES = _DOCS + "models/capabilities/audio-understanding#audio-requirements"
_VIDEO_MIME_TYPES = _DOCS + "models/capabilities/video-understanding"
_INFERENCE = _DOCS + "reference/models/inference"
_CONTENT = _DOCS + "reference/rest/v1/Content"
_TUNING_JOBS = _DOCS + "reference/rest/v1/projects.locations.tuningJobs"
_PROTO_JSON = "https://protobuf.dev/programming-guides/json/"
_JSON = "https://www.rfc-editor.org/rfc/rfc8259"
_OURS = "beam_tuning"


class Reason(enum.Enum):
    """Reason codes. The member's name is the code that people script against."""

    LINE_NOT_UTF8 = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is not UTF-8",
        "The line holds bytes that are not UTF-8.",
        "Write the file as UTF-8.",
        _JSON,
    )
    LINE_TOO_LONG = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "Line is too long",
        "The line is longer than 10,000,000 bytes. The documents name no limit; no text within the token limit is "
        "that long.",
        "Put media into a bucket and point at it with fileData; split long texts into several examples.",
        _OURS,
    )
    LINE_NOT_JSON = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is not JSON",
        "The line cannot be parsed as JSON.",
        "Write each example as one JSON object on one line.",
        _FORMAT,
    )
    LINE_NESTED_TOO_DEEP = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is nested too deeply",
        "Objects and arrays stand more than 100 levels deep, where parsers of protocol buffers stop.",
        "Flatten the line; an example needs about ten levels.",
        _PROTO_JSON,
    )
    LINE_NOT_OBJECT = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is not a JSON object",
        "The line is JSON, but not an object.",
        "Write each example as one JSON object on one line, without an array around them.",
        _FORMAT,
    )
    LINE_IS_OTHER_FORMAT = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is in another format",
        "The line is an example of another product or API.",
        "Convert it into contents with the roles user and model; the finding says what becomes what.",
        _FORMAT,
    )
    CONTENTS_MISSING = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "contents is missing",
        "The example has no contents.",
        "Give the example its turns in contents.",
        _FORMAT,
    )
    CONTENTS_EMPTY = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "contents is empty",
        "The list of contents is empty.",
        "Give the example at least a user turn and a model turn.",
        _FORMAT,
    )
    PARTS_MISSING = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Turn without parts",
        "A content has no parts, or an empty list of them.",
        "Give every content at least one part, or leave the content out.",
        _CONTENT,
    )
    PART_EMPTY = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "Part without payload",
        "A part holds no payload, or an empty text. What tuning does with it is not documented; inference refuses it.",
        "Leave the part out, or give it a text or fileData.",
        _CONTENT,
    )
    PART_HAS_SEVERAL_PAYLOADS = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Part with several payloads",
        "A part holds more than one of text, fileData, inlineData, functionCall, functionResponse.",
        "Give each payload a part of its own.",
        _CONTENT,
    )
    FIELD_WRONG_TYPE = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Field of the wrong type",
        "A field holds a value of a type that its message does not take.",
        "Write the value with the type that the message names.",
        _PROTO_JSON,
    )
    FIELD_SPELLED_TWICE = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Field given twice",
        "One object gives the same field twice: twice with one name, or as camelCase and as snake_case.",
        "Keep one of the two.",
        _PROTO_JSON,
    )
    FIELD_UNKNOWN = Row(
        Scope.LINE,
        Outcome.ADVICE,
        "Unknown field",
        "The API knows no such field. It is ignored at best, and a strict parser refuses the line.",
        "Leave the field out.",
        _CONTENT,
    )
    FIELD_NOT_DOCUMENTED = Row(
        Scope.LINE,
        Outcome.ADVICE,
        "Field not documented for tuning",
        "The API knows the field, but no page on tuning data mentions it. It has no effect at best.",
        "Leave the field out unless you know that it works.",
        _FORMAT,
    )
    ROLE_UNKNOWN = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Unknown role",
        "A content has another role than user or model.",
        "Write user or model; put system texts into systemInstruction and tool answers into a user turn.",
        _FORMAT,
    )
    ROLES_NOT_ALTERNATING = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Roles do not alternate",
        "Two contents in a row have the same role; a missing role counts as user.",
        "Join the two contents into one, part after part, or set the roles.",
        _CONTENT,
    )
    FIRST_TURN_NOT_USER = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "First turn is not the user's",
        "The first content is not of the role user. No page demands it, but every example in the documents does so.",
        "Begin with a user turn; put an opening text of the model into systemInstruction.",
        _FORMAT,
    )
    LAST_TURN_NOT_MODEL = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "Last turn is not the model's",
        "The last content is not of the role model, so there is nothing to learn. No page demands it, but every "
        "example does so.",
        "End with the answer that the model shall give, with the role model.",
        _FORMAT,
    )
    SYSTEM_INSTRUCTION_NOT_TEXT = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "System instruction is not text",
        "systemInstruction holds a part that is not text.",
        "Keep only text parts in systemInstruction; move media into a user turn.",
        _FORMAT,
    )
    MODEL_TURN_HAS_MEDIA = Row(
        Scope.LINE,
        Outcome.OVER_LIMIT,
        "Media in a model turn",
        "A model turn holds media. No page says whether a tuned model can learn from it.",
        "Move the media into the user turn before.",
        _OURS,
    )
    FILE_URI_MISSING = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "fileUri is missing",
        "A fileData has no fileUri.",
        "Give the URI of the object: gs://bucket/object or a public https:// address.",
        _CONTENT,
    )
    FILE_URI_UNSUPPORTED = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "URI is not supported",
        "The fileUri is no well-formed gs:// or http(s):// address, or one that tuning is not said to read.",
        "Copy the object into a Cloud Storage bucket and write gs://bucket/object.",
        _VIDEO,
    )
    MIME_TYPE_MISSING = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "mimeType is missing",
        "A fileData has no mimeType.",
        "Give the MIME type, e.g. video/mp4.",
        _CONTENT,
    )
    MIME_TYPE_UNSUPPORTED = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "MIME type is not supported",
        "The mimeType is none of those that the documents list. What tuning does with others is not documented.",
        "Write one of the listed types if the file is of that kind, else convert the file.",
        _VIDEO_MIME_TYPES,
    )
    MIME_TYPE_UNCERTAIN = Row(
        Scope.PART,
        Outcome.ADVICE,
        "MIME type is listed for inference only",
        "The mimeType is not on the page that the tuning pages point to, only in the reference of inference, or is "
        "reported to fail.",
        "Prefer a listed type: convert the file, or try a small tuning job first.",
        _INFERENCE,
    )
    INLINE_DATA_UNSUPPORTED = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "Media inside the line",
        "A part holds inlineData. The pages on tuning data know fileData only.",
        "Put the bytes into a bucket and point at them with fileData.",
        _FORMAT,
    )
    VIDEO_METADATA_WITHOUT_VIDEO = Row(
        Scope.PART,
        Outcome.ADVICE,
        "videoMetadata without a video",
        "videoMetadata stands beside something else than a video; it is not used, and the whole file counts.",
        "Leave videoMetadata out, or cut the file itself.",
        _CONTENT,
    )
    SEGMENT_INVALID = Row(
        Scope.PART,
        Outcome.REJECTS_JOB,
        "Offset is not a duration",
        'A startOffset or endOffset is not a duration such as "12.5s".',
        'Write seconds with at most nine decimal places and an s, in quotes: "75s".',
        _PROTO_JSON,
    )
    SEGMENT_NEGATIVE = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "Offset is negative",
        "A startOffset or endOffset lies before the start of the media. What tuning does then is not documented.",
        'Count offsets from the start of the media: "0s" is the first frame.',
        _VIDEO,
    )
    SEGMENT_REVERSED = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "Segment is empty or reversed",
        "The endOffset is not after the startOffset. What tuning does then is not documented.",
        "Swap the offsets or correct them.",
        _VIDEO,
    )
    SEGMENT_BEYOND_END = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "Segment lies beyond the end",
        "The segment starts at or after the end of the media, or ends more than a second after it.",
        "Correct the offsets; leave endOffset out to go to the end.",
        _VIDEO,
    )
    FPS_INVALID = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "fps is out of range",
        "fps is not above 0 and at most 24 frames a second.",
        "Write a number above 0 and up to 24, or leave fps out for 1.",
        _CONTENT,
    )
    FPS_NOT_DOCUMENTED = Row(
        Scope.PART,
        Outcome.ADVICE,
        "fps is documented for inference only",
        "No page says that tuning honours fps. The token estimate does.",
        "Leave fps out unless you need it, and compare the billed tokens of a small job.",
        _VIDEO,
    )
    MEDIA_RESOLUTION_INVALID = Row(
        Scope.PART,
        Outcome.REJECTS_JOB,
        "Unknown media resolution",
        "A mediaResolution is none of the values of its enum, or is not given in the right form.",
        'Write generationConfig.mediaResolution as "MEDIA_RESOLUTION_LOW", …_MEDIUM or …_HIGH; in a part as '
        '{"level": "MEDIA_RESOLUTION_…"}.',
        _CONTENT,
    )
    PART_MEDIA_RESOLUTION_UNSUPPORTED = Row(
        Scope.PART,
        Outcome.OVER_LIMIT,
        "Media resolution of a part",
        "A part has a mediaResolution of its own, which models before Gemini 3 do not know.",
        "Set generationConfig.mediaResolution instead, the same on every line.",
        _VIDEO,
    )
    MEDIA_RESOLUTION_INCONSISTENT = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Media resolution differs from the chosen one",
        "generationConfig.mediaResolution is not the value chosen for the dataset. It must be the same on all lines "
        "of training and validation.",
        "Set the same generationConfig.mediaResolution on every line.",
        _VIDEO,
    )
    MEDIA_NOT_FOUND = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Media not found",
        "There is no object at the URI.",
        "Correct the URI or upload the object.",
        _VIDEO,
    )
    MEDIA_FORBIDDEN = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media may not be read",
        "These credentials may not read the object. The tuning service reads with a service agent of its own, so it "
        "may or may not.",
        "Let both the account of this run and the tuning service agent read the bucket (roles/storage.objectViewer).",
        _TUNING_JOBS,
    )
    MEDIA_ADDRESS_BLOCKED = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Address is not public",
        "The URI leads to a private, loopback or link-local address. Tuning reads public addresses only.",
        "Copy the object into a bucket, or allow private addresses for this check.",
        _VIDEO,
    )
    MEDIA_EMPTY = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Media is empty",
        "The object has no bytes.",
        "Upload the object again.",
        _OURS,
    )
    MEDIA_TRUNCATED = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Media is cut off",
        "The file declares more bytes than the object has. What tuning does with half a file is not documented.",
        "Upload or encode the file again.",
        _OURS,
    )
    MEDIA_UNREADABLE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Media is not readable",
        "The bytes are no audio, video, image or document that could be recognised.",
        "Encode the file again in a listed format; see whether the URI gives the file itself and not a web page.",
        _OURS,
    )
    MEDIA_KIND_MISMATCH = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Media is of another kind",
        "The file is of another kind than its mimeType says, e.g. a video/mp4 without a picture.",
        "Correct the mimeType, or point at the right file.",
        _OURS,
    )
    MIME_TYPE_MISMATCH = Row(
        Scope.MEDIA,
        Outcome.ADVICE,
        "MIME type and file format differ",
        "The kind is right, but the container is another one than the mimeType names.",
        "Write the mimeType of the container that the file really has.",
        _OURS,
    )
    MEDIA_DURATION_UNKNOWN = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Duration is unknown",
        "The file does not say how long it is, so that the length limit cannot be checked.",
        "Remux the file so that its header holds the duration, e.g. ffmpeg -i in.webm -c copy out.webm.",
        _OURS,
    )
    MEDIA_SIZE_UNKNOWN = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Size is unknown",
        "The server does not say how large the object is, so that the size limit cannot be checked.",
        "Copy the object into a bucket.",
        _OURS,
    )
    MEDIA_TIMED_OUT = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media did not answer in time",
        "The store did not answer within the time allowed, retries included.",
        "Run again later; answers already found are not asked for again with a probe cache.",
        _OURS,
    )
    MEDIA_SERVER_ERROR = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Store failed",
        "The store answered with an error that may pass (429, 5xx, reset), retries included.",
        "Run again later; lower the number of probes in flight if the store asks for it.",
        _OURS,
    )
    MEDIA_CHANGED = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media changed while it was read",
        "The object was replaced between two reads of it.",
        "Run again when nothing writes to the bucket.",
        _OURS,
    )
    MEDIA_WORK_CAP = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media takes too much work",
        "The file would take more reads or time than a probe may use.",
        "Remux the file with a header at its start, e.g. ffmpeg -i in.mp4 -c copy -movflags +faststart out.mp4.",
        _OURS,
    )
    MEDIA_CRASHED = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media broke the reader",
        "Reading the file ended the process that read it. The file is damaged or hostile.",
        "Encode the file again, or leave the example out.",
        _OURS,
    )
    MEDIA_NOT_PROBED = Row(
        Scope.MEDIA,
        Outcome.UNDECIDED,
        "Media was not probed",
        "There is no answer for the URI in this run.",
        "Run again; report it if it stays.",
        _OURS,
    )
    AUDIO_TOO_MANY = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Too many audio files",
        "The example has more audio files than allowed. The limit is published for Gemini 2 only and is applied to "
        "all models.",
        "Join the audio into one file, or make an example of each.",
        _AUDIO,
    )
    AUDIO_TOO_LARGE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Audio file is too large",
        "The audio file has more bytes than allowed (100MB, taken as 100,000,000 bytes).",
        "Encode it with a lower bit rate, or cut it.",
        _AUDIO,
    )
    AUDIO_TOO_LONG = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Audio is too long",
        "The audio of the example lasts longer than allowed. The limit is published for Gemini 2 only and is applied "
        "to all models.",
        "Cut the audio, or make several examples of it.",
        _AUDIO,
    )
    VIDEO_TOO_MANY = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Too many videos",
        "The example has more videos than allowed.",
        "Keep one video, or make an example of each.",
        _VIDEO,
    )
    VIDEO_TOO_LARGE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Video file is too large",
        "The video file has more bytes than allowed (100MB, taken as 100,000,000 bytes).",
        "Reduce its visual resolution or bit rate, or cut it into chunks.",
        _VIDEO,
    )
    VIDEO_TOO_LONG = Row(
        Scope.MEDIA,
        Outcome.DROPS_EXAMPLE,
        "Video is too long",
        "The video lasts longer than its media resolution allows: 5 minutes, or 20 minutes at LOW. Without a "
        "mediaResolution 5 minutes are assumed.",
        "Set MEDIA_RESOLUTION_LOW on all lines, cut the video, or give a segment in videoMetadata.",
        _VIDEO,
    )
    IMAGE_TOO_MANY = Row(
        Scope.MEDIA,
        Outcome.DROPS_EXAMPLE,
        "Too many images",
        "The example has more images than allowed.",
        "Leave images out, or make several examples.",
        _IMAGE,
    )
    IMAGE_TOO_LARGE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Image file is too large",
        "The image file has more bytes than allowed (20MB, taken as 20,000,000 bytes).",
        "Scale the image down or compress it more.",
        _IMAGE,
    )
    DOCUMENT_TOO_MANY = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Too many documents",
        "The example has more documents than allowed.",
        "Leave documents out, or make several examples.",
        _DOCUMENT,
    )
    DOCUMENT_TOO_LARGE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "Document is too large",
        "The document has more bytes than allowed (20MB, taken as 20,000,000 bytes).",
        "Split the document, or scale its images down.",
        _DOCUMENT,
    )
    HTTP_MEDIA_TOO_LARGE = Row(
        Scope.MEDIA,
        Outcome.OVER_LIMIT,
        "File behind http(s) is too large",
        "Inference reads at most 15 MB from an http(s) address. Whether tuning has the same limit is not documented.",
        "Copy the object into a Cloud Storage bucket and write gs://bucket/object.",
        _INFERENCE,
    )
    MEDIA_KINDS_MIXED = Row(
        Scope.MEDIA,
        Outcome.ADVICE,
        "Audio and video in one example",
        "The example has both an audio file and a video. No page says how the limits of the two go together.",
        "Put the audio into the video file, or make two examples.",
        _OURS,
    )
    EXAMPLE_TOO_MANY_TOKENS = Row(
        Scope.LINE,
        Outcome.DROPS_EXAMPLE,
        "Too many tokens",
        "Even the lowest estimate of input and output tokens is above what an example may have.",
        "Shorten the texts or the media, lower the media resolution or fps, or split the example.",
        _LIMITS,
    )
    EXAMPLE_TOKENS_UNCERTAIN = Row(
        Scope.LINE,
        Outcome.UNDECIDED,
        "Maybe too many tokens",
        "The limit on tokens lies between the lowest and the highest estimate. Only the service can tell.",
        "Shorten the example, or count its tokens with the countTokens method.",
        _LIMITS,
    )
    INPUT_FILE_TRUNCATED = Row(
        Scope.FILE,
        Outcome.UNDECIDED,
        "Compressed file is cut off",
        "A .gz file ends before its end mark, so that lines are missing.",
        "Write or upload the file again.",
        _OURS,
    )
    INPUT_FILE_UNREADABLE = Row(
        Scope.FILE,
        Outcome.UNDECIDED,
        "File cannot be read",
        "A dataset file could not be opened or read.",
        "See whether it exists and whether this account may read it.",
        _OURS,
    )
    INPUT_FILE_NOT_JSON_LINES = Row(
        Scope.FILE,
        Outcome.REJECTS_JOB,
        "File is not JSON Lines",
        "The whole file is one pretty-printed object or one JSON array instead of one object on each line.",
        "Write one object on each line, e.g. jq -c '.[]' in.json > out.jsonl.",
        _FORMAT,
    )
    DATASET_EMPTY = Row(
        Scope.DATASET,
        Outcome.REJECTS_JOB,
        "No examples",
        "A split has no example.",
        "Give at least one example; 100 are the documented place to start.",
        _FORMAT,
    )
    DROP_SHARE_TOO_HIGH = Row(
        Scope.DATASET,
        Outcome.REJECTS_JOB,
        "Too many examples are dropped",
        "More than 10 % of the examples are dropped, at which the service fails the job before training.",
        "Correct the most frequent reasons, or tune with the cleaned files.",
        _VIDEO,
    )
    MEDIA_RESOLUTION_MIXED = Row(
        Scope.DATASET,
        Outcome.REJECTS_JOB,
        "Media resolutions are mixed",
        "The lines of training and validation do not all have the same generationConfig.mediaResolution.",
        "Set one value on every line of both files, or let the rarer values be dropped.",
        _VIDEO,
    )
    TRAINING_FILE_TOO_LARGE = Row(
        Scope.DATASET,
        Outcome.OVER_LIMIT,
        "Training file is too large",
        "The training file has more bytes than allowed (1GB, taken as 1,000,000,000 bytes).",
        "Leave examples out or shorten their texts.",
        _LIMITS,
    )
    TRAINING_TOO_MANY_EXAMPLES = Row(
        Scope.DATASET,
        Outcome.OVER_LIMIT,
        "Too many training examples",
        "The training file has more examples than allowed.",
        "Leave examples out.",
        _LIMITS,
    )
    VALIDATION_TOO_MANY_EXAMPLES = Row(
        Scope.DATASET,
        Outcome.OVER_LIMIT,
        "Too many validation examples",
        "The validation file has more examples than allowed.",
        "Leave examples out; a few hundred are enough to watch a job.",
        _LIMITS,
    )

    @property
    def code(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        return self._value_.scope

    @property
    def outcome(self) -> Outcome:
        return self._value_.outcome

    @property
    def title(self) -> str:
        return self._value_.title

    @property
    def message(self) -> str:
        return self._value_.message

    @property
    def remedy(self) -> str:
        return self._value_.remedy

    @property
    def source(self) -> str:
        return self._value_.source

    @property
    def since(self) -> str:
        return self._value_.since

    @property
    def tolerable(self) -> bool:
        """Whether a person may choose to keep such examples: what the service does is not documented or not known."""
        # A line that is too long is not looked at: nothing else would be known of it.
        of_example = self.scope in (Scope.LINE, Scope.PART, Scope.MEDIA) and self is not Reason.LINE_TOO_LONG
        return of_example and self.outcome in (Outcome.OVER_LIMIT, Outcome.UNDECIDED)


class Finding(msgspec.Struct, frozen=True):
    """One occurrence of a reason in one example.

    Attributes:
      reason: the row of the catalogue.
      message: what was seen, as a sentence.
      path: where in the example, e.g. `contents[0].parts[1].fileData.fileUri`; empty for the line as a whole. Rules
        name the fields of a part in camelCase, however the line spells them.
      observed: the value seen, in the unit that the message names.
      limit: the value allowed, in the same unit.
    """

    reason: Reason
    message: str
    path: str = ""
    observed: str | int | float | None = None
    limit: str | int | float | None = None


#: Findings of one reason that an example keeps; a hostile line can hold millions.
MAX_FINDINGS_PER_REASON = 20


class FindingList:
    """Collects the findings of one example, with at most `MAX_FINDINGS_PER_REASON` of each reason.

    The last one kept of a reason says how many more there were.
    """

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: Counter[Reason] = Counter()

    def admits(self, reason: Reason) -> bool:
        """Counts one finding, and tells whether it is to be kept. Ask before making a costly one."""
        self._counts[reason] += 1
        return self._counts[reason] <= MAX_FINDINGS_PER_REASON

    def keep(self, finding: Finding) -> None:
        """Adds a finding that was admitted."""
        self._kept.append(finding)

    def add(self, finding: Finding) -> None:
        """Counts a finding and keeps it if there is room."""
        if self.admits(finding.reason):
            self._kept.append(finding)

    def as_tuple(self) -> tuple[Finding, ...]:
        cut = {reason: count for reason, count in self._counts.items() if count > MAX_FINDINGS_PER_REASON}
        kept = list(self._kept)
        for index in reversed(range(len(kept) if cut else 0)):
            finding = kept[index]
            more = cut.pop(finding.reason, MAX_FINDINGS_PER_REASON) - MAX_FINDINGS_PER_REASON
            if more:
                message = f"{finding.message} (and {more:,} more like it on this line)"
                kept[index] = msgspec.structs.replace(finding, message=message)
        return tuple(kept)


_DROPPING = frozenset({Outcome.REJECTS_JOB, Outcome.DROPS_EXAMPLE, Outcome.OVER_LIMIT})


def verdict_of(findings: Iterable[Finding], tolerated: Collection[Reason] = ()) -> Verdict:
    """Dropped if any finding says so; else undecided if any finding does; else kept. Advice decides nothing.

    Args:
      findings: of one example.
      tolerated: reasons whose findings decide nothing either.
    """
    return verdict_of_reasons([finding.reason for finding in findings], tolerated)


def verdict_of_reasons(reasons: Iterable[Reason], tolerated: Collection[Reason] = ()) -> Verdict:
    """The same from the reasons alone."""
    verdict = Verdict.KEPT
    for reason in reasons:
        if reason in tolerated:
            continue
        outcome = reason.outcome
        if outcome in _DROPPING:
            return Verdict.DROPPED
        if outcome is Outcome.UNDECIDED:
            verdict = Verdict.UNDECIDED
    return verdict
