-- Payment providers side by side: whose a call is, what they tell us unasked, and when their books were last compared.

-- A node of the release before knows one provider, and names none.
ALTER TABLE process.calls ADD COLUMN provider text NOT NULL DEFAULT 'simulated';

UPDATE process.calls AS call
SET provider = event.payload ->> 'provider'
FROM book.events AS event
WHERE event.category = 'payment' AND event.stream_id = call.payment_id AND event.stream_version = 1;

-- Serves the workers, which claim what is due of each provider by itself.
DROP INDEX process.calls_due;
CREATE INDEX calls_due ON process.calls (provider, next_attempt_at);

-- Webhooks, each kept before it is answered. Not their bodies, which hold names and addresses of buyers: what is needed to
-- know a repeat, and to ask the provider what has happened.
CREATE TABLE process.webhooks (
    provider        text COLLATE "C" NOT NULL,
    event_id        text COLLATE "C" NOT NULL,
    event_type      text COLLATE "C" NOT NULL,
    -- The provider's id of the payment; NULL where it is about none.
    reference       text COLLATE "C",
    state           text COLLATE "C" NOT NULL DEFAULT 'received',
    received_at     timestamptz      NOT NULL DEFAULT now(),
    attempts        integer          NOT NULL DEFAULT 0,
    next_attempt_at timestamptz      NOT NULL DEFAULT now(),
    -- A worker that dies holding it gives it back when the lease ends.
    leased_until    timestamptz,
    settled_at      timestamptz,
    last_error      text,
    -- Also how a repeat is known.
    CONSTRAINT webhooks_pkey PRIMARY KEY (provider, event_id),
    CONSTRAINT webhooks_event_id CHECK (octet_length(event_id) BETWEEN 1 AND 800),
    CONSTRAINT webhooks_event_type CHECK (octet_length(event_type) BETWEEN 1 AND 128),
    -- parked: it is about a payment that is not known here (yet).
    CONSTRAINT webhooks_state CHECK (state IN ('received', 'parked', 'settled')),
    CONSTRAINT webhooks_settled CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT webhooks_attempts CHECK (attempts >= 0)
);

-- Serves the workers that claim what is due, and the counting of what is open.
CREATE INDEX webhooks_due ON process.webhooks (provider, next_attempt_at) WHERE state <> 'settled';
-- Serves the deletion of those whose repeats come no more.
CREATE INDEX webhooks_settled_at ON process.webhooks (settled_at) WHERE state = 'settled';

-- When the books of a provider were last compared with the ledger, and what came of it. The row is also the lock: one node
-- at a time.
CREATE TABLE process.reconciliations (
    provider      text COLLATE "C" NOT NULL,
    started_at    timestamptz      NOT NULL,
    -- NULL while it runs.
    finished_at   timestamptz,
    -- The figures of the last that was finished; NULL before the first.
    compared      bigint,
    recorded      bigint,
    discrepancies bigint,
    unknown       bigint,
    last_error    text,
    CONSTRAINT reconciliations_pkey PRIMARY KEY (provider)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON process.webhooks, process.reconciliations TO daybook_app;
