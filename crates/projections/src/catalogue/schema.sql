CREATE TABLE products (
    sku text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text,
    category text COLLATE "C",
    price bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    attributes jsonb NOT NULL,
    parent_sku text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    -- Names in lower case, for an order that capitals do not matter in; byte order, so that no upgrade of the system
    -- changes it.
    sort_name text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED NOT NULL,
    -- name=value, so that a filter on any attribute is one containment, whatever the type of its value.
    attribute_pairs text[] NOT NULL,
    -- The dictionary "simple" stems no word and drops none: what a product is called is found, in any language.
    search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', sku), 'A')
        || setweight(to_tsvector('simple', name), 'A')
        || setweight(to_tsvector('simple', COALESCE(category, '')), 'B')
        || setweight(to_tsvector('simple', COALESCE(description, '')), 'C')
    ) STORED NOT NULL,
    CONSTRAINT products_sku_key PRIMARY KEY (sku),
    CONSTRAINT products_status_check CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT products_price_check CHECK (price > 0),
    CONSTRAINT products_version_check CHECK (version >= 1)
);

-- Each serves one order of the list, with the SKU to tell equals apart.
CREATE INDEX products_name_idx ON products (sort_name, sku);
CREATE INDEX products_price_idx ON products (price, sku);
CREATE INDEX products_created_at_idx ON products (created_at, sku);

-- Serve the filters of the list.
CREATE INDEX products_category_idx ON products (category, sku);
CREATE INDEX products_search_idx ON products USING gin (search);
CREATE INDEX products_attributes_idx ON products USING gin (attribute_pairs);
