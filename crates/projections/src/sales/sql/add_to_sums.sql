INSERT INTO sales (day, sku, currency, country, units, revenue, refunds)
SELECT day, sku, currency, country, units, revenue, refunds
FROM UNNEST($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS change (day, sku, currency, country, units, revenue, refunds)
ON CONFLICT ON CONSTRAINT sales_key DO UPDATE SET
    units = sales.units + EXCLUDED.units,
    revenue = sales.revenue + EXCLUDED.revenue,
    refunds = sales.refunds + EXCLUDED.refunds
