-- As if an hour had passed since every order was made: those that are not paid have failed.
UPDATE process.deadlines
SET due_at = now()
WHERE kind = 'pending_order' AND due_at > now()
