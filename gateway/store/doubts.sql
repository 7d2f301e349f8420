-- name: give_up
-- Gives up what has been in doubt since $1 or longer, a bounded number at a time. Whoever is just
-- writing a message knows more of it, so it is passed over.
with old as materialized (
    select pool_id, message_id from doubts where since <= $1 order by since limit $2
),
chosen as materialized (
    select m.pool_id, m.message_id
    from messages m
    join old using (pool_id, message_id)
    where m.state = 'in_doubt'
    order by m.pool_id, m.message_id
    for update of m skip locked
),
given_up as (
    update messages m
    set state = 'unknown'
    from chosen c
    where m.pool_id = c.pool_id and m.message_id = c.message_id
    returning m.pool_id, m.message_id, m.type, m.template_name, m.template_language, m.category,
        m.resend_of
),
parcels as (
    delete from outbox o
    using given_up g
    where o.pool_id = g.pool_id and o.message_id = g.message_id and o.state = 'sending'
    returning o.*
)
select
    g.pool_id, g.message_id, g.type, g.template_name, g.template_language, g.category,
    g.resend_of, p.phone_number_id, p.waba_id, p.user_id, p.app_id, p.send_class, p.rank, p.path,
    p.sealed, coalesce(p.resends, false) as resends, p.expires_at
from given_up g
left join parcels p using (pool_id, message_id)

-- name: silent
-- Of each number: how many messages of an hour range Meta has taken, and of how many nothing was
-- heard since. The ids are ordered by time; what had been parked is found by the hour it was
-- admitted at.
select phone_number_id, count(*) as taken, count(*) filter (where state = 'accepted') as silent
from (
    select m.phone_number_id, m.state
    from pools p
    cross join lateral (
        select phone_number_id, state from messages
        where pool_id = p.pool_id and message_id > $1::uuid and message_id <= $2::uuid
            and decided_at is null
    ) m
    union all
    select phone_number_id, state from messages
    where decided_at > $3 and decided_at <= $4
) recent
where state in ('accepted', 'sent', 'delivered', 'read', 'failed')
group by phone_number_id
having count(*) filter (where state = 'accepted') > 0
