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

-- name: set_limit
-- The later word wins, whoever speaks it. A reading ($5) merely repeats what Meta has said before:
-- it does not lift a limit that an operator has set below it.
update pools
set messaging_limit = $2, limit_source = $3, limit_at = $4
where pool_id = $1
    and limit_at <= $4
    and messaging_limit <> $2
    and not ($5::boolean and limit_source = 'operator' and messaging_limit < $2)

-- name: one
select * from pools where pool_id = $1

-- name: all
select * from pools order by pool_id
