-- name: page
-- Newest first; each pool gives its newest, so that the primary key serves every page.
select o.*
from pools p
cross join lateral (
    select
        message_id, pool_id, phone_number_id, user_id, app_id, send_class, topic, state, rule,
        detail, due_at, expires_at, attempts, parked_at, leased_until
    from outbox
    where pool_id = p.pool_id
        and ($2::text is null or phone_number_id = $2)
        and ($3::text is null or app_id = $3)
        and ($4::text is null or send_class = $4)
        and ($5::text is null or state = $5)
        and ($6::text is null or rule = $6)
        and ($7::uuid is null or message_id < $7)
    order by message_id desc
    limit $8
) o
where $1::text is null or p.pool_id = $1
order by o.message_id desc
limit $8

-- name: scan
-- To count, everything is read anyway.
set local enable_seqscan = on

-- name: count
select
    phone_number_id, send_class, state, rule, count(*) as parcels, min(due_at) as oldest_due_at,
    count(*) filter (where expires_at <= $7) as late
from outbox
where ($1::text is null or pool_id = $1)
    and ($2::text is null or phone_number_id = $2)
    and ($3::text is null or app_id = $3)
    and ($4::text is null or send_class = $4)
    and state = any($5::text[])
    and ($6::text is null or rule = $6)
group by phone_number_id, send_class, state, rule
order by phone_number_id, min(rank), state, rule

-- name: choose
-- The next of a pool, locked. What is claimed is on its way, and left alone.
select message_id
from outbox
where pool_id = $1
    and ($2::text is null or phone_number_id = $2)
    and ($3::text is null or app_id = $3)
    and ($4::text is null or send_class = $4)
    and state = any($5::text[])
    and ($6::text is null or rule = $6)
    and message_id > $7 and parked_at <= $8
    and leased_until is null
order by message_id
limit $9
for update skip locked

-- name: cancel
with gone as (
    delete from outbox where pool_id = $1 and message_id = any($2::uuid[])
    returning message_id
),
journal as (
    update messages m
    set state = 'cancelled', retry_at = null
    from gone g
    where m.pool_id = $1 and m.message_id = g.message_id and m.state = 'parked'
)
select message_id from gone

-- name: hold
update outbox set state = 'held' where pool_id = $1 and message_id = any($2::uuid[])
returning message_id

-- name: resume
update outbox set state = 'parked' where pool_id = $1 and message_id = any($2::uuid[])
returning message_id

-- name: redrive
-- As if it had just been parked; not what Meta has taken after all, nor what is of no use any more.
with refused as (
    select m.message_id
    from unnest($2::uuid[]) as u (message_id)
    join messages m on m.pool_id = $1 and m.message_id = u.message_id
    where m.state in ('refused', 'turned_away')
),
again as (
    update outbox o
    set state = 'parked', topic = '', due_at = $3, attempts = 0, rule = null, detail = null,
        expires_at = case
            when o.send_class = 'authentication' then o.expires_at
            else coalesce($4, o.expires_at)
        end
    from refused r
    where o.pool_id = $1 and o.message_id = r.message_id
        and case
            when o.send_class = 'authentication' then o.expires_at
            else coalesce($4, o.expires_at)
        end > $3
    returning o.message_id
),
journal as (
    update messages m
    set state = 'parked', retry_at = $3, answered_at = null
    from again a
    where m.pool_id = $1 and m.message_id = a.message_id
)
select message_id from again

-- name: pools
select pool_id from pools order by pool_id
