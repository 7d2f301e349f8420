-- name: all
select
    app_id, name, key_hash, credential, wait_s, joins_retries, responds_async, parks, resends,
    callback_url, sealed_callback_secret
from apps
where disabled_at is null
order by app_id

-- name: one
select
    app_id, name, key_hash, credential, wait_s, joins_retries, responds_async, parks, resends,
    callback_url, sealed_callback_secret
from apps
where app_id = $1 and disabled_at is null
for update

-- name: put
insert into apps (
    app_id, name, key_hash, credential, created_at, wait_s, joins_retries, responds_async, parks,
    resends, callback_url, sealed_callback_secret
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (app_id) do update
    set name = excluded.name,
        key_hash = excluded.key_hash,
        credential = excluded.credential,
        wait_s = excluded.wait_s,
        joins_retries = excluded.joins_retries,
        responds_async = excluded.responds_async,
        parks = excluded.parks,
        resends = excluded.resends,
        callback_url = excluded.callback_url,
        sealed_callback_secret = excluded.sealed_callback_secret,
        disabled_at = null

-- name: put_token
insert into wabas (waba_id, sealed_token) values ($1, $2)
on conflict (waba_id) do update set sealed_token = excluded.sealed_token

-- name: tokens
select waba_id, sealed_token from wabas where sealed_token is not null

-- name: put_media
insert into media (media_id, phone_number_id, seen_at)
select * from unnest($1::text[], $2::text[], $3::timestamptz[])
on conflict (media_id) do nothing

-- name: media_number
select phone_number_id from media where media_id = $1

-- name: template_waba
select waba_id from templates where template_id = $1
