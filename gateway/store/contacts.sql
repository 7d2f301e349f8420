-- name: open_windows
-- The latest message counts, whatever the order in which messages arrive here.
insert into contacts as c (pool_id, phone_number_id, user_id, last_inbound_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
on conflict (pool_id, phone_number_id, user_id) do update
    set last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at)

-- name: close_window
-- Meta says that the window is shut (131047), so it is, unless the user has written since.
update contacts
set last_inbound_at = null
where pool_id = $1 and phone_number_id = $2 and user_id = $3 and last_inbound_at <= $4

-- name: prefer
-- The later word of the user wins.
insert into contacts as c (pool_id, phone_number_id, user_id, marketing_stopped, preference_at)
values ($1, $2, $3, $4, $5)
on conflict (pool_id, phone_number_id, user_id) do update
    set marketing_stopped = excluded.marketing_stopped, preference_at = excluded.preference_at
    where c.preference_at is null or c.preference_at <= excluded.preference_at

-- name: resolve
select pool_id, alias, user_id
from user_aliases
where (pool_id, alias) in (select * from unnest($1::text[], $2::text[]))

-- name: learn_alias
insert into user_aliases (pool_id, alias, user_id)
values ($1, $2, $3)
on conflict (pool_id, alias) do update set user_id = excluded.user_id

-- name: repoint_aliases
update user_aliases set user_id = $3 where pool_id = $1 and user_id = $2

-- name: merge_ledger
-- Two names turn out to be one person: the later send counts, and one slot comes free.
with old as (
    delete from ledger where pool_id = $1 and user_id = $2 returning reached_at, class, app_id
),
kept as (
    insert into ledger as l (pool_id, user_id, reached_at, class, app_id)
    select $1, $3, reached_at, class, app_id from old
    on conflict (pool_id, user_id) do update
        set reached_at = greatest(l.reached_at, excluded.reached_at)
    returning (xmax = 0) as is_new
)
update pools
set counted = counted - (select count(*) from kept where not is_new), version = version + 1
where pool_id = $1

-- name: merge_contacts
with old as (
    delete from contacts where pool_id = $1 and user_id = $2 returning *
)
insert into contacts as c (
    pool_id, phone_number_id, user_id, last_inbound_at, pair_tat, marketing_stopped, preference_at,
    capped_until, capped_count, capped_at, pair_strikes, pair_struck_at
)
select
    pool_id, phone_number_id, $3, last_inbound_at, pair_tat, marketing_stopped, preference_at,
    capped_until, capped_count, capped_at, pair_strikes, pair_struck_at
from old
on conflict (pool_id, phone_number_id, user_id) do update
    set last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at),
        pair_tat = greatest(c.pair_tat, excluded.pair_tat),
        capped_until = greatest(c.capped_until, excluded.capped_until),
        capped_count = greatest(c.capped_count, excluded.capped_count),
        capped_at = greatest(c.capped_at, excluded.capped_at),
        pair_strikes = greatest(c.pair_strikes, excluded.pair_strikes),
        pair_struck_at = greatest(c.pair_struck_at, excluded.pair_struck_at),
        marketing_stopped = case
            when c.preference_at is null or c.preference_at < excluded.preference_at
            then excluded.marketing_stopped
            else c.marketing_stopped
        end,
        preference_at = greatest(c.preference_at, excluded.preference_at)

-- name: merge_messages
-- Only what may hold a slot has to be found under the person's one name.
update messages set user_id = $3 where pool_id = $1 and user_id = $2 and business_initiated
