-- Electronic seals: those made for an agency here, and those made elsewhere that it uses. `octets` is sealed: the certificates in it
-- may bear numbers of persons. A seal's code is given out once for all agencies.
CREATE TABLE seals (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    origin TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    owner_code TEXT NOT NULL,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    es_id TEXT NOT NULL,
    state TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    picture BYTEA NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    filing TEXT,
    maker TEXT,
    octets BYTEA,
    sha256 TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX seals_agency ON seals (agency_id, created_at, id);
CREATE INDEX seals_sha256 ON seals (sha256);
CREATE UNIQUE INDEX seals_code ON seals (es_id) WHERE origin = 'here';
CREATE UNIQUE INDEX seals_octets ON seals (agency_id, sha256) WHERE sha256 IS NOT NULL;

-- What happened to a seal; rows are only added. `at` is from when it holds, `recorded_at` when it was written.
CREATE TABLE seal_events (
    seal_id TEXT NOT NULL REFERENCES seals (id),
    seq BIGINT NOT NULL,
    change TEXT NOT NULL,
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    request_id TEXT,
    PRIMARY KEY (seal_id, seq)
);

-- What one asks and another decides. `digest` is that of the sealed `body`, which is what both are shown.
CREATE TABLE seal_requests (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    seal_id TEXT NOT NULL REFERENCES seals (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    body BYTEA NOT NULL,
    digest TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_party TEXT REFERENCES parties (id),
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    reason TEXT
);
CREATE INDEX seal_requests_seal ON seal_requests (seal_id, asked_at);
CREATE INDEX seal_requests_agency ON seal_requests (agency_id, state, asked_at);

-- What a seal may be used on: one document, or licences of one type; so often, until then.
CREATE TABLE seal_grants (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    seal_id TEXT NOT NULL REFERENCES seals (id),
    request_id TEXT NOT NULL UNIQUE REFERENCES seal_requests (id),
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    uses_left BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX seal_grants_seal ON seal_grants (seal_id, scope, subject);

-- Each use of a seal.
CREATE TABLE seal_uses (
    id TEXT NOT NULL PRIMARY KEY,
    seal_id TEXT NOT NULL REFERENCES seals (id),
    grant_id TEXT NOT NULL REFERENCES seal_grants (id),
    document TEXT NOT NULL,
    actor TEXT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX seal_uses_seal ON seal_uses (seal_id, used_at);
