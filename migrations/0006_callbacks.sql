-- Apps are told what became of messages whose outcome they could not be told in the answer. The version
-- before tells them nothing; what it writes is noted all the same.

-- An app is owed an event: at most one a message, the latest; its contents are the journal's when it is
-- delivered. `event_id` changes with each change of state, and stays over the attempts of one.
create table callbacks (
    pool_id       text not null,
    message_id    uuid not null,
    event_id      uuid not null default gen_random_uuid(),
    app_id        text not null,
    due_at        timestamptz not null default 'epoch',
    attempts      integer not null default 0,
    first_at      timestamptz,
    leased_until  timestamptz,
    problem       text,
    gave_up_at    timestamptz,
    primary key (pool_id, message_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
create index callbacks_due on callbacks (app_id, due_at) where gave_up_at is null;

create function owe_callback() returns trigger language plpgsql as $$
begin
    insert into callbacks as c (pool_id, message_id, app_id)
    select new.pool_id, new.message_id, new.app_id
    from apps a
    where a.app_id = new.app_id and a.callback_url is not null
    on conflict (pool_id, message_id) do update
        set event_id = excluded.event_id, due_at = excluded.due_at, attempts = 0, first_at = null,
            leased_until = null, problem = null, gave_up_at = null;
    return null;
end
$$;
create trigger callback_owed after update of state on messages
    for each row when (
        old.state is distinct from new.state
        and (
            -- It had been parked: all the app knows is that it waits.
            old.state = 'reserved' and new.decided_at is not null
                and new.state in ('accepted', 'refused', 'sent', 'delivered', 'read', 'failed')
            or old.state = 'parked' and new.state <> 'reserved'
            -- It was in doubt, and the app was told so.
            or old.state in ('in_doubt', 'unknown')
            -- It was told not to arrive, and has.
            or old.state in ('refused', 'failed', 'expired', 'cancelled', 'turned_away')
                and new.state in ('sent', 'delivered', 'read')
        )
    )
    execute function owe_callback();
