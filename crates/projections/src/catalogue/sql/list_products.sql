SELECT
    sku, name, description, category, price, currency, attributes, parent_sku, status, created_at, updated_at, version,
    sort_name
FROM products
WHERE TRUE
