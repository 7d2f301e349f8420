-- The first shape of the store. Forward only. No statement here or elsewhere asks the database for
-- the hour: every instant is a parameter, so that a sandbox can live through a week in seconds.

-- The numbers that share one messaging limit. `counted` is the number of ledger rows of the pool;
-- `version` moves with every write a decision depends on, `epoch` with those that change rarely
-- (numbers, restrictions, templates, limits), so that a process may keep the latter in memory.
create table pools (
    pool_id          text primary key,
    regime           text not null check (regime in ('per_number', 'portfolio')),
    messaging_limit  integer not null check (messaging_limit > 0),  -- 2147483647: unlimited
    limit_source     text not null,
    limit_at         timestamptz not null,
    headroom         double precision not null check (headroom >= 0 and headroom < 1),
    counted          integer not null default 0 check (counted >= 0),
    version          bigint not null default 0,
    epoch            bigint not null default 0,
    created_at       timestamptz not null
) with (fillfactor = 50);

-- A business phone number. `status` is Meta's last word apart from the two clocks, which stand
-- beside it: a number may be flagged and restricted at once.
create table numbers (
    phone_number_id       text primary key,
    pool_id               text not null references pools,
    waba_id               text not null,
    display_phone_number  text not null,
    status                text not null default 'CONNECTED',
    status_at             timestamptz not null,
    quality_rating        text not null default 'UNKNOWN',
    quality_at            timestamptz not null,
    throughput            integer not null default 80 check (throughput > 0),
    flagged_until         timestamptz,
    restricted_until      timestamptz,
    restricted_by         text check (restricted_by in ('ledger', 'meta')),
    polled_at             timestamptz,
    created_at            timestamptz not null
);
create index numbers_by_pool on numbers (pool_id);
create index numbers_by_waba on numbers (waba_id);

-- What a WABA needs: its access token (sealed) and whether its template list is known as a whole.
create table wabas (
    waba_id              text primary key,
    sealed_token         bytea,
    templates_synced_at  timestamptz
);

create table restrictions (
    waba_id           text not null,
    restriction_type  text not null,
    restricted_until  timestamptz,
    noted_at          timestamptz not null,
    primary key (waba_id, restriction_type)
);

create table templates (
    waba_id       text not null,
    name          text not null,
    language      text not null,
    template_id   text,
    category      text not null,
    category_at   timestamptz not null,
    status        text not null,
    status_at     timestamptz not null,
    quality       text not null default 'UNKNOWN',
    paused_until  timestamptz,
    primary key (waba_id, name, language)
);
create index templates_by_id on templates (template_id);

-- The ledger: the last business-initiated send to each user of a pool. A user counts against the
-- messaging limit while reached_at lies within the last 24 hours.
create table ledger (
    pool_id     text not null,
    user_id     text not null,
    reached_at  timestamptz not null,
    primary key (pool_id, user_id)
) with (fillfactor = 80);
-- Partial only in name: a look-up by user must not take this index for its own, which it might in a
-- plan made while the table was empty. Queries by age say `reached_at > '-infinity'`.
create index ledger_by_age on ledger (pool_id, reached_at) where reached_at > '-infinity';

-- What is remembered of one user of one number: the service window, the pair rate (the theoretical
-- arrival time of GCRA), and whether marketing was stopped.
create table contacts (
    pool_id            text not null,
    phone_number_id    text not null,
    user_id            text not null,
    last_inbound_at    timestamptz,
    pair_tat           timestamptz,
    marketing_stopped  boolean not null default false,
    preference_at      timestamptz,
    primary key (pool_id, phone_number_id, user_id)
) with (fillfactor = 70);

-- One person may be known by a phone number and by business-scoped ids; all lead to one user_id.
create table user_aliases (
    pool_id  text not null,
    alias    text not null,
    user_id  text not null,
    primary key (pool_id, alias)
);
create index user_aliases_by_user on user_aliases (pool_id, user_id);

-- The journal: one row a message, written in the transaction that decides it. `hold` says what the
-- message does to the ledger: it reserved a slot, settled it (delivered), or released it.
-- Columns that change are not indexed, so that updates stay in place (HOT).
create table messages (
    pool_id             text not null,
    message_id          uuid not null,
    created_at          timestamptz not null,
    app_id              text not null,
    phone_number_id     text not null,
    user_id             text not null,
    type                text not null,
    template_name       text,
    template_language   text,
    category            text,
    business_initiated  boolean not null,
    decision            text not null check (decision in ('admit', 'defer', 'reject')),
    rule                text,
    retry_at            timestamptz,
    objections          jsonb,
    state               text not null,
    hold                text check (hold in ('reserved', 'settled', 'released')),
    correlated          boolean not null,
    wamid               text,
    code                integer,
    detail              text,
    answered_at         timestamptz,
    sent_at             timestamptz,
    delivered_at        timestamptz,
    read_at             timestamptz,
    failed_at           timestamptz,
    primary key (pool_id, message_id)
) with (fillfactor = 50);
create index messages_by_user on messages (pool_id, user_id, message_id) where business_initiated;

-- The few messages that could not carry our correlation id have to be found by Meta's.
create table wamids (
    wamid       text primary key,
    pool_id     text not null,
    message_id  uuid not null
);

-- Deliveries from Meta as they came. A row is digested once; what cannot be read stays and is shown.
create table inbox (
    delivery_id  bigint generated always as identity primary key,
    received_at  timestamptz not null,
    body         bytea not null,
    digested_at  timestamptz,
    problem      text
);
create index inbox_undigested on inbox (delivery_id) where digested_at is null;
create index inbox_problems on inbox (delivery_id) where problem is not null;

create table apps (
    app_id       text primary key,
    name         text not null,
    key_hash     bytea not null unique,
    credential   text not null check (credential in ('gateway_key', 'meta_token')),
    created_at   timestamptz not null,
    disabled_at  timestamptz
);

-- Media ids are Meta's; we learn which number they belong to when they are uploaded or received.
create table media (
    media_id         text primary key,
    phone_number_id  text not null,
    seen_at          timestamptz not null
);

-- How far a sandbox has been moved ahead of the real hour; survives a restart.
create table sandbox_clock (
    singleton  boolean primary key default true check (singleton),
    offset_s   double precision not null
);
