-- What portals are to be told when a session ends, and what became of it. `sealed` holds the portal's names of person and session.
CREATE TABLE logout_notices (
    id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    why TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_at BIGINT,
    attempts BIGINT NOT NULL,
    delivered_at BIGINT,
    failure TEXT
);
CREATE INDEX logout_notices_party ON logout_notices (party_id, created_at);
CREATE INDEX logout_notices_next ON logout_notices (next_at) WHERE next_at IS NOT NULL;
