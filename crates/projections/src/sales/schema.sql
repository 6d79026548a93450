-- Units and revenue as they were confirmed, less what was cancelled since, on the day of the confirmation; what was given back
-- of that, on the day on which it was given back.
CREATE TABLE sales (
    day date NOT NULL,
    -- Empty for what was given back for no goods in particular.
    sku text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    -- Where the order was sent to; empty where the book does not say.
    country text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    revenue bigint NOT NULL,
    refunds bigint NOT NULL,
    CONSTRAINT sales_key PRIMARY KEY (day, sku, currency, country)
)
WITH (fillfactor = 70);

-- What the report gains or loses by an order. Money may be given back at any time, so a row stays.
CREATE TABLE sales_orders (
    order_id uuid NOT NULL,
    currency text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    -- NULL until it is confirmed.
    day date,
    -- What is to be paid once everything is sent that was not cancelled.
    owed bigint NOT NULL,
    -- The lines, with the units that are not cancelled. One value an order: it is read whole, and seldom.
    lines json NOT NULL,
    -- Of the few orders of which something was given back, or is to be.
    refunds json,
    CONSTRAINT sales_orders_order_id_key PRIMARY KEY (order_id)
)
WITH (fillfactor = 70);
