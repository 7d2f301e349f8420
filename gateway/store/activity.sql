-- name: histories
-- The numbers of a pool, each with the most it has started: new users in an hour and in 24 hours,
-- sends in 10 minutes. Hours and ten minutes are those that ended after $3 and by $4, days those
-- that ended by $5; nothing is looked at that began before $2.
select n.*, seen.*
from numbers n
cross join lateral (
    select
        coalesce(max(b.users_hour) filter (where b.ends_at > $3 and b.ends_at <= $4), 0)::integer
            as seen_users_hour,
        coalesce(max(b.users_day) filter (where b.ends_at <= $5), 0)::integer as seen_users_day,
        coalesce(max(b.sends) filter (where b.ends_at > $3 and b.ends_at <= $4), 0)::integer
            as seen_sends_10m
    from (
        -- By range and not by rows: in ten minutes without a send there is no row.
        select
            a.bucket_at + interval '10 minutes' as ends_at,
            sum(a.new_users) over (
                order by a.bucket_at range between '50 minutes' preceding and current row
            ) as users_hour,
            sum(a.new_users) over (
                order by a.bucket_at range between '23:50' preceding and current row
            ) as users_day,
            sum(a.sends) over (
                order by a.bucket_at range between current row and current row
            ) as sends
        from activity a
        where a.phone_number_id = n.phone_number_id and a.bucket_at >= $2
    ) b
) seen
where n.pool_id = $1
order by n.phone_number_id

-- name: note_usual
-- A recovery that has begun anew since it was seen to end ($6) goes on.
update numbers
set usual_users_hour = $3, usual_users_day = $4, usual_sends_10m = $5,
    recovering_since = nullif(recovering_since, $6)
where phone_number_id = $1 and pool_id = $2

-- name: forget_activity
-- Locked in one order and passed over where somebody else is at it, as more than one may sweep.
with old as (
    select a.pool_id, a.phone_number_id, a.bucket_at
    from numbers n
    join activity a on a.phone_number_id = n.phone_number_id
    where n.pool_id = $1 and a.bucket_at < $2
    limit $3
    for update of a skip locked
)
delete from activity a
using old
where a.pool_id = old.pool_id
    and a.phone_number_id = old.phone_number_id
    and a.bucket_at = old.bucket_at

-- name: forget_spread
with old as (
    select pool_id, hour_at, content
    from spread
    where pool_id = $1 and hour_at < $2
    limit $3
    for update skip locked
)
delete from spread s
using old
where s.pool_id = old.pool_id and s.hour_at = old.hour_at and s.content = old.content
