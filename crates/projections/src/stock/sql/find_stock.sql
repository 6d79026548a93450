SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    -- A parked stream without a row may be of any SKU.
    EXISTS (
        SELECT
        FROM projection.parked
        LEFT JOIN stock ON stock.stream_id = parked.stream_id
        WHERE parked.schema_name = $1
            AND COALESCE(stock.sku, $2) = $2
    ) AS "is_incomplete!",
    (
        SELECT json_agg(place)
        FROM (
            SELECT
                location, on_hand, allocated, set_aside, low_stock_threshold, backorder_limit, safety_stock, priority,
                updated_at, version,
                (
                    -- One that has expired does not count, whether or not its expiry has been recorded.
                    SELECT COALESCE(sum(quantity), 0)::bigint
                    FROM stock_reservations
                    WHERE stock_reservations.stream_id = stock.stream_id
                        AND expires_at > clock_timestamp()
                ) AS reserved
            FROM stock
            WHERE sku = $2
            ORDER BY location
        ) AS place
    ) AS "places: Json<Vec<PlaceRow>>"
FROM projection.progress
WHERE progress.schema_name = $1
