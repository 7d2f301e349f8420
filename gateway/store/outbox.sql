-- name: park
-- Journal and outbox of messages that were not decided on; all or none.
with parked as (
    select * from json_to_recordset($1::json) as p (
        pool_id text, message_id uuid, phone_number_id text, waba_id text, user_id text,
        app_id text, send_class text, rank smallint, path text, sealed text, resends boolean,
        due_at timestamptz, expires_at timestamptz, rule text, detail text, parked_at timestamptz,
        type text, template_name text, template_language text, category text, code integer,
        correlated boolean, resend_of uuid
    )
),
journal as (
    insert into messages (
        pool_id, message_id, created_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, category, business_initiated, decision, rule, retry_at, state,
        correlated, code, detail, resend_of
    )
    select
        pool_id, message_id, parked_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, category, false, 'defer', rule, due_at, 'parked', correlated, code,
        detail, resend_of
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

-- name: due
select g.phone_number_id, g.rank, g.app_id, g.topic, n.pool_id, n.throughput
from outbox_groups g
cross join lateral (
    select from outbox o
    where o.state = 'parked' and o.leased_until is null and o.due_at <= $1
        and o.phone_number_id = g.phone_number_id and o.rank = g.rank
        and o.app_id = g.app_id and o.topic = g.topic
    limit 1
) found
join numbers n on n.phone_number_id = g.phone_number_id

-- name: claim
-- Leases what is due, oldest first, so many of each group. What somebody else is just claiming is
-- passed over, and what they have claimed meanwhile is looked at again before it is taken.
with wanted as (
    select * from json_to_recordset($1::json) as w (
        phone_number_id text, rank smallint, app_id text, topic text, most integer
    )
),
chosen as materialized (
    select c.pool_id, c.message_id
    from wanted w
    cross join lateral (
        select o.pool_id, o.message_id
        from outbox o
        where o.phone_number_id = w.phone_number_id and o.rank = w.rank
            and o.app_id = w.app_id and o.topic = w.topic
            and o.state = 'parked' and o.leased_until is null and o.due_at <= $2
        order by o.due_at, o.message_id
        limit w.most
        for update skip locked
    ) c
)
update outbox o
set leased_by = $3, leased_until = $4, attempts = o.attempts + 1
from chosen c
where o.pool_id = c.pool_id and o.message_id = c.message_id
returning o.*

-- name: put_back
-- What was claimed and not decided on waits until the hour given, or keeps its place; only the holder
-- of the lease may.
update outbox o
set leased_by = null, leased_until = null, due_at = coalesce(b.due_at, o.due_at), rule = b.rule,
    detail = b.detail, forgiven = o.forgiven + 1
from json_to_recordset($1::json) as b (
    pool_id text, message_id uuid, due_at timestamptz, rule text, detail text
)
where o.pool_id = b.pool_id and o.message_id = b.message_id and o.leased_by = $2
    and o.leased_until = $3 and o.state = 'parked'

-- name: follow
-- Its number has moved to another pool: journal and outbox follow, and whoever is next decides there.
with followed as (
    update outbox o
    set pool_id = n.pool_id, leased_by = null, leased_until = null, forgiven = o.forgiven + 1
    from numbers n
    where o.pool_id = $1 and o.message_id = $2 and o.leased_by = $3 and o.leased_until = $4
        and o.state = 'parked'
        and n.phone_number_id = o.phone_number_id and n.pool_id <> o.pool_id
    returning o.message_id, o.pool_id
)
update messages m
set pool_id = f.pool_id
from followed f
where m.pool_id = $1 and m.message_id = f.message_id and m.state = 'parked'

-- name: rescue
-- What a process that is gone had claimed and not decided on is anybody's again.
with lapsed as materialized (
    select pool_id, message_id
    from outbox
    where leased_until <= $1
    order by leased_until
    limit $2
    for update skip locked
)
update outbox o
set leased_by = null, leased_until = null, forgiven = o.forgiven + 1
from lapsed l
where o.pool_id = l.pool_id and o.message_id = l.message_id

-- name: let_go
-- What a process holds and has lost sight of, because the database was away, is anybody's at once.
update outbox
set leased_by = null, leased_until = null, forgiven = forgiven + 1
where leased_until is not null and leased_by = $1 and state = 'parked'
    and message_id <> all($2::uuid[])

-- name: attempts
-- Nobody but the process that sends it changes what is on its way; only a doubt that ends takes the
-- parcel away.
select k.message_id, o.attempts
from json_to_recordset($1::json) as k (pool_id text, message_id uuid)
left join outbox o using (pool_id, message_id)
where o.state = 'sending'
    or o.message_id is null and exists (
        select from messages m
        where m.pool_id = k.pool_id and m.message_id = k.message_id
            and m.state in ('in_doubt', 'unknown')
    )

-- name: finish
-- The outcome is known and final: the parcel is not needed any more.
delete from outbox o
using json_to_recordset($1::json) as f (pool_id text, message_id uuid)
where o.pool_id = f.pool_id and o.message_id = f.message_id

-- name: again
-- Meta refused it in a way that lets it be tried again: it waits, in outbox and journal. The slot
-- stays known as given back, for it is taken again should a status tell that it has arrived after all.
with again as (
    update outbox o
    set state = 'parked', due_at = b.due_at, rule = b.rule, detail = b.detail,
        leased_by = null, leased_until = null
    from json_to_recordset($1::json) as b (
        pool_id text, message_id uuid, due_at timestamptz, rule text, detail text
    )
    where o.pool_id = b.pool_id and o.message_id = b.message_id and o.state = 'sending'
    returning o.pool_id, o.message_id, o.due_at
),
untold as (
    delete from callbacks c
    using again a
    where c.pool_id = a.pool_id and c.message_id = a.message_id
)
update messages m
set state = 'parked', retry_at = a.due_at
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
-- Takes out what is of no use any more, a bounded number at a time; returns what it was. What is
-- leased is left to the desk, which knows the hour too; what somebody is just writing, to them.
with late as materialized (
    select o.pool_id, o.message_id
    from outbox o
    join messages m using (pool_id, message_id)
    where o.state in ('parked', 'held') and o.expires_at <= $1 and o.leased_until is null
    order by o.expires_at
    limit $2
    for update of o, m skip locked
),
gone as (
    delete from outbox o
    using late l
    where o.pool_id = l.pool_id and o.message_id = l.message_id
    returning o.pool_id, o.message_id
)
update messages m
set state = 'expired', retry_at = null
from gone g
where m.pool_id = g.pool_id and m.message_id = g.message_id and m.state = 'parked'
returning m.pool_id, m.message_id, m.app_id

-- name: forget
-- Takes out what nobody has looked at for long enough.
with old as materialized (
    select pool_id, message_id
    from outbox
    where state = 'dead' and expires_at <= $1
    order by expires_at
    limit $2
    for update skip locked
)
delete from outbox o
using old
where o.pool_id = old.pool_id and o.message_id = old.message_id

-- name: census
-- What waits, group by group. Every entry of the index is looked at: not for a message's route.
select g.rank, w.waiting
from outbox_groups g
cross join lateral (
    select count(*) as waiting
    from outbox o
    where o.state = 'parked' and o.leased_until is null
        and o.phone_number_id = g.phone_number_id and o.rank = g.rank
        and o.app_id = g.app_id and o.topic = g.topic
) w
