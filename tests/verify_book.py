#!/usr/bin/env python3
"""Verifies a Daybook book from what psql alone can export. Written from the hash specification in ARCHITECTURE.md.

psql "$DATABASE_URL" -c "\\copy (SELECT position, category, stream_id, stream_version, event_type, schema_version,
(extract(epoch FROM recorded_at) * 1000000)::bigint, payload, metadata, encode(hash, 'hex') FROM book.events
ORDER BY position) TO STDOUT WITH (FORMAT csv, ENCODING 'UTF8')" | tests/verify_book.py [POSITION:HASH]

(psql takes \\copy on one line.) POSITION:HASH is a head noted earlier: only against one does a cut-off tail show.
Exit code 0: every page is what it was. 1: the first position at which it is not is named. 2: the input is no export.
"""
import csv, hashlib, io, struct, sys, uuid

def integer(text):
    return struct.pack(">q", int(text))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def chained(previous, row):
    position, category, stream_id, version, event_type, schema_version, recorded_at, payload, metadata, _ = row
    fields = [
        integer(position), category.encode(), uuid.UUID(stream_id).bytes, integer(version), event_type.encode(),
        integer(schema_version), integer(recorded_at), payload.encode(), metadata.encode(),
    ]
    canonical = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    return sha256(b"\x01", previous, sha256(b"\x00", canonical))


def main(known):
    csv.field_size_limit(1 << 30)
    previous, last, recorded, versions, seen = bytes(32), -1, -(2**63), {}, {}
    for row in csv.reader(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")):
        position, stream, recorded_at, digest = int(row[0]), (row[1], row[2]), int(row[6]), bytes.fromhex(row[9])
        if position != last + 1:
            return f"position {min(position, last + 1)}: is missing, or there twice"
        if chained(previous, row) != digest:
            return f"position {position}: its hash does not follow from its content and the page before it"
        if recorded_at < recorded:
            return f"position {position}: was recorded before the page ahead of it"
        if int(row[3]) != versions.get(stream, 0) + 1:
            return f"position {position}: version {row[3]} of {stream[0]}-{stream[1]} is out of order"
        versions[stream], previous, last, recorded = int(row[3]), digest, position, recorded_at
        if str(position) in known:
            seen[str(position)] = row[9]
    for position, digest in known.items():
        if seen.get(position) != digest:
            return f"position {position}: is not the page that was noted"
    if last < 0:
        return "position 0: is missing"
    print(f"verified: {last} events, head {last}:{previous.hex()}")


try:
    fault = main(dict(argument.split(":") for argument in sys.argv[1:]))
except (ValueError, IndexError) as error:
    print(f"not an export of a book: {error}", file=sys.stderr)
    sys.exit(2)
sys.exit(fault)
