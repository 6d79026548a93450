INSERT INTO conserved_transit (sku, units, since)
SELECT sku, units, since
FROM UNNEST($1::text[], $2::bigint[], $3::timestamptz[]) AS moved (sku, units, since)
ON CONFLICT ON CONSTRAINT conserved_transit_key DO UPDATE SET
    units = EXCLUDED.units,
    since = EXCLUDED.since
