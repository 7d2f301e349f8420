-- name: hot
-- One row a message, in the order asked: what changes with every send. The first row brings along
-- what concerns the batch as a whole.
select
    p.version,
    p.epoch,
    p.counted,
    p.decided_at,
    l.reached_at,
    c.last_inbound_at,
    c.pair_tat,
    coalesce(c.marketing_stopped, false) as marketing_stopped,
    c.capped_until,
    c.recent,
    case when r.position = 1 then (
        select json_build_object(
            'paces', (
                select json_agg(json_build_array(
                    n.phone_number_id, n.users_hour_tat, n.sends_10m_tat, n.users_day_tat
                ))
                from number_paces n
                where n.pool_id = any($1) and n.phone_number_id = any($2)
            ),
            'usage', (
                select json_agg(json_build_array(u.pool_id, u.holder, u.counted))
                from pool_usage u
                where u.pool_id = any($1)
            ),
            'spread', (
                select json_agg(json_build_array(s.pool_id, s.content, s.users))
                from spread s
                where s.pool_id = any($1) and s.content = any($4::bigint[]) and s.hour_at = $5
            )
        )
    ) end as batch
from unnest($1::text[], $2::text[], $3::text[]) with ordinality
    as r (pool_id, phone_number_id, user_id, position)
join pools p on p.pool_id = r.pool_id
left join ledger l on l.pool_id = r.pool_id and l.user_id = r.user_id
left join contacts c
    on c.pool_id = r.pool_id
    and c.phone_number_id = r.phone_number_id
    and c.user_id = r.user_id
order by r.position

-- name: next_slots
-- The hour of the oldest entry of each pool, those skipped that have to go first because the limit
-- was lowered below the count; asked only of pools that are nearly full.
select p.pool_id, (
    select l.reached_at from ledger l
    where l.pool_id = p.pool_id and l.reached_at > '-infinity'
    order by l.reached_at
    offset p.skipped
    limit 1
) as oldest
from unnest($1::text[], $2::integer[]) as p (pool_id, skipped)

-- name: next_of_holders
-- The hour of the oldest slot of a class or an app, those skipped that have to go first because the
-- cap was lowered below what it holds; asked only of holders that are at their cap.
select h.pool_id, h.holder, (
    select l.reached_at from ledger l
    where l.pool_id = h.pool_id
        and l.reached_at > '-infinity'
        and h.holder in ('class:' || l.class, 'app:' || l.app_id)
    order by l.reached_at
    offset h.skipped
    limit 1
) as oldest
from unnest($1::text[], $2::text[], $3::integer[]) as h (pool_id, holder, skipped)

-- name: pools
select pool_id, regime, messaging_limit, headroom, epoch, knobs, shares
from pools
where pool_id = any($1)

-- name: numbers
select
    phone_number_id, pool_id, waba_id, status, quality_rating,
    flagged_until, restricted_until, restricted_by, active_since, recovering_since,
    usual_users_hour, usual_users_day, usual_sends_10m, spam_step, spam_until, knobs
from numbers
where pool_id = any($1)

-- name: restrictions
select waba_id, restriction_type, restricted_until
from restrictions
where waba_id = any($1)

-- name: templates
select waba_id, name, language, category, status, paused_until, ttl_s
from templates
where waba_id = any($1)

-- name: synced_wabas
select waba_id
from wabas
where waba_id = any($1) and templates_synced_at is not null
