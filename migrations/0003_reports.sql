-- What is recorded of a trust anchor, with dates: purposes, licence, qualification for e-government, withdrawal. JSON.
ALTER TABLE anchors ADD COLUMN records TEXT NOT NULL DEFAULT '[]';

-- Keys that sign receipts, with their own certificates; the private part is sealed.
CREATE TABLE receipt_keys (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    certificate BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE INDEX receipt_keys_agency ON receipt_keys (agency_id, created_at);

-- Receipts over kept verdicts, made once: CMS, sealed.
CREATE TABLE receipts (
    id TEXT NOT NULL PRIMARY KEY REFERENCES verdicts (id),
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX receipts_agency ON receipts (agency_id, created_at);
