-- name: note_status
-- The later word wins. A template heard of for the first time is remembered.
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

-- name: note_category
insert into templates as t (
    waba_id, name, language, template_id, category, category_at, status, status_at
)
values ($1, $2, $3, $4, $5, $6, 'APPROVED', $6)
on conflict (waba_id, name, language) do update
    set category = excluded.category, category_at = excluded.category_at
    where t.category_at <= excluded.category_at

-- name: note_quality
update templates set quality = $4 where waba_id = $1 and name = $2 and language = $3

-- name: sync
-- The whole list of a WABA as read at $7. A pause keeps the end we know of, since lists name none.
insert into templates as t (
    waba_id, name, language, template_id, category, category_at, status, status_at, ttl_s
)
select $1, l.name, l.language, l.template_id, l.category, $7, l.status, $7, l.ttl_s
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $8::integer[])
    as l (name, language, template_id, category, status, ttl_s)
on conflict (waba_id, name, language) do update
    set template_id = excluded.template_id,
        category = case
            when t.category_at > excluded.category_at then t.category
            else excluded.category
        end,
        category_at = greatest(t.category_at, excluded.category_at),
        status = excluded.status,
        status_at = excluded.status_at,
        paused_until = case when excluded.status = 'PAUSED' then t.paused_until end,
        ttl_s = excluded.ttl_s
    where t.status_at <= excluded.status_at

-- name: drop_others
-- What a whole list does not name is gone, unless a webhook has told of it since.
delete from templates
where waba_id = $1
    and status_at < $4
    and (name, language) not in (select * from unnest($2::text[], $3::text[]))

-- name: synced
insert into wabas as w (waba_id, templates_synced_at) values ($1, $2)
on conflict (waba_id) do update set templates_synced_at = excluded.templates_synced_at

-- name: of_waba
select * from templates where waba_id = $1 order by name, language

-- name: pool_ids
select distinct pool_id from numbers where waba_id = $1 order by pool_id
