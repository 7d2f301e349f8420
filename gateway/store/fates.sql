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

-- name: cancel
-- Only what waits, and nobody has claimed or is just writing.
with chosen as materialized (
    select o.pool_id, o.message_id
    from outbox o
    join messages m using (pool_id, message_id)
    where o.pool_id = $1 and o.message_id = $2
        and o.state in ('parked', 'held') and o.leased_until is null
    for update of o, m skip locked
),
gone as (
    delete from outbox o
    using chosen c
    where o.pool_id = c.pool_id and o.message_id = c.message_id
    returning o.pool_id, o.message_id
)
update messages m
set state = 'cancelled', retry_at = null
from gone g
where m.pool_id = g.pool_id and m.message_id = g.message_id and m.state = 'parked'
returning m.message_id
