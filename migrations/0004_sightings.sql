-- When this installation first saw an octet string: a document, a signature's value, a certificate, a list. SHA-256.
CREATE TABLE sightings (
    sha256 TEXT NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- Pages drawn for whoever looks at a verdict; thrown away soon. PNG, sealed; without a body it says why there is no picture.
CREATE TABLE previews (
    receipt_id TEXT NOT NULL,
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    page BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    why TEXT,
    body BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (receipt_id, page)
);
CREATE INDEX previews_expires ON previews (expires_at);

-- Documents prepared for a signature by the holder's own key: what was prepared, sealed, until it is completed once or lapses.
CREATE TABLE prepared_signatures (
    id TEXT NOT NULL PRIMARY KEY REFERENCES intentions (id),
    agency_id TEXT NOT NULL REFERENCES agencies (id),
    actor TEXT NOT NULL,
    terms BYTEA NOT NULL,
    document BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);
CREATE INDEX prepared_signatures_expires ON prepared_signatures (expires_at);
