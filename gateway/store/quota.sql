-- name: reserve
-- Writes what a batch decided, pool by pool, if the pool still stands at the version its facts
-- were read at; returns the pools written. What was decided on facts that have changed since is
-- not written at all and has to be decided again. Pools are locked in order, so that two
-- processes never wait for each other.
with seen as (
    select * from json_to_recordset($1::json)
        as s (pool_id text, version bigint, added integer, restricts boolean, at timestamptz)
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
        epoch = p.epoch + s.restricts::integer,
        decided_at = greatest(p.decided_at, s.at)
    from seen s
    join locked using (pool_id)
    where p.pool_id = s.pool_id
    returning p.pool_id
),
reached as (
    -- A slot stays on the account of who took it first, until it has aged and is taken anew.
    insert into ledger as l (pool_id, user_id, reached_at, class, app_id)
    select r.pool_id, r.user_id, r.reached_at, r.send_class, r.app_id
    from json_to_recordset($2::json)
        as r (pool_id text, user_id text, reached_at timestamptz, send_class text, app_id text)
    join written using (pool_id)
    order by r.pool_id, r.user_id
    on conflict (pool_id, user_id) do update
        set reached_at = excluded.reached_at,
            class = case when l.reached_at <= $7 then excluded.class else l.class end,
            app_id = case when l.reached_at <= $7 then excluded.app_id else l.app_id end
),
paired as (
    insert into contacts (pool_id, phone_number_id, user_id, pair_tat, recent)
    select c.pool_id, c.phone_number_id, c.user_id, c.pair_tat, c.recent
    from json_to_recordset($3::json) as c (
        pool_id text, phone_number_id text, user_id text, pair_tat timestamptz, recent text
    )
    join written using (pool_id)
    -- The order of contacts.open_windows, which takes no lock on the pool.
    order by c.pool_id collate "C", c.phone_number_id collate "C", c.user_id collate "C"
    on conflict (pool_id, phone_number_id, user_id) do update
        set pair_tat = excluded.pair_tat, recent = excluded.recent
),
moved as (
    select n.*
    from json_to_recordset($4::json) as n (
        pool_id text, phone_number_id text, restricted_until timestamptz, spam_until timestamptz,
        bucket_at timestamptz, sends integer, new_users integer, users_hour_tat timestamptz,
        sends_10m_tat timestamptz, users_day_tat timestamptz
    )
    join written using (pool_id)
),
restricted as (
    update numbers n
    set restricted_until = coalesce(m.restricted_until, n.restricted_until),
        restricted_by = case when m.restricted_until is null then n.restricted_by else 'ledger' end,
        spam_until = coalesce(m.spam_until, n.spam_until)
    from moved m
    where n.phone_number_id = m.phone_number_id
        and (m.restricted_until is not null or m.spam_until is not null)
),
paced as (
    insert into number_paces (
        pool_id, phone_number_id, users_hour_tat, sends_10m_tat, users_day_tat
    )
    select pool_id, phone_number_id, users_hour_tat, sends_10m_tat, users_day_tat
    from moved
    where sends > 0
    on conflict (pool_id, phone_number_id) do update
        set users_hour_tat = excluded.users_hour_tat,
            sends_10m_tat = excluded.sends_10m_tat,
            users_day_tat = excluded.users_day_tat
),
done as (
    insert into activity as a (pool_id, phone_number_id, bucket_at, sends, new_users)
    select pool_id, phone_number_id, bucket_at, sends, new_users
    from moved
    where sends > 0
    on conflict (pool_id, phone_number_id, bucket_at) do update
        set sends = a.sends + excluded.sends, new_users = a.new_users + excluded.new_users
),
told as (
    insert into spread as s (pool_id, content, hour_at, users)
    select t.pool_id, t.content, t.hour_at, t.users
    from json_to_recordset($6::json)
        as t (pool_id text, content bigint, hour_at timestamptz, users integer)
    join written using (pool_id)
    order by t.pool_id, t.content
    on conflict (pool_id, content, hour_at) do update set users = s.users + excluded.users
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
),
kept as (
    insert into outbox (
        pool_id, message_id, phone_number_id, waba_id, user_id, app_id, send_class, rank, topic,
        path, sealed, resends, state, due_at, expires_at, rule, detail, attempts, forgiven,
        parked_at
    )
    select
        o.pool_id, o.message_id, o.phone_number_id, o.waba_id, o.user_id, o.app_id, o.send_class,
        o.rank, o.topic, o.path, decode(o.sealed, 'base64'), o.resends, o.state, o.due_at,
        o.expires_at, o.rule, o.detail, o.attempts, o.forgiven, o.parked_at
    from json_to_recordset($8::json) as o (
        pool_id text, message_id uuid, phone_number_id text, waba_id text, user_id text,
        app_id text, send_class text, rank smallint, topic text, path text, sealed text,
        resends boolean, state text, due_at timestamptz, expires_at timestamptz, rule text,
        detail text, attempts integer, forgiven integer, parked_at timestamptz
    )
    join written using (pool_id)
),
released as (
    select r.*
    from json_to_recordset($9::json) as r (
        pool_id text, message_id uuid, created_at timestamptz, leased_by uuid,
        leased_until timestamptz, parcel_state text, due_at timestamptz, topic text, user_id text,
        category text, business_initiated boolean, decision text, rule text, retry_at timestamptz,
        objections text, state text, hold text, code integer, detail text
    )
    join written using (pool_id)
),
taken as (
    -- Only who holds the lease may send what it had claimed; a process may have claimed it twice.
    update outbox o
    set state = r.parcel_state, due_at = coalesce(r.due_at, o.due_at), topic = r.topic,
        rule = r.rule, detail = r.detail, leased_by = null, leased_until = null,
        forgiven = o.forgiven + (r.parcel_state <> 'sending')::integer
    from released r
    where o.pool_id = r.pool_id and o.message_id = r.message_id
        and o.leased_by = r.leased_by and o.leased_until = r.leased_until and o.state = 'parked'
    returning r.*
),
journal_of_taken as (
    update messages m
    set user_id = t.user_id, category = t.category, business_initiated = t.business_initiated,
        decision = t.decision, rule = t.rule, retry_at = t.retry_at,
        objections = t.objections::jsonb, state = t.state, hold = t.hold, code = t.code,
        detail = t.detail, decided_at = t.created_at,
        -- What was said of an attempt before is not the hour of this one.
        answered_at = null
    from taken t
    where m.pool_id = t.pool_id and m.message_id = t.message_id and m.state = 'parked'
)
select pool_id, null::uuid as taken, null::uuid as leased_by, null::timestamptz as leased_until
from written
union all
select null, message_id, leased_by, leased_until from taken

