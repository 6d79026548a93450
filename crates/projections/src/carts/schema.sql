CREATE TABLE carts (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    guest boolean NOT NULL,
    currency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    -- What became of it, if it was checked out or merged.
    order_id uuid,
    merged_into uuid,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT carts_id_key PRIMARY KEY (id),
    CONSTRAINT carts_version_check CHECK (version >= 1)
)
-- Every batch that touches a cart updates its version; with room on the page no index grows by it.
WITH (fillfactor = 70);

-- A row a line, and not a document a cart: 1,110 items that are added one by one are 1,110 short rows.
CREATE TABLE cart_lines (
    cart_id uuid NOT NULL,
    sku text COLLATE "C" NOT NULL,
    name text NOT NULL,
    quantity bigint NOT NULL,
    unit_price bigint NOT NULL,
    -- The position of the event that added the line: lines are shown in the order of first addition.
    added_at bigint NOT NULL,
    CONSTRAINT cart_lines_sku_key PRIMARY KEY (cart_id, sku),
    CONSTRAINT cart_lines_quantity_check CHECK (quantity >= 1)
);
