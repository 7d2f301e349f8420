-- Messages that wait here until they may go. The version before knows none, and reads none.

-- A parcel is everything needed to send a message later: the request as the app made it, sealed.
-- `rank` is the order of its class in a line (0 goes first). `parked`: waits until `due_at`; `held`: an
-- operator has stopped it; `sending`: admitted, on its way, and kept until the outcome is known, for
-- it may have to be sent once more (`resends`) or again later; `dead`: never to be sent, with the
-- reason, for a person to look at. A claim is a lease, and a lease keeps everybody else away.
-- `attempts` counts claims and never begins anew, for it tells whose answer an answer is. Those that
-- sent nothing, or were before an operator redrove the message, are `forgiven`.
-- Parcels of one number, class and app wait together, oldest first. What waits for its own template
-- has a `topic` apart, so that it stands in nobody's way.
create table outbox (
    pool_id          text not null,
    message_id       uuid not null,
    phone_number_id  text not null,
    waba_id          text not null,
    user_id          text not null,
    app_id           text not null,
    send_class       text not null,
    rank             smallint not null,
    topic            text not null default '',
    path             text not null,
    sealed           bytea not null,
    resends          boolean not null,
    state            text not null check (state in ('parked', 'held', 'sending', 'dead')),
    due_at           timestamptz not null,
    expires_at       timestamptz not null,
    rule             text,
    detail           text,
    attempts         integer not null default 0,
    forgiven         integer not null default 0,
    leased_by        uuid,
    leased_until     timestamptz,
    parked_at        timestamptz not null,
    primary key (pool_id, message_id)
) with (
    -- Whatever is released leaves dead rows behind: a backlog must not outgrow the vacuum.
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000
);
-- Who is next; what is leased to somebody is not in the way.
create index outbox_due on outbox (phone_number_id, rank, app_id, topic, due_at, message_id)
    where state = 'parked' and leased_until is null;
create index outbox_leases on outbox (leased_until) where leased_until is not null;
create index outbox_expiring on outbox (expires_at) where state in ('parked', 'held');
create index outbox_dead on outbox (expires_at) where state = 'dead';

-- The groups in which something waits that nobody has claimed: found by leaping along the index from
-- one to the next, however many wait in each.
create view outbox_groups as
with recursive groups as (
    (
        select phone_number_id, rank, app_id, topic
        from outbox
        where state = 'parked' and leased_until is null
        order by phone_number_id, rank, app_id, topic
        limit 1
    )
    union all
    select n.*
    from groups g
    cross join lateral (
        select o.phone_number_id, o.rank, o.app_id, o.topic
        from outbox o
        where o.state = 'parked' and o.leased_until is null
            and (o.phone_number_id, o.rank, o.app_id, o.topic)
                > (g.phone_number_id, g.rank, g.app_id, g.topic)
        order by o.phone_number_id, o.rank, o.app_id, o.topic
        limit 1
    ) n
)
select * from groups;

-- A message that was sent once more after a doubt that nobody resolved names the first.
-- `decided_at`: when one was admitted that had been parked; null where that was at `created_at`.
alter table messages
    add column resend_of uuid,
    add column decided_at timestamptz;
create index messages_released on messages (decided_at) where decided_at is not null;

-- How an app wants its messages treated where the request does not say; `parks` says it of a class,
-- and beats `responds_async`.
alter table apps
    add column responds_async boolean not null default false,
    add column parks jsonb not null default '{}',
    add column resends jsonb not null default '{}',
    add column callback_url text,
    add column sealed_callback_secret bytea;

-- The latest hour by which anything was decided about a pool. Clocks of processes differ; by an hour
-- at which the ledger was read before nobody decides again, or a slot would age too soon.
alter table pools add column decided_at timestamptz not null default 'epoch';

-- Whoever lets messages wait hears of every change that may let them go (a limit, a restriction, a
-- template, a knob, a slot of a full pool), whatever statement writes it, once it is committed.
create function tell_of_pool() returns trigger language plpgsql as $$
begin
    perform pg_notify('gateway_pool', new.pool_id);
    return null;
end
$$;
create trigger pool_changed after update of epoch on pools
    for each row when (old.epoch is distinct from new.epoch) execute function tell_of_pool();
create trigger pool_has_room after update of counted on pools
    for each row when (
        old.counted >= floor(old.messaging_limit * (1 - old.headroom))
        and new.counted < floor(new.messaging_limit * (1 - new.headroom))
    )
    execute function tell_of_pool();
