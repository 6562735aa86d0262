-- One text for SQLite and PostgreSQL: only TEXT, BIGINT and BYTEA columns; times are Unix milliseconds; flags are 0 or 1.
-- Columns named `sealed` or `body` hold SM4-GCM ciphertext (src/store/sealer.rs); columns named `lookup` or `hash` hold keyed
-- HMAC-SM3 values. No number, name or phone of a person stands anywhere in the clear.

-- The office that a portal, a verdict, a receipt or a key belongs to.
CREATE TABLE agencies (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT
);

-- A person or an organisation: our own random id and nothing else. Parties belong to the province, not to one agency.
CREATE TABLE parties (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    erased_at BIGINT
);

-- Each Party's data key, wrapped by the master key. Lawful erasure deletes this row; nothing sealed under it can be read again.
CREATE TABLE party_keys (
    party_id TEXT NOT NULL PRIMARY KEY REFERENCES parties (id),
    sealed BYTEA NOT NULL,
    key_version BIGINT NOT NULL
);

-- Bytes that the world said: revocation lists, OCSP and registry answers, frozen bundles.
CREATE TABLE evidence (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT REFERENCES agencies (id),
    party_id TEXT REFERENCES parties (id),
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BYTEA NOT NULL,
    is_sealed BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    this_update BIGINT,
    next_update BIGINT
);
CREATE INDEX evidence_source ON evidence (kind, source, first_seen);
CREATE INDEX evidence_party ON evidence (party_id);

