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
insert into doubts (pool_id, message_id, since)
select pool_id, message_id, coalesce(answered_at, created_at) from messages where state = 'in_doubt';

-- Which message was sent once more, and as which.
create index messages_resent on messages (pool_id, resend_of) where resend_of is not null;

-- What Meta tells of it has, whatever we thought: its parcel is not needed any more; nor is what was to
-- be sent in its place, if nobody has claimed it yet.
create function follow_doubt() returns trigger language plpgsql as $$
begin
    if new.state = 'in_doubt' then
        insert into doubts (pool_id, message_id, since)
        values (new.pool_id, new.message_id, coalesce(new.answered_at, new.created_at))
        on conflict (pool_id, message_id) do update set since = excluded.since;
        return null;
    end if;
    delete from doubts where pool_id = new.pool_id and message_id = new.message_id;
    if new.state in ('accepted', 'sent', 'delivered', 'read', 'failed') then
        delete from outbox where pool_id = new.pool_id and message_id = new.message_id;
    end if;
    if old.state = 'unknown' and new.state in ('accepted', 'sent', 'delivered', 'read') then
        with spare as (
            delete from outbox o
            using messages m
            where m.pool_id = new.pool_id and m.resend_of = new.message_id
                and o.pool_id = m.pool_id and o.message_id = m.message_id
                and o.state in ('parked', 'held') and o.leased_until is null
            returning o.pool_id, o.message_id
        )
        update messages m
        set state = 'cancelled', retry_at = null, detail = 'The first has arrived after all.'
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
            new.state = 'in_doubt' or old.state in ('in_doubt', 'unknown')
            -- A status that was faster than the answer, or knows better.
            or old.state in ('reserved', 'parked', 'refused')
                and new.state in ('sent', 'delivered', 'read', 'failed')
        )
    )
    execute function follow_doubt();
