-- What process managers remember. Their decisions stand in the book; here is how far they have read, and what they
-- wait for. All of it commits together.
CREATE SCHEMA process;

-- The row is also the lock: one runner a process manager at a time.
CREATE TABLE process.checkpoints (
    process    text        NOT NULL,
    position   bigint      NOT NULL,
    -- With the position it names a point in history: a book that went back is noticed.
    hash       bytea       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (process),
    CONSTRAINT checkpoints_position CHECK (position >= 0),
    CONSTRAINT checkpoints_hash CHECK (octet_length(hash) = 32)
);

CREATE TABLE process.deadlines (
    process text        NOT NULL,
    kind    text        NOT NULL,
    subject uuid        NOT NULL,
    due_at  timestamptz NOT NULL,
    CONSTRAINT deadlines_pkey PRIMARY KEY (process, kind, subject)
);

-- Serves the question «what is due?».
CREATE INDEX deadlines_due ON process.deadlines (process, due_at);

-- Requests to the outside. The position is that of the *requested* event, whose hash is the provider's idempotency key.
CREATE TABLE process.calls (
    position        bigint      NOT NULL,
    idempotency_key text        NOT NULL,
    process         text        NOT NULL,
    kind            text        NOT NULL,
    subject         uuid        NOT NULL,
    payment_id      uuid        NOT NULL,
    correlation_id  uuid        NOT NULL,
    requested_at    timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- A worker that dies holding a call gives it back when the lease ends.
    leased_until    timestamptz,
    last_error      text,
    CONSTRAINT calls_pkey PRIMARY KEY (position),
    CONSTRAINT calls_kind CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    CONSTRAINT calls_attempts CHECK (attempts >= 0)
);

-- Serves the workers that claim what is due.
CREATE INDEX calls_due ON process.calls (next_attempt_at);
-- Serves the rule that no deadline of an order fires while a call for it is open.
CREATE INDEX calls_subject ON process.calls (subject);

GRANT USAGE ON SCHEMA process TO daybook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON process.checkpoints, process.deadlines, process.calls TO daybook_app;
