-- 与上一次发布相比，这一次动了什么？
-- What moved in this release against the one before?
--
-- Learn: filter by the mark of the file's own release, count by kind and cause.
-- Read: no rows: nothing moved, or it is the first release. Ranks move in chains: one new figure moves the
-- scores of many other cities by a point.
-- Rows: differ from release to release.

select
    changes.table_name,
    changes.measure,
    changes.cause,
    count(*) as figures,
    count(distinct changes.city_code) as cities,
    max(abs(changes.new_value - changes.old_value)) as largest_move
from ops.release_changes as changes
inner join ops.releases as releases using (release_id)
where releases.is_this_release
group by changes.table_name, changes.measure, changes.cause
order by changes.table_name, changes.measure, changes.cause
