-- What version 0.1.0 says to the database of pools, numbers, templates and apps: its writes, and the reads a decision rests on, as
-- they stood in gateway/store/*.sql, without their comments. The schemas that follow have to take them.

-- name: pools_put
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

-- name: pools_set_limit
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

-- name: numbers_put_waba
insert into wabas (waba_id) values ($1) on conflict (waba_id) do nothing

-- name: numbers_put_number
insert into numbers (
    phone_number_id, pool_id, waba_id, display_phone_number, status_at, quality_at, throughput,
    created_at
)
values ($1, $2, $3, $4, $5, $5, $6, $5)
on conflict (phone_number_id) do update
    set pool_id = excluded.pool_id,
        waba_id = excluded.waba_id,
        display_phone_number = excluded.display_phone_number,
        throughput = excluded.throughput

-- name: numbers_one
select n.*, p.regime, p.messaging_limit, p.headroom, p.counted
from numbers n
join pools p using (pool_id)
where n.phone_number_id = $1

-- name: numbers_save
update numbers
set status = $2, status_at = $3, quality_rating = $4, quality_at = $5, throughput = $6,
    flagged_until = $7, restricted_until = $8, restricted_by = $9, polled_at = $10
where phone_number_id = $1

-- name: numbers_put_restriction
insert into restrictions as r (waba_id, restriction_type, restricted_until, noted_at)
values ($1, $2, $3, $4)
on conflict (waba_id, restriction_type) do update
    set restricted_until = excluded.restricted_until, noted_at = excluded.noted_at
    where r.noted_at <= excluded.noted_at

-- name: apps_put
insert into apps (app_id, name, key_hash, credential, created_at)
values ($1, $2, $3, $4, $5)
on conflict (app_id) do update
    set name = excluded.name, key_hash = excluded.key_hash, credential = excluded.credential,
        disabled_at = null

-- name: apps_put_token
insert into wabas (waba_id, sealed_token) values ($1, $2)
on conflict (waba_id) do update set sealed_token = excluded.sealed_token

-- name: apps_put_media
insert into media (media_id, phone_number_id, seen_at)
select * from unnest($1::text[], $2::text[], $3::timestamptz[])
on conflict (media_id) do nothing

-- name: templates_sync
insert into templates as t (
    waba_id, name, language, template_id, category, category_at, status, status_at
)
select $1, l.name, l.language, l.template_id, l.category, $7, l.status, $7
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    as l (name, language, template_id, category, status)
on conflict (waba_id, name, language) do update
    set template_id = excluded.template_id,
        category = case
            when t.category_at > excluded.category_at then t.category
            else excluded.category
        end,
        category_at = greatest(t.category_at, excluded.category_at),
        status = excluded.status,
        status_at = excluded.status_at,
        paused_until = case when excluded.status = 'PAUSED' then t.paused_until end
    where t.status_at <= excluded.status_at

-- name: templates_synced
insert into wabas as w (waba_id, templates_synced_at) values ($1, $2)
on conflict (waba_id) do update set templates_synced_at = excluded.templates_synced_at

-- name: templates_note_status
insert into templates as t (
    waba_id, name, language, template_id, category, category_at, status, status_at, paused_until
)
values ($1, $2, $3, $4, coalesce($5, 'UNKNOWN'), $7, $6, $7, $8)
on conflict (waba_id, name, language) do update
    set template_id = coalesce(excluded.template_id, t.template_id),
        category = case
            when $5::text is null or t.category_at > excluded.category_at then t.category
            else excluded.category
        end,
        category_at = case
            when $5::text is null then t.category_at
            else greatest(t.category_at, excluded.category_at)
        end,
        status = excluded.status,
        status_at = excluded.status_at,
        paused_until = excluded.paused_until
    where t.status_at <= excluded.status_at

-- name: directory_routes
select n.phone_number_id, n.pool_id, n.waba_id, n.display_phone_number, n.throughput
from numbers n
order by n.phone_number_id