-- name: lock
select pool_id from pools where pool_id = any($1) order by pool_id for update

-- name: touch
update pools set version = version + 1, epoch = epoch + 1 where pool_id = any($1)

-- name: expire
-- Takes out of the ledger, at $3, who was last reached at or before $2; the pool is locked first.
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
set counted = counted - (select count(*) from gone), version = version + 1,
    decided_at = greatest(decided_at, $3)
where pool_id = $1 and exists (select from gone)

-- name: release
-- Gives back the slots of messages that are proven never to arrive. A user stays in the ledger if
-- another message of the last 24 hours holds the slot, at that message's hour.
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
    select m.user_id, max(coalesce(m.answered_at, m.decided_at, m.created_at)) as reached_at
    from messages m
    join users using (user_id)
    where m.pool_id = $1
        and m.business_initiated
        and m.message_id <> all($2::uuid[])
        and m.hold in ('reserved', 'settled')
        and coalesce(m.answered_at, m.decided_at, m.created_at) > $3
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

-- name: lift
-- A number that was restricted because its ledger was full is free again once slots were given back.
with lifted as (
    update numbers n
    set restricted_until = null, restricted_by = null
    from pools p
    where p.pool_id = $1
        and n.pool_id = p.pool_id
        and n.restricted_by = 'ledger'
        and p.counted < floor(p.messaging_limit * (1 - p.headroom))
        -- With nothing held back Meta, who counts what it accepts, has restricted the number too;
        -- only what it refused it has never counted.
        and (
            floor(p.messaging_limit * (1 - p.headroom)) < p.messaging_limit
            or exists (
                select from messages m
                where m.pool_id = $1 and m.message_id = any($2::uuid[]) and m.state = 'refused'
            )
        )
    returning n.pool_id
),
touched as (
    update pools set version = version + 1, epoch = epoch + 1
    where pool_id in (select pool_id from lifted)
    returning pool_id
)
select pg_notify('gateway_pool', pool_id) from touched

-- name: restore
-- A message that was taken for failed has arrived after all: its user counts again.
with arrived as (
    update messages
    set hold = 'settled'
    where pool_id = $1 and message_id = any($2::uuid[]) and hold = 'released'
    returning user_id, category, app_id,
        coalesce(answered_at, decided_at, created_at) as reached_at
),
users as (
    -- The journal knows a template's category, not the class; policy.send_class has this table too.
    select distinct on (user_id) user_id, reached_at, app_id,
        case category
            when 'AUTHENTICATION' then 'authentication'
            when 'UTILITY' then 'utility'
            when 'MARKETING' then 'marketing'
            when 'UNKNOWN' then 'marketing'
            else 'other'
        end as class
    from arrived
    where reached_at > $3
    order by user_id, reached_at desc
),
added as (
    insert into ledger as l (pool_id, user_id, reached_at, class, app_id)
    select $1, user_id, reached_at, class, app_id from users
    on conflict (pool_id, user_id) do update
        set reached_at = greatest(l.reached_at, excluded.reached_at)
    returning (xmax = 0) as is_new
)
update pools
set counted = counted + (select count(*) from added where is_new), version = version + 1
where pool_id = $1 and exists (select from added)

-- name: aged
-- Pools with somebody in the ledger who has left it by $1.
select pool_id from pools p
where exists (
    select from ledger l
    where l.pool_id = p.pool_id and l.reached_at > '-infinity' and l.reached_at <= $1
)

-- name: forecast
-- How many users leave the ledger in each hour to come, counted from $2.
select floor(extract(epoch from (l.reached_at + $3::interval - $2::timestamptz)) / 3600)::integer
        as hour,
    count(*)::integer as slots
from ledger l
where l.pool_id = $1
    and l.reached_at > '-infinity'
    and l.reached_at > $2::timestamptz - $3::interval
group by 1
order by 1

-- name: counted
select count(*) from ledger
where pool_id = $1 and reached_at > '-infinity' and reached_at > $2
