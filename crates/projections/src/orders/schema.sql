CREATE TABLE orders (
    id uuid NOT NULL,
    number text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    payment_status text COLLATE "C" NOT NULL,
    fulfillment_status text COLLATE "C" NOT NULL,
    -- Why it must not be shipped for now, and why it ended, if it did before its time.
    hold_reason text,
    end_reason text,
    -- Units of it are still to come: while nothing is shipped, it is called backordered.
    awaits_stock boolean NOT NULL,
    -- An order of an earlier system has no cart and no address, and not always a customer.
    customer_id uuid,
    cart_id uuid,
    currency text COLLATE "C" NOT NULL,
    subtotal bigint NOT NULL,
    shipping bigint NOT NULL,
    tax bigint NOT NULL,
    discount bigint NOT NULL,
    total bigint NOT NULL,
    -- Sealed, as in the book: who shows it opens it, while the person's key is there.
    shipping_address json,
    email json,
    country text COLLATE "C",
    -- The units of all lines together. By O1 they say how far the order is: a sum of bounded parts reaches its bound
    -- only when every part does.
    ordered bigint NOT NULL,
    cancelled bigint NOT NULL,
    shipped bigint NOT NULL,
    delivered bigint NOT NULL,
    returned bigint NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    -- Of an order of an earlier system: which, what it was called there, and what was given back of it there.
    imported_from text,
    imported_reference text,
    imported_refunds bigint,
    CONSTRAINT orders_id_key PRIMARY KEY (id),
    CONSTRAINT orders_total_check CHECK (subtotal + shipping + tax - discount = total),
    CONSTRAINT orders_units_check CHECK (
        0 <= delivered AND delivered <= shipped AND shipped <= ordered - cancelled AND cancelled >= 0
        AND returned BETWEEN 0 AND delivered
    ),
    CONSTRAINT orders_version_check CHECK (version >= 1),
    CONSTRAINT orders_imported_check CHECK (
        CASE
            WHEN imported_from IS NULL THEN customer_id IS NOT NULL AND cart_id IS NOT NULL AND shipping_address IS NOT NULL
            ELSE imported_reference IS NOT NULL AND imported_refunds BETWEEN 0 AND total
        END
    )
)
WITH (fillfactor = 70);

-- Serves the filter on the number. Not unique: it is 60 bits of the id, and a chance in 10^18 is no reason to stop.
CREATE INDEX orders_number_idx ON orders (number);

-- Each serves one order of the list, with the id to tell equals apart; those on a filter serve it in the default order.
CREATE INDEX orders_created_at_idx ON orders (created_at, id);
CREATE INDEX orders_total_idx ON orders (total, id);
CREATE INDEX orders_customer_id_idx ON orders (customer_id, created_at, id);
CREATE INDEX orders_status_idx ON orders (status, created_at, id);
CREATE INDEX orders_payment_status_idx ON orders (payment_status, created_at, id);
CREATE INDEX orders_fulfillment_status_idx ON orders (fulfillment_status, created_at, id);

CREATE TABLE order_lines (
    order_id uuid NOT NULL,
    -- The place of the line in its order, from 0.
    place integer NOT NULL,
    id uuid NOT NULL,
    sku text COLLATE "C" NOT NULL,
    name text NOT NULL,
    quantity bigint NOT NULL,
    unit_price bigint NOT NULL,
    line_total bigint NOT NULL,
    cancelled bigint NOT NULL,
    CONSTRAINT order_lines_place_key PRIMARY KEY (order_id, place),
    CONSTRAINT order_lines_quantity_check CHECK (quantity >= 1),
    CONSTRAINT order_lines_cancelled_check CHECK (cancelled BETWEEN 0 AND quantity)
);

-- Serves the filter on a SKU.
CREATE INDEX order_lines_sku_idx ON order_lines (sku, order_id);

CREATE TABLE shipments (
    order_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Units by line, written once: what a line has of shipped and delivered units is added up from here.
    lines json NOT NULL,
    units bigint NOT NULL,
    carrier text,
    tracking text,
    dispatched_at timestamptz,
    delivered_at timestamptz,
    -- The position of the event that made it: shipments are shown in the order of their making.
    created_at bigint NOT NULL,
    CONSTRAINT shipments_id_key PRIMARY KEY (order_id, id),
    CONSTRAINT shipments_units_check CHECK (units >= 1)
);

CREATE TABLE returns (
    order_id uuid NOT NULL,
    id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    -- Why it was rejected, if somebody said it.
    rejection text,
    -- Units by line: what was asked for, and what came, with what went back into stock.
    lines json NOT NULL,
    received json,
    -- What was due for what came.
    amount bigint,
    requested_at timestamptz NOT NULL,
    decided_at timestamptz,
    received_at timestamptz,
    -- The position of the event that made it: returns are shown in the order of their making.
    created_at bigint NOT NULL,
    CONSTRAINT returns_id_key PRIMARY KEY (order_id, id),
    CONSTRAINT returns_received_check CHECK ((received IS NULL) = (received_at IS NULL))
);

CREATE TABLE payments (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    authorized bigint NOT NULL,
    captured bigint NOT NULL,
    refunded bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    method text NOT NULL,
    action_url text,
    failure text,
    -- What is folded on: the captures, each with what came of it, and how the payment ended.
    ledger json NOT NULL,
    -- The position of the event that began it: payments are shown in the order of their beginning.
    initiated_at bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT payments_id_key PRIMARY KEY (id),
    CONSTRAINT payments_captured_check CHECK (captured >= 0 AND refunded BETWEEN 0 AND captured),
    CONSTRAINT payments_version_check CHECK (version >= 1)
)
WITH (fillfactor = 70);

-- Serves the query for an order, and the derivation of its payment status.
CREATE INDEX payments_order_id_idx ON payments (order_id);

-- An order whole, as the queries show it.
CREATE VIEW order_documents AS
SELECT
    id, number, status, payment_status, fulfillment_status, hold_reason, end_reason, customer_id, cart_id, currency,
    subtotal, shipping, tax, discount, total, shipping_address, email, country, created_at, confirmed_at, completed_at,
    updated_at, version, imported_from, imported_reference, imported_refunds,
    (
        SELECT COALESCE(json_agg(line), '[]')
        FROM (
            SELECT id, sku, name, quantity, unit_price, line_total, cancelled
            FROM order_lines
            WHERE order_lines.order_id = orders.id
            ORDER BY place
        ) AS line
    ) AS lines,
    (
        SELECT COALESCE(json_agg(shipment), '[]')
        FROM (
            SELECT id, lines, carrier, tracking, dispatched_at, delivered_at
            FROM shipments
            WHERE shipments.order_id = orders.id
            ORDER BY shipments.created_at
        ) AS shipment
    ) AS shipments,
    (
        SELECT COALESCE(json_agg(goods_return), '[]')
        FROM (
            SELECT id, status, reason, rejection, lines, received, amount, requested_at, decided_at, received_at
            FROM returns
            WHERE returns.order_id = orders.id
            ORDER BY returns.created_at
        ) AS goods_return
    ) AS returns,
    (
        SELECT COALESCE(json_agg(payment), '[]')
        FROM (
            SELECT id, status, amount
            FROM payments
            WHERE payments.order_id = orders.id
            ORDER BY initiated_at
        ) AS payment
    ) AS payments
FROM orders;
