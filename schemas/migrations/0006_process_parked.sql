-- Streams that a process manager has set aside, because an effect of one of their events fails whenever it is tried. What their
-- later events ask for is not kept: it is read from the book again when the stream is resumed.
CREATE TABLE process.parked (
    process   text        NOT NULL,
    category  text        NOT NULL,
    stream_id uuid        NOT NULL,
    -- Of the event whose effect fails: the stream waits from here on.
    position  bigint      NOT NULL,
    reason    text        NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    -- Somebody wants it tried again.
    resume    boolean     NOT NULL DEFAULT false,
    -- Serves every round of a process, which leaves out what is set aside.
    CONSTRAINT parked_pkey PRIMARY KEY (process, category, stream_id),
    CONSTRAINT parked_position CHECK (position >= 1)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON process.parked TO daybook_app;
