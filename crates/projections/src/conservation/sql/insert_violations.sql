INSERT INTO violations (position, number, rule, subject, detail)
SELECT position, number, rule, subject, detail
FROM UNNEST($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[])
    AS found (position, number, rule, subject, detail)
