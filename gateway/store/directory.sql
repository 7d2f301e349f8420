-- name: routes
select n.phone_number_id, n.pool_id, n.waba_id, n.display_phone_number, n.throughput
from numbers n
order by n.phone_number_id
