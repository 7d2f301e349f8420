-- name: claim
-- A key is free, or has run out, or belongs to the same request of a process that is gone before
-- anything left. One statement, so that of several who want it one gets it.
insert into idempotency_keys as k (
    caller, key, fingerprint, pool_id, message_id, state, created_at, leased_until
)
values ($1, $2, $3, $4, $5, 'in_flight', $6, $7)
on conflict (caller, key) do update
    set fingerprint = excluded.fingerprint,
        pool_id = excluded.pool_id,
        message_id = excluded.message_id,
        state = excluded.state,
        created_at = excluded.created_at,
        leased_until = excluded.leased_until,
        status = null,
        headers = null,
        body = null
    where (k.state <> 'in_flight' or k.leased_until <= excluded.created_at)
        and (
            k.created_at <= $8
            -- What waits for longer than a key is kept would be sent twice.
            and not exists (
                select from outbox o where o.pool_id = k.pool_id and o.message_id = k.message_id
            )
            or k.state = 'in_flight'
            and k.fingerprint = excluded.fingerprint
            and not exists (
                select from messages m
                where m.pool_id = k.pool_id
                    and m.message_id = k.message_id
                    and m.state <> all ($9::text[])
            )
        )
returning true

-- name: held
select
    k.fingerprint, k.message_id, k.state, k.leased_until, k.status, k.headers, k.body,
    m.state as fate, m.user_id, m.wamid, m.code, m.detail, m.rule, m.retry_at
from idempotency_keys k
left join messages m on m.pool_id = k.pool_id and m.message_id = k.message_id
where k.caller = $1 and k.key = $2

-- name: remember
-- Only for the message that has the key: another may have taken it over meanwhile.
update idempotency_keys
set state = $4, status = $5, headers = $6, body = $7
where caller = $1 and key = $2 and message_id = $3

-- name: forget
delete from idempotency_keys
where caller = $1 and key = $2 and message_id = $3

-- name: prune
delete from idempotency_keys
where (caller, key) in (
    select caller, key
    from idempotency_keys
    where created_at <= $1 and (state <> 'in_flight' or leased_until <= $2)
        and not exists (
            select from outbox o
            where o.pool_id = idempotency_keys.pool_id
                and o.message_id = idempotency_keys.message_id
        )
    order by created_at
    limit $3
    for update skip locked
)