-- One act that showed who a Party is. `detail` is JSON without personal data.
CREATE TABLE proofs (
    id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    by_party_id TEXT REFERENCES parties (id),
    agency_id TEXT REFERENCES agencies (id),
    method TEXT NOT NULL,
    level BIGINT NOT NULL,
    proved_at BIGINT NOT NULL,
    evidence_id TEXT REFERENCES evidence (id),
    detail TEXT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX proofs_party ON proofs (party_id, proved_at);

-- Numbers, names and phones: dated attributes of a Party. An exclusive attribute belongs to one Party at a time.
CREATE TABLE party_attributes (
    id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    kind TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    lookup TEXT NOT NULL,
    is_exclusive BIGINT NOT NULL,
    proof_id TEXT REFERENCES proofs (id),
    recorded_at BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT
);
CREATE INDEX party_attributes_party ON party_attributes (party_id, kind, valid_from);
CREATE INDEX party_attributes_lookup ON party_attributes (lookup);
CREATE UNIQUE INDEX party_attributes_exclusive ON party_attributes (lookup) WHERE is_exclusive = 1 AND valid_to IS NULL;

-- Portals and programs. `settings` is JSON: redirect URIs, released claims, policies; it holds no secret.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE INDEX clients_agency ON clients (agency_id);

-- Keyed hashes of client secrets: an old one stays good until `expires_at`, so that rotation fails no login.
CREATE TABLE client_secrets (
    hash TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

-- The name a Party has in one sector (pairwise identifier): random, stored, never derived, never moved.
CREATE TABLE subjects (
    sector TEXT NOT NULL,
    party_id TEXT NOT NULL REFERENCES parties (id),
    subject TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (sector, party_id)
);

-- A browser's session after a login. The cookie is kept as a keyed hash and rotates at login, step-up and switch.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    acting_for TEXT REFERENCES parties (id),
    cookie_hash TEXT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_why TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX sessions_party ON sessions (party_id, ended_at);
CREATE INDEX sessions_ends ON sessions (ends_at);

-- Which proofs stand behind a session: its level is computed from them.
CREATE TABLE session_proofs (
    session_id TEXT NOT NULL REFERENCES sessions (id),
    proof_id TEXT NOT NULL REFERENCES proofs (id),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, proof_id)
);

-- One run from Asked to Spent. `version` rises with each transition (compare-and-set); `body` is the sealed state.
CREATE TABLE logins (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    session_id TEXT REFERENCES sessions (id),
    browser_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logins_expires ON logins (expires_at);

-- What a Party granted a portal in one login: the family that code and tokens belong to and die with.
CREATE TABLE grants (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    party_id TEXT NOT NULL REFERENCES parties (id),
    session_id TEXT REFERENCES sessions (id),
    subject TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_why TEXT
);
CREATE INDEX grants_party ON grants (party_id);
CREATE INDEX grants_session ON grants (session_id);

-- Authorization codes, access and refresh tokens: keyed hashes, spent once.
CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    grant_id TEXT NOT NULL REFERENCES grants (id),
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX tokens_grant ON tokens (grant_id);
CREATE INDEX tokens_expires ON tokens (expires_at);

-- Challenges to be answered once: certificate texts, passkey ceremonies, pushed requests.
CREATE TABLE challenges (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    bound_to TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX challenges_expires ON challenges (expires_at);

-- One-time codes sent to a phone: keyed hash, few attempts, one use.
CREATE TABLE phone_codes (
    id TEXT NOT NULL PRIMARY KEY,
    bound_to TEXT NOT NULL,
    phone_lookup TEXT NOT NULL,
    hash TEXT NOT NULL,
    attempts_left BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX phone_codes_phone ON phone_codes (phone_lookup, sent_at);
CREATE INDEX phone_codes_expires ON phone_codes (expires_at);

-- How often something was tried in a window: per number, per source. `bucket` is a keyed hash.
CREATE TABLE attempts (
    bucket TEXT NOT NULL PRIMARY KEY,
    window_start BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    tries BIGINT NOT NULL
);

-- Passkeys of a Party, bound under a stronger proof.
CREATE TABLE passkeys (
    credential_hash TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    proof_id TEXT REFERENCES proofs (id),
    label TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    removed_at BIGINT
);
CREATE INDEX passkeys_party ON passkeys (party_id);

-- What a Party let a portal see, and when it took that back.
CREATE TABLE consents (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    party_id TEXT NOT NULL REFERENCES parties (id),
    released TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    withdrawn_at BIGINT
);
CREATE INDEX consents_party ON consents (party_id, client_id);

-- Verdicts; the id is the receipt id. The body may name the signer, hence sealed.
CREATE TABLE verdicts (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    actor TEXT NOT NULL,
    document_sha256 TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    policy_digest TEXT NOT NULL,
    judged_at BIGINT NOT NULL,
    indication TEXT NOT NULL,
    sub_indication TEXT,
    body BYTEA NOT NULL,
    evidence_id TEXT REFERENCES evidence (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX verdicts_document ON verdicts (agency_id, document_sha256);
CREATE INDEX verdicts_created ON verdicts (agency_id, created_at);

-- A request that may be repeated: the same key of the same caller gives the same answer.
CREATE TABLE idempotency_keys (
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    actor TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (agency_id, actor, key_hash)
);

-- A signing decided on before the key moved, with the digest; settled by its completion or by a job after a crash.
CREATE TABLE intentions (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    party_id TEXT REFERENCES parties (id),
    actor TEXT NOT NULL,
    key_id TEXT NOT NULL,
    format TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX intentions_state ON intentions (state, created_at);

-- Trust anchors with their purposes (a comma-separated list).
CREATE TABLE anchors (
    sha256 TEXT NOT NULL PRIMARY KEY,
    certificate BYTEA NOT NULL,
    subject TEXT NOT NULL,
    purposes TEXT NOT NULL,
    is_lab BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    removed_at BIGINT
);

-- The OpenID Provider's signing keys; the private part is sealed.
CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    retires_at BIGINT
);

-- Who may do a periodic job now.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    ends_at BIGINT NOT NULL
);

-- The audit log. Rows commit with what they witness, unlinked (seq NULL); one sequencer links them within a second.
CREATE TABLE audit_entries (
    id TEXT NOT NULL PRIMARY KEY,
    seq BIGINT UNIQUE,
    agency_id TEXT REFERENCES agencies (id),
    party_id TEXT REFERENCES parties (id),
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL,
    facts TEXT NOT NULL,
    sealed BYTEA,
    commitment TEXT NOT NULL,
    prev TEXT,
    hash TEXT
);
CREATE INDEX audit_party ON audit_entries (party_id);
CREATE INDEX audit_agency ON audit_entries (agency_id, happened_at);
CREATE INDEX audit_unlinked ON audit_entries (happened_at, id) WHERE seq IS NULL;
