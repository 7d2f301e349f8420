-- part: meant
-- Which parcels `ParcelFilter` means: what is counted and what something is done to are the same.
($1::text is null or o.pool_id = $1)
    and ($2::text is null or o.phone_number_id = $2)
    and ($3::text is null or o.app_id = $3)
    and ($4::text is null or o.send_class = $4)
    and ($5::text is null or o.user_id = $5)
    and ($6::uuid is null or o.message_id = $6)
    and ($7::text is null or o.rule = $7)
    and o.state = any($8::text[])

-- name: page
-- Newest first; each pool gives its newest, so that the primary key serves every page.
select o.*
from pools p
cross join lateral (
    select
        message_id, pool_id, phone_number_id, user_id, app_id, send_class, topic, state, rule,
        detail, due_at, expires_at, attempts - forgiven as attempts, parked_at,
        leased_until is not null as claimed
    from outbox o
    where o.pool_id = p.pool_id and :meant
        and ($9::uuid is null or message_id < $9)
    order by message_id desc
    limit $10
) o
where $1::text is null or p.pool_id = $1
order by o.message_id desc
limit $10

-- name: scan
-- To count, everything is read anyway.
set local enable_seqscan = on

-- name: count
select
    phone_number_id, send_class, state, rule, count(*) as parcels, min(due_at) as oldest_due_at,
    count(*) filter (where leased_until is not null) as claimed,
    count(*) filter (where expires_at <= $9) as late
from outbox o
where :meant
group by phone_number_id, send_class, state, rule
order by phone_number_id, min(rank), state, rule

-- name: free
-- How many `choose` would find, had it no end.
select count(*)
from outbox o
where :meant
    and parked_at <= $9 and leased_until is null

-- name: redrivable
-- How many of these `redrive` would let wait again.
select count(*)
from outbox o
join messages m using (pool_id, message_id)
left join messages f on f.pool_id = m.pool_id and f.message_id = m.resend_of
where :meant
    and o.parked_at <= $9 and o.leased_until is null
    and m.state in ('refused', 'turned_away')
    and (f.state is null or f.state not in ('accepted', 'sent', 'delivered', 'read'))
    and case
        when o.send_class = 'authentication' then o.expires_at
        else coalesce($10, o.expires_at)
    end > $9

-- name: choose
-- The next of a pool, locked in outbox and journal. What is claimed is on its way, and what somebody
-- is just writing is better known to them: both are left alone, and nobody waits for anybody.
select o.message_id
from outbox o
join messages m using (pool_id, message_id)
where o.pool_id = $1 and :meant
    and o.parked_at <= $9 and o.leased_until is null
    and o.message_id > $10
order by o.message_id
limit $11
for update of o, m skip locked

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
-- As if it had just been parked; not what has arrived after all, be it as the message that it was to
-- be sent once more for, nor what is of no use any more. The first is locked before it is looked at.
with refused as materialized (
    select m.message_id, m.resend_of
    from messages m
    where m.pool_id = $1 and m.message_id = any($2::uuid[]) and m.state in ('refused', 'turned_away')
),
firsts as materialized (
    select f.message_id, f.state
    from messages f
    where f.pool_id = $1 and f.message_id in (select resend_of from refused)
    order by f.message_id
    for share
),
again as (
    update outbox o
    set state = 'parked', topic = '', due_at = $3, forgiven = o.attempts, rule = 'redriven',
        detail = null,
        expires_at = case
            when o.send_class = 'authentication' then o.expires_at
            else coalesce($4, o.expires_at)
        end
    from refused r
    left join firsts f on f.message_id = r.resend_of
    where o.pool_id = $1 and o.message_id = r.message_id
        and (f.state is null or f.state not in ('accepted', 'sent', 'delivered', 'read'))
        and case
            when o.send_class = 'authentication' then o.expires_at
            else coalesce($4, o.expires_at)
        end > $3
    returning o.message_id
),
journal as (
    update messages m
    set state = 'parked', decision = 'defer', rule = 'redriven', retry_at = $3,
        objections = null, code = null, detail = null, answered_at = null
    from again a
    where m.pool_id = $1 and m.message_id = a.message_id
)
select message_id from again

-- name: tell
-- Whoever lets messages wait hears that there is something to be looked at, as of a change of a pool.
select pg_notify('gateway_pool', $1)

-- name: pools
select pool_id from pools order by pool_id
