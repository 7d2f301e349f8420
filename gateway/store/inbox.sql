-- name: append
insert into inbox (received_at, body) values ($1, $2)

-- name: claim
-- What nobody else is reading; the lock ends with the transaction.
select delivery_id, received_at, body
from inbox
where digested_at is null
order by delivery_id
limit $1
for update skip locked

-- name: done
update inbox i
set digested_at = $1, problem = d.problem
from unnest($2::bigint[], $3::text[]) as d (delivery_id, problem)
where i.delivery_id = d.delivery_id

-- name: problems
select delivery_id, received_at, problem, body
from inbox
where problem is not null and ($1::bigint is null or delivery_id < $1)
order by delivery_id desc
limit $2

-- name: backlog
select count(*) from inbox where digested_at is null

-- name: oldest
select received_at from inbox where digested_at is null order by delivery_id limit 1
