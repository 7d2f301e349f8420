-- name: of_pool
select 1 from pools where pool_id = $1

-- name: origins
-- The numbers of a pool, or one of them ($2), with how far they have got.
select
    n.phone_number_id, n.pool_id, n.display_phone_number, n.throughput,
    p.users_hour_tat, p.sends_10m_tat, p.users_day_tat
from numbers n
left join number_paces p on p.pool_id = n.pool_id and p.phone_number_id = n.phone_number_id
where n.pool_id = $1 or n.phone_number_id = $2
order by n.phone_number_id

-- name: leaving
-- Who counts, by the second in which they leave: a whole second, and never too early.
select
    date_trunc('second', l.reached_at + interval '999999 microseconds') + $3::interval as leaves_at,
    l.class,
    l.app_id,
    count(*)::integer as slots
from ledger l
where l.pool_id = $1 and l.reached_at > '-infinity' and l.reached_at > $2::timestamptz - $3::interval
group by 1, 2, 3

-- name: recipients
-- What is known of so many users of a pool ($2), gathered; $4 are the numbers whose users may have
-- stopped marketing or have had enough of it, none where it is no marketing.
select known.kind, known.leaves_at, known.class, known.app_id,
    count(*)::integer as users,
    max(known.capped_until) as capped_until
from (
    select
        s.kind,
        case when s.kind = 'counted' then
            date_trunc('second', l.reached_at + interval '999999 microseconds') + $5::interval
        end as leaves_at,
        case when s.kind = 'counted' then l.class end as class,
        case when s.kind = 'counted' then l.app_id end as app_id,
        case when s.kind = 'capped' then c.capped_until end as capped_until
    from unnest($2::text[]) as r (user_id)
    left join lateral (
        -- The limit keeps this a look-up by both keys, whatever the statistics of the table say.
        select l.reached_at, l.class, l.app_id
        from ledger l
        where l.pool_id = $1 and l.user_id = r.user_id
        limit 1
    ) l on true
    cross join lateral (
        select bool_or(c.marketing_stopped) as stopped, max(c.capped_until) as capped_until
        from contacts c
        where c.pool_id = $1 and c.phone_number_id = any($4::text[]) and c.user_id = r.user_id
    ) c
    cross join lateral (
        select case
            when c.stopped then 'stopped'
            when c.capped_until > $3 then 'capped'
            when l.reached_at > $3::timestamptz - $5::interval then 'counted'
            else 'new'
        end as kind
    ) s
) known
group by 1, 2, 3, 4
