-- Messages that wait here until they may go. The version before knows none, and reads none.

-- A parcel is everything needed to send a message later: the request as the app made it, sealed.
-- `rank` is the order of its class in a line (0 goes first). `parked`: waits until `due_at`; `held`: an
-- operator has stopped it; `sending`: admitted, on its way, and kept until the outcome is known, for
-- it may have to be sent once more (`resends`) or again later; `dead`: never to be sent, with the
-- reason, for a person to look at. A claim is a lease.
create table outbox (
    pool_id          text not null,
    message_id       uuid not null,
    phone_number_id  text not null,
    waba_id          text not null,
    user_id          text not null,
    app_id           text not null,
    send_class       text not null,
    rank             smallint not null,
    path             text not null,
    sealed           bytea not null,
    resends          boolean not null,
    state            text not null check (state in ('parked', 'held', 'sending', 'dead')),
    due_at           timestamptz not null,
    expires_at       timestamptz not null,
    rule             text,
    detail           text,
    attempts         smallint not null default 0,
    leased_by        uuid,
    leased_until     timestamptz,
    parked_at        timestamptz not null,
    primary key (pool_id, message_id)
) with (fillfactor = 70);
-- Who is next, app by app; what is leased to somebody is not in the way.
create index outbox_due on outbox (phone_number_id, rank, app_id, due_at, message_id)
    where state = 'parked' and leased_until is null;
create index outbox_leases on outbox (leased_until) where leased_until is not null;
create index outbox_expiring on outbox (expires_at) where state in ('parked', 'held');

-- A message that was sent once more after a doubt that nobody resolved names the first.
-- `decided_at`: when one was admitted that had been parked; null where that was at `created_at`.
alter table messages
    add column resend_of uuid,
    add column decided_at timestamptz;
create index messages_released on messages (decided_at) where decided_at is not null;

-- How an app wants its messages treated where the request does not say.
alter table apps
    add column responds_async boolean not null default false,
    add column resends jsonb not null default '{}',
    add column callback_url text,
    add column sealed_callback_secret bytea;
