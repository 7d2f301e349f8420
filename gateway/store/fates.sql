-- name: fates
-- By primary key, in each of the few pools.
select
    m.pool_id, m.message_id, m.app_id, m.phone_number_id, m.state, m.wamid, m.code, m.detail, m.rule,
    m.created_at, m.decided_at, m.answered_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at,
    m.resend_of, r.message_id as resent_as, o.state as parcel_state, o.due_at, o.expires_at,
    o.rule as waits_for, o.detail as waits_because
from unnest($1::uuid[]) as u (message_id)
cross join pools p
join messages m on m.pool_id = p.pool_id and m.message_id = u.message_id
left join outbox o on o.pool_id = m.pool_id and o.message_id = m.message_id
left join messages r on r.pool_id = m.pool_id and r.resend_of = m.message_id

-- name: sealed
select sealed from outbox where pool_id = $1 and message_id = $2
