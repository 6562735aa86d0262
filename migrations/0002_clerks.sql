-- Who works at an agency's desk. A Party may work for several agencies, and no longer does from `ended_at` on.
CREATE TABLE clerks (
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    party_id TEXT NOT NULL REFERENCES parties (id),
    role TEXT NOT NULL,
    enrolled_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (agency_id, party_id, role)
);
CREATE INDEX clerks_party ON clerks (party_id);
