-- 哪些发布被撤回，换上了哪个？
-- Which releases were withdrawn, and what took their place?
--
-- Learn: a self join by a reference to another row.
-- Read: no rows: none was. A release knows only what happened before it was built: ask the newest.
-- Rows: differ from release to release.

select
    withdrawn.release_no,
    withdrawn.release_id,
    withdrawn.withdrawn_at,
    instead.release_no as instead_no,
    withdrawn.withdrawn_for as instead_id
from ops.releases as withdrawn
left join ops.releases as instead on withdrawn.withdrawn_for = instead.release_id
where withdrawn.withdrawn_at is not null
order by withdrawn.release_no
