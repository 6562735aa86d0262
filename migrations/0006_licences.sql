-- Licence types: definitions, TOML. A changed definition is a new revision; licences keep the one they were issued under.
CREATE TABLE licence_types (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    code TEXT NOT NULL,
    revision BIGINT NOT NULL,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (agency_id, code, revision)
);

-- Licences. The identifier is given once, when making begins. `body` is the application, sealed; `code` is what stands in the QR
-- code, sealed and found by its keyed hash. `stage` is making until the files are released.
CREATE TABLE licences (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    type_id TEXT NOT NULL REFERENCES licence_types (id),
    identifier TEXT NOT NULL UNIQUE,
    serial TEXT NOT NULL,
    version BIGINT NOT NULL,
    replaces TEXT UNIQUE REFERENCES licences (id),
    stage TEXT NOT NULL,
    actor TEXT NOT NULL,
    body BYTEA NOT NULL,
    code BYTEA NOT NULL,
    code_hash TEXT NOT NULL UNIQUE,
    begins_at BIGINT NOT NULL,
    ends_at BIGINT,
    created_at BIGINT NOT NULL,
    issued_at BIGINT
);
CREATE INDEX licences_agency ON licences (agency_id, created_at);
CREATE INDEX licences_type ON licences (type_id);

-- The last serial number of a type in a year.
CREATE TABLE licence_serials (
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    code TEXT NOT NULL,
    year BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (agency_id, code, year)
);

-- Holders by the keyed hash of their numbers, and the licence's own number likewise.
CREATE TABLE licence_holders (
    licence_id TEXT NOT NULL REFERENCES licences (id),
    place BIGINT NOT NULL,
    lookup TEXT NOT NULL,
    PRIMARY KEY (licence_id, place)
);
CREATE INDEX licence_holders_lookup ON licence_holders (lookup);

-- What was decided about a licence: rows are only added. `replaced_by` names the licence in its place.
CREATE TABLE licence_events (
    licence_id TEXT NOT NULL REFERENCES licences (id),
    seq BIGINT NOT NULL,
    act TEXT NOT NULL,
    effective_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    replaced_by TEXT REFERENCES licences (id),
    PRIMARY KEY (licence_id, seq)
);

-- The sealed files, of the licence itself and of annotated copies. `copy_id` is empty for the licence's own.
CREATE TABLE licence_files (
    licence_id TEXT NOT NULL REFERENCES licences (id),
    copy_id TEXT NOT NULL,
    format TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (licence_id, copy_id, format)
);
CREATE INDEX licence_files_sha256 ON licence_files (sha256);

-- Annotated copies: for one use, until a time. `body` names purpose and maker, sealed.
CREATE TABLE licence_copies (
    id TEXT NOT NULL PRIMARY KEY,
    licence_id TEXT NOT NULL REFERENCES licences (id),
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    actor TEXT NOT NULL,
    body BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX licence_copies_licence ON licence_copies (licence_id, made_at);

-- Bulk issue: a batch belongs to one file, a row of it to at most one licence.
CREATE TABLE licence_batches (
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    name TEXT NOT NULL,
    type_id TEXT NOT NULL REFERENCES licence_types (id),
    file_sm3 TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (agency_id, name)
);
CREATE TABLE licence_rows (
    agency_id TEXT NOT NULL,
    batch TEXT NOT NULL,
    line BIGINT NOT NULL,
    licence_id TEXT UNIQUE REFERENCES licences (id),
    PRIMARY KEY (agency_id, batch, line),
    FOREIGN KEY (agency_id, batch) REFERENCES licence_batches (agency_id, name)
);

-- What others reported through the sharing interface: a licence that is missing or wrong. Sealed.
CREATE TABLE licence_feedback (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
