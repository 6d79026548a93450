SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    EXISTS (
        SELECT FROM projection.parked WHERE parked.schema_name = $1 AND parked.stream_id = $2
    ) AS "is_incomplete!",
    (
        SELECT to_json(product)
        FROM (
            SELECT
                sku, name, description, category, price, currency, attributes, parent_sku, status, created_at,
                updated_at, version, sort_name
            FROM products
            WHERE sku = $3
                AND ($4 OR status = 'published')
        ) AS product
    ) AS "product: Json<ProductRow>"
FROM projection.progress
WHERE progress.schema_name = $1
