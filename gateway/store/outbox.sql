-- name: park
-- Journal and outbox of messages that were not decided on; all or none.
with parked as (
    select * from json_to_recordset($1::json) as p (
        pool_id text, message_id uuid, phone_number_id text, waba_id text, user_id text,
        app_id text, send_class text, rank smallint, path text, sealed text, resends boolean,
        due_at timestamptz, expires_at timestamptz, rule text, detail text, parked_at timestamptz,
        type text, template_name text, template_language text, category text, code integer
    )
),
journal as (
    insert into messages (
        pool_id, message_id, created_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, category, business_initiated, decision, rule, retry_at, state,
        correlated, code, detail
    )
    select
        pool_id, message_id, parked_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, category, false, 'defer', rule, due_at, 'parked', true, code, detail
    from parked
)
insert into outbox (
    pool_id, message_id, phone_number_id, waba_id, user_id, app_id, send_class, rank, path, sealed,
    resends, state, due_at, expires_at, rule, detail, parked_at
)
select
    pool_id, message_id, phone_number_id, waba_id, user_id, app_id, send_class, rank, path,
    decode(sealed, 'base64'), resends, 'parked', due_at, expires_at, rule, detail, parked_at
from parked

-- name: claim
-- Leases what is due of a number: classes in their order, apps of a class in turn, the first due of
-- an app first. Whoever else claims passes over what is being claimed here.
with apps_due as (
    select distinct on (o.rank, o.app_id) o.rank, o.app_id
    from (select generate_series(0, 4)::smallint as rank) r
    cross join (select app_id from apps union all values ('pass-through')) a
    cross join lateral (
        select rank, app_id from outbox
        where phone_number_id = $1 and rank = r.rank and app_id = a.app_id
            and state = 'parked' and leased_until is null and due_at <= $2
        limit 1
    ) o
),
candidates as (
    select c.pool_id, c.message_id, c.rank, c.turn
    from apps_due d
    cross join lateral (
        select q.pool_id, q.message_id, q.rank, row_number() over (order by q.due_at) as turn
        from (
            select pool_id, message_id, rank, due_at from outbox
            where phone_number_id = $1 and rank = d.rank and app_id = d.app_id
                and state = 'parked' and leased_until is null and due_at <= $2
            order by due_at, message_id
            limit $3
            for update skip locked
        ) q
    ) c
),
chosen as (
    select pool_id, message_id from candidates order by rank, turn limit $3
)
update outbox o
set leased_by = $4, leased_until = $5, attempts = o.attempts + 1
from chosen c
where o.pool_id = c.pool_id and o.message_id = c.message_id
returning o.*

-- name: numbers_due
-- Numbers with something due, each looked up by itself.
select n.phone_number_id, n.throughput
from numbers n
where exists (
    select from (select generate_series(0, 4)::smallint as rank) r
    cross join (select app_id from apps union all values ('pass-through')) a
    cross join lateral (
        select 1 from outbox o
        where o.phone_number_id = n.phone_number_id and o.rank = r.rank and o.app_id = a.app_id
            and o.state = 'parked' and o.leased_until is null and o.due_at <= $1
        limit 1
    ) found
)

-- name: put_back
-- What was claimed and not decided on waits until the hour given; only the holder of the lease may.
update outbox o
set leased_by = null, leased_until = null, due_at = b.due_at, rule = b.rule, detail = b.detail,
    attempts = greatest(o.attempts - 1, 0)
from json_to_recordset($1::json) as b (
    pool_id text, message_id uuid, due_at timestamptz, rule text, detail text
)
where o.pool_id = b.pool_id and o.message_id = b.message_id and o.leased_by = $2
    and o.state = 'parked'

-- name: rescue
-- What a process that is gone had claimed and not decided on is anybody's again.
update outbox set leased_by = null, leased_until = null
where leased_until <= $1 and state = 'parked'

-- name: attempts
-- Nobody but the process that sends it changes what is on its way.
select o.message_id, o.attempts
from json_to_recordset($1::json) as k (pool_id text, message_id uuid)
join outbox o using (pool_id, message_id)
where o.state = 'sending'

-- name: finish
-- The outcome is known and final: the parcel is not needed any more.
delete from outbox o
using json_to_recordset($1::json) as f (pool_id text, message_id uuid)
where o.pool_id = f.pool_id and o.message_id = f.message_id

-- name: again
-- Meta refused it in a way that lets it be tried again: it waits, in outbox and journal.
with again as (
    update outbox o
    set state = 'parked', due_at = b.due_at, rule = b.rule, detail = b.detail,
        leased_by = null, leased_until = null
    from json_to_recordset($1::json) as b (
        pool_id text, message_id uuid, due_at timestamptz, rule text, detail text
    )
    where o.pool_id = b.pool_id and o.message_id = b.message_id and o.state = 'sending'
    returning o.pool_id, o.message_id, o.due_at
)
update messages m
set state = 'parked', hold = null, retry_at = a.due_at
from again a
where m.pool_id = a.pool_id and m.message_id = a.message_id and m.state = 'refused'

-- name: bury
update outbox o
set state = 'dead', rule = b.rule, detail = b.detail, leased_by = null, leased_until = null
from json_to_recordset($1::json) as b (
    pool_id text, message_id uuid, due_at timestamptz, rule text, detail text
)
where o.pool_id = b.pool_id and o.message_id = b.message_id and o.state = 'sending'

-- name: expire
-- Takes out what is of no use any more, a bounded number at a time; returns what it was.
with gone as (
    delete from outbox
    where (pool_id, message_id) in (
        select pool_id, message_id from outbox
        where state in ('parked', 'held') and expires_at <= $1
            and (leased_until is null or leased_until <= $1)
        order by expires_at
        limit $2
        for update skip locked
    )
    returning pool_id, message_id, expires_at
)
update messages m
set state = 'expired', retry_at = null
from gone g
where m.pool_id = g.pool_id and m.message_id = g.message_id and m.state = 'parked'
returning m.pool_id, m.message_id, m.app_id
