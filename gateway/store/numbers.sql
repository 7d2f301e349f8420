-- name: all
select n.*, p.regime, p.messaging_limit, p.headroom, p.counted, p.knobs as pool_knobs
from numbers n
join pools p using (pool_id)
order by n.phone_number_id

-- name: one
select n.*, p.regime, p.messaging_limit, p.headroom, p.counted, p.knobs as pool_knobs
from numbers n
join pools p using (pool_id)
where n.phone_number_id = $1

-- name: of_waba
select n.*, p.regime, p.messaging_limit, p.headroom, p.counted, p.knobs as pool_knobs
from numbers n
join pools p using (pool_id)
where n.waba_id = $1
order by n.phone_number_id

-- name: save
update numbers
set status = $2, status_at = $3, quality_rating = $4, quality_at = $5, throughput = $6,
    flagged_until = $7, restricted_until = $8, restricted_by = $9, polled_at = $10,
    recovering_since = $11
where phone_number_id = $1

-- name: put_number
insert into numbers as n (
    phone_number_id, pool_id, waba_id, display_phone_number, status_at, quality_at, throughput,
    created_at, active_since
)
values ($1, $2, $3, $4, $5, $5, $6, $5, $7)
on conflict (phone_number_id) do update
    set pool_id = excluded.pool_id,
        waba_id = excluded.waba_id,
        display_phone_number = excluded.display_phone_number,
        throughput = excluded.throughput,
        active_since = coalesce(excluded.active_since, n.active_since)

-- name: turn
update numbers set knobs = $2 where phone_number_id = $1

-- name: used
-- New users since $3, sends since $4 and new users since $5.
select
    coalesce(sum(new_users) filter (where bucket_at > $3), 0)::integer as users_hour,
    coalesce(sum(sends) filter (where bucket_at > $4), 0)::integer as sends_10m,
    coalesce(sum(new_users), 0)::integer as users_day
from activity
where pool_id = $1 and phone_number_id = $2 and bucket_at > $5

-- name: put_waba
insert into wabas (waba_id) values ($1) on conflict (waba_id) do nothing

-- name: due
-- Numbers whose clock has run out by $1.
select phone_number_id from numbers where flagged_until <= $1 or restricted_until <= $1

-- name: put_restriction
insert into restrictions as r (waba_id, restriction_type, restricted_until, noted_at)
values ($1, $2, $3, $4)
on conflict (waba_id, restriction_type) do update
    set restricted_until = excluded.restricted_until, noted_at = excluded.noted_at
    where r.noted_at <= excluded.noted_at

-- name: due_accounts
select distinct waba_id from restrictions where restricted_until <= $1 order by waba_id

-- name: end_restrictions
delete from restrictions where waba_id = $1 and restricted_until <= $2
returning restriction_type, restricted_until

-- name: lift_restrictions
delete from restrictions where waba_id = $1 and noted_at <= $2
returning restriction_type, restricted_until

-- name: recover
update numbers set recovering_since = greatest(recovering_since, $2) where waba_id = $1

-- name: restrictions
select waba_id, restriction_type, restricted_until, noted_at
from restrictions
where waba_id = $1
order by restriction_type
