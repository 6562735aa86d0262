-- Accounts reported lost (挂失): while a report stands, nobody enters the account. It is lifted at a counter.
CREATE TABLE losses (
    id TEXT NOT NULL PRIMARY KEY,
    party_id TEXT NOT NULL REFERENCES parties (id),
    reported_by TEXT REFERENCES parties (id),
    reported_at BIGINT NOT NULL,
    lifted_by TEXT REFERENCES parties (id),
    lifted_at BIGINT
);
CREATE UNIQUE INDEX losses_standing ON losses (party_id) WHERE lifted_at IS NULL;
