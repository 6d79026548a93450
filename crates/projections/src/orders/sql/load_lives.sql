SELECT
    id,
    status,
    payment_status,
    hold_reason,
    awaits_stock,
    end_reason,
    total,
    imported_refunds,
    ordered,
    cancelled,
    shipped,
    delivered,
    returned,
    confirmed_at,
    completed_at,
    updated_at,
    version
FROM orders
WHERE id = ANY($1)
