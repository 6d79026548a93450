INSERT INTO conserved_holds (shelf_id, order_id, reserved, reserved_until, allocated)
SELECT shelf_id, order_id, reserved, reserved_until, allocated
FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[])
    AS hold (shelf_id, order_id, reserved, reserved_until, allocated)
ON CONFLICT ON CONSTRAINT conserved_holds_key DO UPDATE SET
    reserved = EXCLUDED.reserved,
    reserved_until = EXCLUDED.reserved_until,
    allocated = EXCLUDED.allocated
