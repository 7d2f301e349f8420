-- What keeps a message from being lost or sent twice. Everything here is added beside what the
-- version before reads and writes, so that both can run at the same time.

-- ---------------------------------------------------------------------------------------------
-- Idempotency keys: the answer that was given under a key of an app's.
-- `caller` is the app, with a hash of the Meta token it brought if any; `fingerprint` that of the
-- request. While a request is `in_flight` its process answers for it until `leased_until`; then the
-- journal tells, by pool and message, what became of it. `answered` is final; `in_doubt` is the
-- answer until the journal knows more. What says "nothing was sent, come again" is not kept.
-- ---------------------------------------------------------------------------------------------
create table idempotency_keys (
    caller        text not null,
    key           text not null,
    fingerprint   bytea not null,
    pool_id       text not null,
    message_id    uuid not null,
    state         text not null check (state in ('in_flight', 'answered', 'in_doubt')),
    created_at    timestamptz not null,
    leased_until  timestamptz not null,
    status        smallint,
    headers       bytea,
    body          bytea,
    primary key (caller, key)
) with (fillfactor = 70);
create index idempotency_keys_by_age on idempotency_keys (created_at);
