-- What version 0.1.0 says to the database of messages, users and deliveries: its writes, and the reads a decision rests on, as
-- they stood in gateway/store/*.sql, without their comments. The schemas that follow have to take them.

-- name: contacts_open_windows
insert into contacts as c (pool_id, phone_number_id, user_id, last_inbound_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
on conflict (pool_id, phone_number_id, user_id) do update
    set last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at)

-- name: contacts_prefer
insert into contacts as c (pool_id, phone_number_id, user_id, marketing_stopped, preference_at)
values ($1, $2, $3, $4, $5)
on conflict (pool_id, phone_number_id, user_id) do update
    set marketing_stopped = excluded.marketing_stopped, preference_at = excluded.preference_at
    where c.preference_at is null or c.preference_at <= excluded.preference_at

-- name: contacts_resolve
select pool_id, alias, user_id
from user_aliases
where (pool_id, alias) in (select * from unnest($1::text[], $2::text[]))

-- name: contacts_learn_alias
insert into user_aliases (pool_id, alias, user_id)
values ($1, $2, $3)
on conflict (pool_id, alias) do update set user_id = excluded.user_id

-- name: contacts_merge_ledger
with old as (
    delete from ledger where pool_id = $1 and user_id = $2 returning reached_at
),
kept as (
    insert into ledger as l (pool_id, user_id, reached_at)
    select $1, $3, reached_at from old
    on conflict (pool_id, user_id) do update
        set reached_at = greatest(l.reached_at, excluded.reached_at)
    returning (xmax = 0) as is_new
)
update pools
set counted = counted - (select count(*) from kept where not is_new), version = version + 1
where pool_id = $1

-- name: contacts_merge_contacts
with old as (
    delete from contacts where pool_id = $1 and user_id = $2 returning *
)
insert into contacts as c (
    pool_id, phone_number_id, user_id, last_inbound_at, pair_tat, marketing_stopped, preference_at
)
select
    pool_id, phone_number_id, $3, last_inbound_at, pair_tat, marketing_stopped, preference_at
from old
on conflict (pool_id, phone_number_id, user_id) do update
    set last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at),
        pair_tat = greatest(c.pair_tat, excluded.pair_tat),
        marketing_stopped = case
            when c.preference_at is null or c.preference_at < excluded.preference_at
            then excluded.marketing_stopped
            else c.marketing_stopped
        end,
        preference_at = greatest(c.preference_at, excluded.preference_at)

-- name: contacts_merge_messages
update messages set user_id = $3 where pool_id = $1 and user_id = $2 and business_initiated

-- name: facts_hot
select
    p.version,
    p.epoch,
    p.counted,
    l.reached_at,
    c.last_inbound_at,
    c.pair_tat,
    coalesce(c.marketing_stopped, false) as marketing_stopped
from unnest($1::text[], $2::text[], $3::text[]) with ordinality
    as r (pool_id, phone_number_id, user_id, position)
join pools p on p.pool_id = r.pool_id
left join ledger l on l.pool_id = r.pool_id and l.user_id = r.user_id
left join contacts c
    on c.pool_id = r.pool_id
    and c.phone_number_id = r.phone_number_id
    and c.user_id = r.user_id
order by r.position

-- name: facts_pools
select pool_id, regime, messaging_limit, headroom, epoch
from pools
where pool_id = any($1)

-- name: facts_numbers
select
    phone_number_id, pool_id, waba_id, status, quality_rating,
    flagged_until, restricted_until, restricted_by
from numbers
where pool_id = any($1)

-- name: facts_templates
select waba_id, name, language, category, status, paused_until
from templates
where waba_id = any($1)

-- name: quota_reserve
with seen as (
    select * from json_to_recordset($1::json)
        as s (pool_id text, version bigint, added integer, restricts boolean)
),
locked as (
    select p.pool_id
    from pools p
    join seen s on s.pool_id = p.pool_id and s.version = p.version
    order by p.pool_id
    for update of p
),
written as (
    update pools p
    set counted = p.counted + s.added,
        version = p.version + 1,
        epoch = p.epoch + s.restricts::integer
    from seen s
    join locked using (pool_id)
    where p.pool_id = s.pool_id
    returning p.pool_id
),
reached as (
    insert into ledger (pool_id, user_id, reached_at)
    select r.pool_id, r.user_id, r.reached_at
    from json_to_recordset($2::json)
        as r (pool_id text, user_id text, reached_at timestamptz)
    join written using (pool_id)
    order by r.pool_id, r.user_id
    on conflict (pool_id, user_id) do update set reached_at = excluded.reached_at
),
paired as (
    insert into contacts (pool_id, phone_number_id, user_id, pair_tat)
    select c.pool_id, c.phone_number_id, c.user_id, c.pair_tat
    from json_to_recordset($3::json)
        as c (pool_id text, phone_number_id text, user_id text, pair_tat timestamptz)
    join written using (pool_id)
    order by c.pool_id collate "C", c.phone_number_id collate "C", c.user_id collate "C"
    on conflict (pool_id, phone_number_id, user_id) do update set pair_tat = excluded.pair_tat
),
restricted as (
    update numbers n
    set restricted_until = r.restricted_until, restricted_by = 'ledger'
    from json_to_recordset($4::json)
        as r (pool_id text, phone_number_id text, restricted_until timestamptz)
    join written using (pool_id)
    where n.phone_number_id = r.phone_number_id
),
journal as (
    insert into messages (
        pool_id, message_id, created_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, category, business_initiated, decision, rule, retry_at, objections,
        state, hold, correlated, code, detail
    )
    select
        m.pool_id, m.message_id, m.created_at, m.app_id, m.phone_number_id, m.user_id, m.type,
        m.template_name, m.template_language, m.category, m.business_initiated, m.decision,
        m.rule, m.retry_at, m.objections::jsonb, m.state, m.hold, m.correlated, m.code, m.detail
    from json_to_recordset($5::json) as m (
        pool_id text, message_id uuid, created_at timestamptz, app_id text, phone_number_id text,
        user_id text, type text, template_name text, template_language text, category text,
        business_initiated boolean, decision text, rule text, retry_at timestamptz,
        objections text, state text, hold text, correlated boolean, code integer, detail text
    )
    join written using (pool_id)
)
select pool_id from written

-- name: quota_expire
with locked as (
    select pool_id from pools where pool_id = $1 for update
),
gone as (
    delete from ledger
    where pool_id in (select pool_id from locked)
        and reached_at > '-infinity'
        and reached_at <= $2
    returning 1
)
update pools
set counted = counted - (select count(*) from gone), version = version + 1
where pool_id = $1 and exists (select from gone)

-- name: quota_release
with freed as (
    update messages
    set hold = 'released'
    where pool_id = $1 and message_id = any($2::uuid[]) and hold = 'reserved'
        and state in ('refused', 'failed')
    returning user_id
),
users as (
    select distinct user_id from freed
),
held as (
    select m.user_id, max(coalesce(m.answered_at, m.created_at)) as reached_at
    from messages m
    join users using (user_id)
    where m.pool_id = $1
        and m.business_initiated
        and m.message_id <> all($2::uuid[])
        and m.hold in ('reserved', 'settled')
        and coalesce(m.answered_at, m.created_at) > $3
    group by m.user_id
),
kept as (
    update ledger l
    set reached_at = h.reached_at
    from held h
    where l.pool_id = $1 and l.user_id = h.user_id
),
gone as (
    delete from ledger l
    using users u
    where l.pool_id = $1
        and l.user_id = u.user_id
        and not exists (select from held h where h.user_id = u.user_id)
    returning 1
)
update pools
set counted = counted - (select count(*) from gone), version = version + 1
where pool_id = $1 and exists (select from users)

-- name: quota_lift
with lifted as (
    update numbers n
    set restricted_until = null, restricted_by = null
    from pools p
    where p.pool_id = $1
        and n.pool_id = p.pool_id
        and n.restricted_by = 'ledger'
        and p.counted < floor(p.messaging_limit * (1 - p.headroom))
        and (
            floor(p.messaging_limit * (1 - p.headroom)) < p.messaging_limit
            or exists (
                select from messages m
                where m.pool_id = $1 and m.message_id = any($2::uuid[]) and m.state = 'refused'
            )
        )
    returning n.pool_id
)
update pools set version = version + 1, epoch = epoch + 1
where pool_id in (select pool_id from lifted)

-- name: quota_restore
with arrived as (
    update messages
    set hold = 'settled'
    where pool_id = $1 and message_id = any($2::uuid[]) and hold = 'released'
    returning user_id, coalesce(answered_at, created_at) as reached_at
),
users as (
    select user_id, max(reached_at) as reached_at
    from arrived
    where reached_at > $3
    group by user_id
),
added as (
    insert into ledger as l (pool_id, user_id, reached_at)
    select $1, user_id, reached_at from users
    on conflict (pool_id, user_id) do update
        set reached_at = greatest(l.reached_at, excluded.reached_at)
    returning (xmax = 0) as is_new
)
update pools
set counted = counted + (select count(*) from added where is_new), version = version + 1
where pool_id = $1 and exists (select from added)

-- name: messages_answered
with answered as (
    update messages m
    set state = case when m.state in ('reserved', 'in_doubt') then a.state else m.state end,
        wamid = coalesce(a.wamid, m.wamid),
        code = coalesce(a.code, m.code),
        detail = coalesce(a.detail, m.detail),
        answered_at = a.answered_at
    from json_to_recordset($1::json) as a (
        pool_id text, message_id uuid, state text, wamid text, code integer, detail text,
        answered_at timestamptz
    )
    where m.pool_id = a.pool_id and m.message_id = a.message_id
    returning m.pool_id, m.user_id, m.hold, m.answered_at
),
reached as (
    select pool_id, user_id, max(answered_at) as reached_at
    from answered
    where hold in ('reserved', 'settled')
    group by pool_id, user_id
    order by pool_id, user_id
)
update ledger l
set reached_at = r.reached_at
from reached r
where l.pool_id = r.pool_id and l.user_id = r.user_id and l.reached_at < r.reached_at

-- name: messages_progressed
update messages m
set state = s.state,
    wamid = coalesce(m.wamid, s.wamid),
    hold = case when m.hold = 'reserved' and s.settles then 'settled' else m.hold end,
    code = coalesce(s.code, m.code),
    detail = coalesce(s.detail, m.detail),
    sent_at = least(m.sent_at, s.sent_at),
    delivered_at = least(m.delivered_at, s.delivered_at),
    read_at = least(m.read_at, s.read_at),
    failed_at = least(m.failed_at, s.failed_at)
from unnest(
    $1::text[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::integer[], $7::text[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[]
) as s (
    pool_id, message_id, state, wamid, settles, code, detail, sent_at, delivered_at, read_at,
    failed_at
)
where m.pool_id = s.pool_id and m.message_id = s.message_id

-- name: messages_remember_wamids
insert into wamids (wamid, pool_id, message_id)
select wamid, pool_id, message_id
from unnest($1::text[], $2::text[], $3::uuid[]) as w (wamid, pool_id, message_id)
on conflict (wamid) do nothing

-- name: messages_unanswered
update messages m
set state = 'in_doubt'
from pools p
where m.pool_id = p.pool_id
    and m.message_id > $1::uuid
    and m.message_id <= $2::uuid
    and m.state = 'reserved'

-- name: inbox_append
insert into inbox (received_at, body) values ($1, $2)

-- name: inbox_claim
select delivery_id, received_at, body
from inbox
where digested_at is null
order by delivery_id
limit $1
for update skip locked

-- name: inbox_done
update inbox i
set digested_at = $1, problem = d.problem
from unnest($2::bigint[], $3::text[]) as d (delivery_id, problem)
where i.delivery_id = d.delivery_id
