-- Units and revenue as they were confirmed, less what was cancelled since, on the day of the confirmation.
CREATE TABLE sales (
    day date NOT NULL,
    sku text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    -- Where the order was sent to; empty where the book does not say.
    country text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    revenue bigint NOT NULL,
    CONSTRAINT sales_key PRIMARY KEY (day, sku, currency, country)
)
WITH (fillfactor = 70);

-- Orders that may still be confirmed or cancelled: what the report gains or loses by it. Gone when they can no more.
CREATE TABLE sales_orders (
    order_id uuid NOT NULL,
    currency text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    -- NULL until it is confirmed.
    day date,
    -- The lines, with the units that are not cancelled. One value an order: it is read whole, and seldom.
    lines json NOT NULL,
    CONSTRAINT sales_orders_order_id_key PRIMARY KEY (order_id)
)
WITH (fillfactor = 70);
