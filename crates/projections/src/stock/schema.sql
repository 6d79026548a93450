CREATE TABLE stock (
    -- The stream of this SKU at this location.
    stream_id uuid NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location text COLLATE "C" NOT NULL,
    on_hand bigint NOT NULL,
    allocated bigint NOT NULL,
    -- On hand and not for sale: damaged, in quality check.
    set_aside bigint NOT NULL,
    low_stock_threshold bigint NOT NULL,
    backorder_limit bigint NOT NULL,
    safety_stock bigint NOT NULL,
    priority bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT stock_stream_id_key PRIMARY KEY (stream_id),
    -- Serves the query for a SKU.
    CONSTRAINT stock_location_key UNIQUE (sku, location),
    CONSTRAINT stock_allocated_check CHECK (allocated >= 0),
    CONSTRAINT stock_set_aside_check CHECK (set_aside >= 0),
    CONSTRAINT stock_version_check CHECK (version >= 1)
)
-- Hot rows: most batches update most of them. With room on the page no index grows by it.
WITH (fillfactor = 40);

-- What orders that are not paid yet hold until a time. A sum could not be kept: a reservation stops counting by itself.
CREATE TABLE stock_reservations (
    stream_id uuid NOT NULL,
    order_id uuid NOT NULL,
    quantity bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT stock_reservations_order_key PRIMARY KEY (stream_id, order_id),
    CONSTRAINT stock_reservations_quantity_check CHECK (quantity >= 1)
);
