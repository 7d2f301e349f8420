-- name: read
-- One row of two lists, hence one snapshot: the numbers of $1 that have been settled before, and
-- the holds that have lasted until $2 or longer.
select
    coalesce(
        (
            select json_agg(json_build_array(
                v.phone_number_id, v.version, v.slowed_to, v.slowed_at,
                coalesce(
                    (
                        select json_agg(json_build_array(
                            s.process_id, s.demand, s.inbound, s.granted, s.leased_until,
                            s.held_until
                        ))
                        from line_shares s
                        where s.phone_number_id = v.phone_number_id
                    ),
                    '[]'
                )
            ))
            from line_speeds v
            where v.phone_number_id = any($1::text[])
        ),
        '[]'
    ) as numbers,
    coalesce(
        (
            select json_agg(
                json_build_array(h.scope, h.held_until, h.code, h.strikes, h.struck_at)
            )
            from holds h
            where h.held_until > $2
        ),
        '[]'
    ) as holds

-- name: write
-- Writes the shares of one process, number by number, if nobody has settled the number since it
-- was read; returns the numbers written. Their rows of `line_speeds` are locked in order, so that
-- two processes never wait for each other, and the lock covers the shares.
with settled as (
    select * from json_to_recordset($1::json) as s (
        phone_number_id text, version bigint, slowed_to double precision, slowed_at timestamptz,
        process_id uuid, demand double precision, inbound double precision,
        granted double precision, leased_until timestamptz, held_until timestamptz
    )
),
moved as (
    insert into line_speeds as v (phone_number_id, version, slowed_to, slowed_at)
    select phone_number_id, version, slowed_to, slowed_at
    from settled
    order by phone_number_id
    on conflict (phone_number_id) do update
        set version = excluded.version,
            slowed_to = excluded.slowed_to,
            slowed_at = excluded.slowed_at
        where v.version = excluded.version - 1
    returning v.phone_number_id
),
written as (
    insert into line_shares (
        phone_number_id, process_id, demand, inbound, granted, leased_until, held_until
    )
    select
        s.phone_number_id, s.process_id, s.demand, s.inbound, s.granted, s.leased_until,
        s.held_until
    from settled s
    join moved using (phone_number_id)
    on conflict (phone_number_id, process_id) do update
        set demand = excluded.demand,
            inbound = excluded.inbound,
            granted = excluded.granted,
            leased_until = excluded.leased_until,
            held_until = excluded.held_until
),
ended as (
    delete from line_shares s
    using moved
    where s.phone_number_id = moved.phone_number_id
        and s.leased_until <= $2
        and s.process_id not in (select process_id from settled)
)
select phone_number_id from moved

-- name: hold
insert into holds as h (scope, held_until, code, strikes, struck_at)
select n.scope, n.held_until, n.code, n.strikes, n.struck_at
from json_to_recordset($1::json) as n (
    scope text, held_until timestamptz, code integer, strikes smallint, struck_at timestamptz
)
order by n.scope
on conflict (scope) do update
    set held_until = excluded.held_until,
        code = excluded.code,
        strikes = excluded.strikes,
        struck_at = excluded.struck_at
    where h.held_until < excluded.held_until
