SELECT sku, units, since
FROM conserved_transit
WHERE sku = ANY($1)
