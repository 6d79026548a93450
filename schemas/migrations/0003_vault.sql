-- Keys of persons. What an event holds of a person is sealed under that person's key; destroying the key erases
-- the person and leaves every hash of the book valid. This is the one secret that stands beside the book.
CREATE SCHEMA vault;

CREATE TABLE vault.keys (
    subject     uuid        NOT NULL,
    -- The person's AES-256 key, sealed under the master key named below; NULL once it has been destroyed.
    wrapped_key bytea,
    master_key  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    erased_at   timestamptz,
    CONSTRAINT keys_pkey PRIMARY KEY (subject),
    CONSTRAINT keys_wrapped_key_length CHECK (octet_length(wrapped_key) BETWEEN 1 AND 256),
    CONSTRAINT keys_erased CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL))
);

GRANT USAGE ON SCHEMA vault TO daybook_app;
GRANT SELECT, INSERT, UPDATE ON vault.keys TO daybook_app;
