-- The stock of one SKU at one location, as the events move it.
CREATE TABLE conserved_shelves (
    id uuid NOT NULL,
    state json NOT NULL,
    CONSTRAINT conserved_shelves_id_key PRIMARY KEY (id)
)
WITH (fillfactor = 50);

-- What one order holds of one of them. Gone when it holds nothing.
CREATE TABLE conserved_holds (
    shelf_id uuid NOT NULL,
    order_id uuid NOT NULL,
    reserved bigint NOT NULL,
    reserved_until timestamptz,
    allocated bigint NOT NULL,
    CONSTRAINT conserved_holds_key PRIMARY KEY (shelf_id, order_id)
)
WITH (fillfactor = 70);

-- Serves the loading of what can still expire: every reservation of a shelf that a batch touches.
CREATE INDEX conserved_holds_reserved_idx ON conserved_holds (shelf_id) WHERE reserved > 0;

-- Units of a SKU that have left one location and are not at another: only within an append.
CREATE TABLE conserved_transit (
    sku text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT conserved_transit_key PRIMARY KEY (sku)
);

-- The sums of one order, over its own events, its payments' and those of stock.
CREATE TABLE conserved_orders (
    id uuid NOT NULL,
    state json NOT NULL,
    -- What does not balance and has to, and since when: it may take a provider's answer until it does.
    unsettled text,
    since timestamptz,
    CONSTRAINT conserved_orders_id_key PRIMARY KEY (id),
    CONSTRAINT conserved_orders_since_check CHECK ((unsettled IS NULL) = (since IS NULL))
)
WITH (fillfactor = 50);

-- Serves the look for what has not been settled in time.
CREATE INDEX conserved_orders_since_idx ON conserved_orders (since) WHERE unsettled IS NOT NULL;

CREATE TABLE conserved_payments (
    id uuid NOT NULL,
    state json NOT NULL,
    CONSTRAINT conserved_payments_id_key PRIMARY KEY (id)
)
WITH (fillfactor = 50);

-- What an event broke. It stays until somebody has seen to it.
CREATE TABLE violations (
    position bigint NOT NULL,
    -- One event may break several rules.
    number integer NOT NULL,
    rule text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    CONSTRAINT violations_key PRIMARY KEY (position, number)
);

-- Serves readiness, which looks every second.
CREATE INDEX violations_open_idx ON violations (position) WHERE acknowledged_at IS NULL;
