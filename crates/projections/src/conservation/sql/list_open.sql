-- What an event broke and nobody has seen to, then what has not been settled in time. A few of each, and how many there are.
WITH broken AS (
    SELECT position, rule, subject, detail, found_at AS since
    FROM violations
    WHERE acknowledged_at IS NULL
),
overdue AS (
    SELECT 0::bigint AS position, 'unsettled' AS rule, 'order-' || id AS subject, unsettled AS detail, since
    FROM conserved_orders
    WHERE unsettled IS NOT NULL
        AND since < $1
    UNION ALL
    SELECT 0, 'unsettled', 'SKU ' || sku, units || ' units left a location and are at no other', since
    FROM conserved_transit
    WHERE units <> 0
        AND since < $1
),
counted AS (
    SELECT (SELECT count(*) FROM broken) + (SELECT count(*) FROM overdue) AS count
)
SELECT
    counted.count AS "count!",
    found.position AS "position!",
    found.rule AS "rule!",
    found.subject AS "subject!",
    found.detail AS "detail!",
    found.since AS "since!"
FROM counted
CROSS JOIN (
    (SELECT position, rule, subject, detail, since FROM broken ORDER BY position LIMIT $2)
    UNION ALL
    (SELECT position, rule, subject, detail, since FROM overdue ORDER BY since LIMIT $2)
) AS found
ORDER BY found.position = 0, found.position, found.since
