-- Webhooks that are nobody's here, by the word of whoever looked; and the authorisations of a time, found without reading the
-- book.

-- Why somebody has set it aside. Such a webhook is settled as the others are, so that a node of the release before lets it be.
ALTER TABLE process.webhooks ADD COLUMN set_aside text;
ALTER TABLE process.webhooks ADD CONSTRAINT webhooks_set_aside CHECK (
    set_aside IS NULL OR state = 'settled' AND octet_length(set_aside) BETWEEN 1 AND 2000
);

-- Serves the listing and the counting of those that are set aside, which are few among the settled.
CREATE INDEX webhooks_set_aside_at ON process.webhooks (settled_at) WHERE set_aside IS NOT NULL;

-- Serves the reconciler, which asks for what was authorised in a time: one entry a payment, and none for any other event. No
-- position would do, since a shop's whole book may be younger than that time is long.
CREATE INDEX events_authorized ON book.events (recorded_at) WHERE event_type = 'payment.authorized';
