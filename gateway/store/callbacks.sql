-- name: endpoints
select app_id, callback_url, sealed_callback_secret from apps
where callback_url is not null and disabled_at is null

-- name: claim
-- Of each app so many that are due, the oldest first. Whoever else claims passes over them.
with wanted as (
    select * from unnest($1::text[], $2::integer[]) as w (app_id, most)
),
chosen as materialized (
    select c.pool_id, c.message_id
    from wanted w
    cross join lateral (
        select pool_id, message_id from callbacks
        where app_id = w.app_id and gave_up_at is null and due_at <= $3
            and (leased_until is null or leased_until <= $3)
        order by due_at
        limit w.most
        for update skip locked
    ) c
)
update callbacks c
set attempts = c.attempts + 1, first_at = coalesce(c.first_at, $3), leased_until = $4
from chosen x
where c.pool_id = x.pool_id and c.message_id = x.message_id
returning c.pool_id, c.message_id, c.event_id, c.app_id, c.attempts, c.first_at

-- name: done
delete from callbacks where pool_id = $1 and message_id = $2 and event_id = $3

-- name: failed
update callbacks
set due_at = $4, leased_until = null, problem = $5, gave_up_at = $6
where pool_id = $1 and message_id = $2 and event_id = $3

-- name: page
select pool_id, message_id, event_id, app_id, due_at, attempts, first_at, problem, gave_up_at
from callbacks
where ($1::text is null or app_id = $1) and ($2::boolean is null or (gave_up_at is not null) = $2)
order by due_at, message_id
limit $3

-- name: count
select app_id, (gave_up_at is not null) as gave_up, count(*) as events
from callbacks
group by 1, 2
order by 1, 2

-- name: redrive
update callbacks
set due_at = $2, attempts = 0, first_at = null, gave_up_at = null, leased_until = null
where gave_up_at is not null and ($1::text is null or app_id = $1)

-- name: drop
delete from callbacks where app_id = $1

-- name: forget
delete from callbacks where gave_up_at <= $1
