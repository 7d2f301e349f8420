-- name: stopped
select phone_number_id from numbers where phone_number_id = any($1) and spam_step > 0

-- name: numbers
select n.phone_number_id, n.spam_step, n.spam_at, n.spam_until, n.knobs, p.knobs as pool_knobs
from numbers n
join pools p using (pool_id)
where n.pool_id = $1 and n.phone_number_id = any($2)

-- name: contacts
select
    phone_number_id, user_id, capped_count, capped_at, capped_until, pair_strikes, pair_struck_at,
    pair_tat
from contacts
where pool_id = $1
    and (phone_number_id, user_id) in (select * from unnest($2::text[], $3::text[]))

-- name: write_number
update numbers
set spam_step = $2, spam_at = $3, spam_until = $4,
    recovering_since = coalesce($5, recovering_since)
where phone_number_id = $1

-- name: write_contacts
insert into contacts (
    pool_id, phone_number_id, user_id, capped_count, capped_at, capped_until, pair_strikes,
    pair_struck_at, pair_tat
)
select
    pool_id, phone_number_id, user_id, capped_count, capped_at, capped_until, pair_strikes,
    pair_struck_at, pair_tat
from json_to_recordset($1::json) as t (
    pool_id text, phone_number_id text, user_id text, capped_count smallint,
    capped_at timestamptz, capped_until timestamptz, pair_strikes smallint,
    pair_struck_at timestamptz, pair_tat timestamptz
)
-- The order of contacts.open_windows, which takes no lock on the pool.
order by pool_id collate "C", phone_number_id collate "C", user_id collate "C"
on conflict (pool_id, phone_number_id, user_id) do update
    set capped_count = excluded.capped_count,
        capped_at = excluded.capped_at,
        capped_until = excluded.capped_until,
        pair_strikes = excluded.pair_strikes,
        pair_struck_at = excluded.pair_struck_at,
        pair_tat = excluded.pair_tat

-- name: move
-- What a decision depends on has changed.
update pools set version = version + 1 where pool_id = $1
