DELETE FROM conserved_holds
USING UNNEST($1::uuid[], $2::uuid[]) AS ended (shelf_id, order_id)
WHERE conserved_holds.shelf_id = ended.shelf_id
    AND conserved_holds.order_id = ended.order_id
