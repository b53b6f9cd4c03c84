"""Tags of the files named on standard input, one a line, as Mutagen reads them: one JSON object a line."""

import json
import sys

import mutagen
from mutagen.easyid3 import EasyID3
from mutagen.easymp4 import EasyMP4Tags
from mutagen.id3 import ID3
from mutagen.wave import WAVE
from mutagen.aiff import AIFF

ASF = {
    "title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "albumartist": "WM/AlbumArtist",
    "tracknumber": "WM/TrackNumber", "discnumber": "WM/PartOfSet", "date": "WM/Year", "genre": "WM/Genre",
}
ID3_FRAMES = {
    "title": "TIT2", "artist": "TPE1", "album": "TALB", "albumartist": "TPE2",
    "tracknumber": "TRCK", "discnumber": "TPOS", "date": "TDRC", "genre": "TCON",
}
APE = {"albumartist": "Album Artist", "tracknumber": "Track", "discnumber": "Disc", "date": "Year"}
FIELDS = list(ID3_FRAMES)


def values(file, field):
    tags = file.tags
    if tags is None:
        return []
    if isinstance(tags, EasyMP4Tags) or isinstance(tags, EasyID3):
        return tags.get(field, [])
    if isinstance(tags, ID3):
        frame = tags.get(ID3_FRAMES[field])
        if frame is None:
            return []
        return frame.genres if field == "genre" else [str(text) for text in frame.text]
    kind = type(tags).__name__
    if kind == "ASFTags":
        return [str(value) for value in tags.get(ASF[field], [])]
    if kind == "APEv2":
        found = tags.get(APE.get(field, field))
        if found is None and field == "albumartist":
            found = tags.get("album_artist")
        return [] if found is None else list(found)
    return tags.get(field, [])


for line in sys.stdin:
    path = line.rstrip("\n")
    file = mutagen.File(path, easy=True)
    answer = {"path": path}
    if file is not None:
        answer["seconds"] = file.info.length
        answer["tags"] = {field: list(values(file, field)) for field in FIELDS}
    print(json.dumps(answer))
