-- name: answered
-- Meta's answer, written behind. A status may have overtaken it: then the state stays, and only
-- what the answer alone knows is added. Meta counts a user from when it takes the message, which
-- is no later than its answer: the slot ages from there, or it would come free too soon.
with answered as (
    update messages m
    set state = case
            when m.state in ('reserved', 'in_doubt') then a.state
            when m.state = 'unknown' and a.state <> 'in_doubt' then a.state
            else m.state
        end,
        wamid = coalesce(a.wamid, m.wamid),
        code = coalesce(a.code, m.code),
        detail = coalesce(a.detail, m.detail),
        answered_at = a.answered_at
    from json_to_recordset($1::json) as a (
        pool_id text, message_id uuid, state text, wamid text, code integer, detail text,
        answered_at timestamptz
    )
    where m.pool_id = a.pool_id and m.message_id = a.message_id
    returning m.pool_id, m.message_id, m.user_id, m.app_id, m.hold, m.state, m.decided_at,
        m.answered_at, a.state as answer
),
owed as (
    -- Its app is told now that it is in doubt, and a status has ended the doubt already.
    insert into callbacks (pool_id, message_id, app_id)
    select d.pool_id, d.message_id, d.app_id
    from answered d
    join apps a on a.app_id = d.app_id and a.callback_url is not null
    where d.answer = 'in_doubt' and d.state not in ('in_doubt', 'unknown') and d.decided_at is null
    on conflict do nothing
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

-- name: by_id
select pool_id, message_id, user_id, phone_number_id, state, hold, decided_at
from messages
where pool_id = any($1) and message_id = any($2::uuid[])
order by pool_id, message_id
for update

-- name: by_number
select m.pool_id, m.message_id, m.user_id, m.phone_number_id, m.state, m.hold, m.decided_at
from pools p
join messages m on m.pool_id = p.pool_id
where m.message_id = any($2::uuid[]) and m.phone_number_id = any($1)
order by m.pool_id, m.message_id
for update of m

-- name: by_wamid
select m.pool_id, m.message_id, m.user_id, m.phone_number_id, m.state, m.hold, m.decided_at,
    w.wamid
from wamids w
join messages m using (pool_id, message_id)
where w.wamid = any($1)
order by m.pool_id, m.message_id
for update of m

-- name: remember_wamids
insert into wamids (wamid, pool_id, message_id)
select wamid, pool_id, message_id
from unnest($1::text[], $2::text[], $3::uuid[]) as w (wamid, pool_id, message_id)
on conflict (wamid) do nothing

-- name: progressed
-- A status may be all that is ever heard of a message, when its process is gone: the slot then ages
-- from the hour $12 at which it was heard, which is no earlier than that at which Meta counted.
with progressed as (
    update messages m
    set state = s.state,
        wamid = coalesce(m.wamid, s.wamid),
        hold = case when m.hold = 'reserved' and s.settles then 'settled' else m.hold end,
        code = coalesce(s.code, m.code),
        detail = coalesce(s.detail, m.detail),
        answered_at = coalesce(m.answered_at, $12),
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
    returning m.pool_id, m.user_id, m.hold, m.answered_at
),
reached as (
    select pool_id, user_id, max(answered_at) as reached_at
    from progressed
    where hold in ('reserved', 'settled')
    group by pool_id, user_id
    order by pool_id, user_id
)
update ledger l
set reached_at = r.reached_at
from reached r
where l.pool_id = r.pool_id and l.user_id = r.user_id and l.reached_at < r.reached_at

-- name: unanswered
-- Reserved between two hours and never answered: the process that sent them is gone. The hour is that
-- of the id, which is ordered by time, or that at which they were admitted, if they had been parked.
-- They may have left until $5 after it, so their slots age from then.
with doubted as (
    update messages m
    set state = 'in_doubt', answered_at = coalesce(m.decided_at, m.created_at) + $5::interval
    from (
        select pool_id, message_id
        from pools p
        cross join lateral (
            select message_id from messages
            where pool_id = p.pool_id and message_id > $1::uuid and message_id <= $2::uuid
                and decided_at is null
        ) direct
        union all
        select pool_id, message_id from messages
        where decided_at > $3::timestamptz and decided_at <= $4::timestamptz
    ) u
    where m.pool_id = u.pool_id and m.message_id = u.message_id and m.state = 'reserved'
    returning m.pool_id, m.user_id, m.hold, m.answered_at
),
users as (
    select pool_id, user_id, max(answered_at) as reached_at
    from doubted
    where hold = 'reserved'
    group by pool_id, user_id
    order by pool_id, user_id
),
reached as (
    update ledger l
    set reached_at = u.reached_at
    from users u
    where l.pool_id = u.pool_id and l.user_id = u.user_id and l.reached_at < u.reached_at
)
select count(*) from doubted

-- name: story
select m.*, a.name as app_name, r.message_id as resent_as
from pools p
join messages m on m.pool_id = p.pool_id and m.message_id = $1
left join apps a using (app_id)
left join messages r on r.pool_id = m.pool_id and r.resend_of = m.message_id

-- name: page
-- Newest first; each pool gives its newest, so that the primary key serves every page.
select m.*
from pools p
cross join lateral (
    select
        message_id, created_at, app_id, pool_id, phone_number_id, user_id, type, template_name,
        template_language, category, business_initiated, decision, rule, retry_at, state, hold,
        wamid, code
    from messages
    where pool_id = p.pool_id
        and ($1::text is null or phone_number_id = $1)
        and ($3::text is null or user_id = $3)
        and ($4::text is null or state = $4)
        and ($5::text is null or decision = $5)
        and ($6::text is null or rule = $6)
        and ($7::uuid is null or message_id < $7)
    order by message_id desc
    limit $8
) m
where $2::text is null or p.pool_id = $2
order by m.message_id desc
limit $8
