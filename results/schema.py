"""Tables, statements and columns of the score store."""

from __future__ import annotations

SCHEMA_VERSION = 1
APPLICATION_ID = 0x756E7472
"""Marks the file as ours in its header ("untr"), so that no foreign database is ever touched."""

# Scores are clustered by what a run asks for (indicator, protocol, seed), so both "which of these
# keys are missing" and "all scores of this indicator" read one contiguous range.
# `value` and `alone_s` have no declared type: REAL would rewrite -0.0 as the integer 0.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE network (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, architecture TEXT NOT NULL,
    UNIQUE (space, architecture));
CREATE TABLE indicator (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (name, version));
CREATE TABLE protocol (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, canonical TEXT);
CREATE TABLE environment (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, canonical TEXT NOT NULL);
CREATE TABLE score (
    indicator INTEGER NOT NULL REFERENCES indicator,
    protocol INTEGER NOT NULL REFERENCES protocol,
    seed INTEGER NOT NULL,
    network INTEGER NOT NULL REFERENCES network,
    value, status TEXT NOT NULL, reason TEXT NOT NULL, alone_s,
    peak_bytes INTEGER, representative TEXT,
    environment INTEGER NOT NULL REFERENCES environment,
    PRIMARY KEY (indicator, protocol, seed, network)) WITHOUT ROWID;
"""

COLUMNS = {
    "space": "str",
    "architecture": "str",
    "indicator": "str",
    "version": "int64",
    "protocol": "str",
    "seed": "int64",
    "value": "float64",
    "status": "str",
    "reason": "str",
    "alone_s": "float64",
    "peak_bytes": "Int64",
    "representative": "str",
    "environment": "int64",
}
"""Columns of `ScoreStore.frame` and their types."""

ROWS = """
FROM score
JOIN network ON network.id = score.network
JOIN indicator ON indicator.id = score.indicator
JOIN protocol ON protocol.id = score.protocol
"""

FRAME = f"""
SELECT network.space, network.architecture, indicator.name, indicator.version, protocol.digest,
    score.seed, score.value, score.status, score.reason, score.alone_s, score.peak_bytes,
    score.representative, score.environment
{ROWS}
"""

PUT = """
INSERT INTO score (network, indicator, protocol, seed, value, status, reason, alone_s, peak_bytes,
    representative, environment)
VALUES (
    (SELECT id FROM network WHERE space = ? AND architecture = ?),
    (SELECT id FROM indicator WHERE name = ? AND version = ?),
    (SELECT id FROM protocol WHERE digest = ?),
    ?, ?, ?, ?, ?, ?, ?,
    (SELECT id FROM environment WHERE digest = ?))
ON CONFLICT (indicator, protocol, seed, network) DO UPDATE SET
    value = excluded.value, status = excluded.status, reason = excluded.reason,
    alone_s = excluded.alone_s, peak_bytes = excluded.peak_bytes,
    representative = excluded.representative, environment = excluded.environment
WHERE score.status <> 'ok'
"""
