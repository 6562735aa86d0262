-- Services of portals that speak CAS: each belongs to one portal, and is found as it was sent, character by character.
CREATE TABLE cas_services (
    service TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id)
);
CREATE INDEX cas_services_client ON cas_services (client_id);
