-- Doubts have an end. The version before leaves them as they are, and what it writes is followed too.

-- Messages of which nobody knows whether they arrived, and since when; kept by the trigger below, so
-- that it is true whatever statement writes the journal.
create table doubts (
    pool_id     text not null,
    message_id  uuid not null,
    since       timestamptz not null,
    primary key (pool_id, message_id)
);
create index doubts_by_age on doubts (since);

-- Which message was sent once more, and as which.
create index messages_resent on messages (pool_id, resend_of) where resend_of is not null;

-- What Meta tells of it has, whatever we thought: its parcel is not needed any more. Nor is what was to
-- be sent in its place, once it is known what became of the first; who has claimed that loses the lease.
create function follow_doubt() returns trigger language plpgsql as $$
begin
    if new.state = 'in_doubt' then
        insert into doubts (pool_id, message_id, since)
        values (
            new.pool_id, new.message_id,
            coalesce(new.answered_at, new.decided_at, new.created_at)
        )
        on conflict (pool_id, message_id) do update set since = excluded.since;
        return null;
    end if;
    delete from doubts where pool_id = new.pool_id and message_id = new.message_id;
    if new.state in ('accepted', 'sent', 'delivered', 'read', 'failed') then
        delete from outbox where pool_id = new.pool_id and message_id = new.message_id;
    end if;
    if new.state in ('accepted', 'sent', 'delivered', 'read', 'refused') then
        with spare as (
            delete from outbox o
            using messages m
            where m.pool_id = new.pool_id and m.resend_of = new.message_id
                and o.pool_id = m.pool_id and o.message_id = m.message_id
                and o.state in ('parked', 'held')
            returning o.pool_id, o.message_id
        )
        update messages m
        set state = 'cancelled', retry_at = null, detail = 'It is known what became of the first.'
        from spare s
        where m.pool_id = s.pool_id and m.message_id = s.message_id and m.state = 'parked';
    end if;
    return null;
end
$$;
create trigger doubt_followed after update of state on messages
    for each row when (
        old.state is distinct from new.state
        and (
            new.state = 'in_doubt' or old.state in ('in_doubt', 'unknown', 'failed')
            -- A status that was faster than the answer, or knows better.
            or old.state in ('reserved', 'parked', 'refused')
                and new.state in ('sent', 'delivered', 'read', 'failed')
        )
    )
    execute function follow_doubt();

-- What was to be sent in the place of another may have been on its way meanwhile, and wait again.
create function call_off() returns trigger language plpgsql as $$
begin
    if exists (
        select from messages
        where pool_id = new.pool_id and message_id = new.resend_of
            and state in ('accepted', 'sent', 'delivered', 'read', 'refused')
    ) then
        delete from outbox where pool_id = new.pool_id and message_id = new.message_id;
        update messages
        set state = 'cancelled', retry_at = null, detail = 'It is known what became of the first.'
        where pool_id = new.pool_id and message_id = new.message_id;
    end if;
    return null;
end
$$;
create trigger second_waits after update of state on messages
    for each row when (new.state = 'parked' and new.resend_of is not null)
    execute function call_off();

-- Only now: the triggers have waited for whoever was just writing.
insert into doubts (pool_id, message_id, since)
select pool_id, message_id, coalesce(answered_at, decided_at, created_at)
from messages
where state = 'in_doubt'
on conflict do nothing;
