INSERT INTO sales_orders (order_id, currency, country, day, lines)
SELECT order_id, currency, country, day, lines
FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::date[], $5::json[])
    AS opened (order_id, currency, country, day, lines)
