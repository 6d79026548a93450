SELECT
    sku,
    name,
    description,
    category,
    price,
    currency,
    attributes AS "attributes: Json<Attributes>",
    parent_sku,
    status,
    created_at,
    updated_at,
    version
FROM products
WHERE sku = ANY($1)
