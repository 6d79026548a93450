INSERT INTO products (
    sku, name, description, category, price, currency, attributes, parent_sku, status, created_at, updated_at, version,
    attribute_pairs
)
SELECT
    sku, name, description, category, price, currency, attributes, parent_sku, status, created_at, updated_at, version,
    ARRAY(SELECT jsonb_array_elements_text(pairs))
FROM UNNEST(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::jsonb[], $8::text[], $9::text[],
    $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::jsonb[]
) AS product (
    sku, name, description, category, price, currency, attributes, parent_sku, status, created_at, updated_at, version,
    pairs
)
ON CONFLICT ON CONSTRAINT products_sku_key DO UPDATE SET
    name = EXCLUDED.name,
    description = EXCLUDED.description,
    category = EXCLUDED.category,
    price = EXCLUDED.price,
    currency = EXCLUDED.currency,
    attributes = EXCLUDED.attributes,
    parent_sku = EXCLUDED.parent_sku,
    status = EXCLUDED.status,
    updated_at = EXCLUDED.updated_at,
    version = EXCLUDED.version,
    attribute_pairs = EXCLUDED.attribute_pairs
