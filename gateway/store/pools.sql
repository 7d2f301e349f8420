-- name: put
insert into pools as p (
    pool_id, regime, messaging_limit, limit_source, limit_at, headroom, created_at
)
values ($1, $2, $3, $6, $4, $5, $4)
on conflict (pool_id) do update
    set regime = excluded.regime,
        messaging_limit = excluded.messaging_limit,
        limit_source = excluded.limit_source,
        limit_at = excluded.limit_at,
        headroom = excluded.headroom

-- name: change
update pools
set regime = coalesce($2, regime),
    messaging_limit = coalesce($3, messaging_limit),
    limit_source = case when $3::integer is null then limit_source else 'operator' end,
    limit_at = case when $3::integer is null then limit_at else $4 end,
    headroom = coalesce($5, headroom),
    knobs = coalesce($6, knobs),
    shares = coalesce($7, shares)
where pool_id = $1

-- name: usage
select holder, counted from pool_usage where pool_id = $1 and counted > 0 order by holder

-- name: set_limit
-- The later word wins, whoever speaks it, also when it repeats what is in force. A reading ($5)
-- merely repeats what Meta has said before: it does not lift a limit that an operator has set below
-- it, and without news it does not outdate a webhook that is on its way.
with before as (
    select pool_id, messaging_limit from pools where pool_id = $1 for update
)
update pools p
set messaging_limit = $2,
    limit_source = case when p.messaging_limit = $2 then p.limit_source else $3 end,
    limit_at = $4
from before b
where p.pool_id = b.pool_id
    and p.limit_at <= $4
    and not ($5::boolean and p.messaging_limit = $2)
    and not ($5::boolean and p.limit_source = 'operator' and p.messaging_limit < $2)
returning b.messaging_limit <> p.messaging_limit as is_changed

-- name: one
select * from pools where pool_id = $1

-- name: all
select * from pools order by pool_id
