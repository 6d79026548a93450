INSERT INTO sales_orders (order_id, currency, country, day, owed, lines, refunds)
SELECT order_id, currency, country, day, owed, lines, refunds
FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::date[], $5::bigint[], $6::json[], $7::json[])
    AS made (order_id, currency, country, day, owed, lines, refunds)
