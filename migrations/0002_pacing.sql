-- What pacing has to remember. Everything here is added beside what the version before reads and
-- writes, with defaults that are right for rows it writes, so that both can run at the same time.

-- How an operator has turned the knobs of one pool or number (the number's beat the pool's), and the
-- parts of the messaging limit kept for, or denied to, classes and apps:
-- {"class:marketing": {"reserve": 0, "cap": 0.8}, "app:shop": {"reserve": 0.2, "cap": 1}}.
alter table pools
    add column knobs jsonb not null default '{}',
    add column shares jsonb not null default '{"class:marketing": {"cap": 0.8}}';

-- `active_since`: since when the number sends (warm-up); null for one that was here before, which is
-- not new. `recovering_since`: since when it climbs back after a restriction or a RED rating.
-- `usual_*`: the most of the trailing 7 days. `spam_*`: how often Meta has answered 131048 since
-- anything arrived, when we last heard that or of its end (what was decided before tells nothing
-- new), and until when the number starts no conversation.
alter table numbers
    add column knobs jsonb not null default '{}',
    add column active_since timestamptz,
    add column recovering_since timestamptz,
    add column usual_users_hour integer not null default 0,
    add column usual_users_day integer not null default 0,
    add column usual_sends_10m integer not null default 0,
    add column spam_step smallint not null default 0,
    add column spam_at timestamptz,
    add column spam_until timestamptz;

-- `limit`: restricted by Meta too, for the limit that our own ledger has seen reached.
alter table numbers drop constraint numbers_restricted_by_check;
alter table numbers
    add constraint numbers_restricted_by_check check (restricted_by in ('ledger', 'limit', 'meta'));

-- How long a message of this template is worth delivering, in seconds; null where Meta names none.
alter table templates add column ttl_s integer;

-- Who has taken the slot. The version before does not say, and counts as `other`.
alter table ledger
    add column class text not null default 'other',
    add column app_id text not null default '';

-- `capped_*`: Meta's per-user cap on marketing (131049), how often in a row, when we last heard of it
-- and the end of the rest. `pair_strikes`: refusals of the pair rate in a row (131056), the last one
-- heard of at `pair_struck_at`. `recent`: what was sent to the user lately, as
-- [[content, how often, since when], …].
alter table contacts
    add column capped_until timestamptz,
    add column capped_count smallint not null default 0,
    add column capped_at timestamptz,
    add column pair_strikes smallint not null default 0,
    add column pair_struck_at timestamptz,
    add column recent text;

alter table apps
    add column wait_s double precision check (wait_s >= 0),
    add column joins_retries boolean not null default true;

-- How many slots of a pool each class and each app holds; kept by the triggers below, so that it is
-- true whatever statement writes the ledger. `holder` is `class:marketing` or `app:shop`.
create table pool_usage (
    pool_id  text not null,
    holder   text not null,
    counted  integer not null,
    primary key (pool_id, holder)
) with (fillfactor = 50);

create function note_usage() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into pool_usage as u (pool_id, holder, counted)
        select pool_id, holder, count(*)
        from taken cross join lateral (values ('class:' || class), ('app:' || app_id)) as h (holder)
        group by pool_id, holder
        order by pool_id, holder
        on conflict (pool_id, holder) do update set counted = u.counted + excluded.counted;
    else
        update pool_usage u
        set counted = u.counted - g.counted
        from (
            select pool_id, holder, count(*)::integer as counted
            from gone cross join lateral (values ('class:' || class), ('app:' || app_id)) as h (holder)
            group by pool_id, holder
        ) g
        where u.pool_id = g.pool_id and u.holder = g.holder;
    end if;
    return null;
end
$$;
insert into pool_usage (pool_id, holder, counted)
select pool_id, holder, count(*)
from ledger cross join lateral (values ('class:' || class), ('app:' || app_id)) as h (holder)
group by pool_id, holder;
-- One by one: it happens only when somebody takes the slot of a user who has aged but was not swept.
create function move_usage() returns trigger language plpgsql as $$
begin
    update pool_usage
    set counted = counted - 1
    where pool_id = old.pool_id and holder in ('class:' || old.class, 'app:' || old.app_id);
    insert into pool_usage as u (pool_id, holder, counted)
    values (new.pool_id, 'class:' || new.class, 1), (new.pool_id, 'app:' || new.app_id, 1)
    on conflict (pool_id, holder) do update set counted = u.counted + excluded.counted;
    return null;
end
$$;
create trigger usage_of_taken after insert on ledger
    referencing new table as taken for each statement execute function note_usage();
create trigger usage_of_gone after delete on ledger
    referencing old table as gone for each statement execute function note_usage();
create trigger usage_of_moved after update on ledger
    for each row when ((old.class, old.app_id) is distinct from (new.class, new.app_id))
    execute function move_usage();

-- The virtual schedules of a number (GCRA): when the next new user, the next business-initiated send
-- and the next new user of the day would be due if they came evenly.
create table number_paces (
    pool_id          text not null,
    phone_number_id  text not null,
    users_hour_tat   timestamptz,
    sends_10m_tat    timestamptz,
    users_day_tat    timestamptz,
    primary key (pool_id, phone_number_id)
) with (fillfactor = 50);

-- What a number has started, by ten minutes; kept for 8 days. The index finds the whole of it also
-- for a number that has changed its pool.
create table activity (
    pool_id          text not null,
    phone_number_id  text not null,
    bucket_at        timestamptz not null,
    sends            integer not null,
    new_users        integer not null,
    primary key (pool_id, phone_number_id, bucket_at)
) with (fillfactor = 50);
create index activity_by_number on activity (phone_number_id, bucket_at);

-- To how many users of a pool the same free-form text went in an hour; kept for 2 hours.
create table spread (
    pool_id  text not null,
    content  bigint not null,
    hour_at  timestamptz not null,
    users    integer not null,
    primary key (pool_id, hour_at, content)
) with (fillfactor = 50);

-- How the processes that serve a number divide its throughput, in messages a second. `demand` is
-- null where a process takes no part and merely tells of `inbound`. What it says counts until
-- `leased_until`; it may be sending at `granted` until `held_until`.
create table line_shares (
    phone_number_id  text not null,
    process_id       uuid not null,
    demand           double precision,
    inbound          double precision not null,
    granted          double precision not null,
    leased_until     timestamptz not null,
    held_until       timestamptz,
    primary key (phone_number_id, process_id)
) with (fillfactor = 50);

-- What a settlement of a number's shares depends on: `version` moves with each, and after 130429 the
-- number starts again from `slowed_to` at `slowed_at`.
create table line_speeds (
    phone_number_id  text primary key,
    version          bigint not null,
    slowed_to        double precision,
    slowed_at        timestamptz
) with (fillfactor = 50);

-- What Meta has told to wait: `scope` is `number:<id>`, `waba:<id>` or `app:<id>`.
create table holds (
    scope       text primary key,
    held_until  timestamptz not null,
    code        integer not null,
    strikes     smallint not null,
    struck_at   timestamptz not null
);
create index holds_by_end on holds (held_until);
