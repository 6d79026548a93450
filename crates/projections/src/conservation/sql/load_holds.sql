SELECT shelf_id, order_id, reserved, reserved_until, allocated
FROM conserved_holds
WHERE shelf_id = ANY($1)
    AND (reserved > 0 OR order_id = ANY($2))
