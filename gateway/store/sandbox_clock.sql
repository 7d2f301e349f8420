-- name: advance
insert into sandbox_clock as c (offset_s) values ($1::double precision + $2::double precision)
on conflict (singleton) do update set offset_s = greatest(c.offset_s, $1) + $2
returning offset_s
