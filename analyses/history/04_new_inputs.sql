-- 每次发布有哪些输入文件是新的或改过的？
-- Which input files were new or changed in each release?
--
-- Learn: conditional counts a release; nullif tells the first one apart.
-- Read: seeds are figures, models the method, checks the suites. In the first release everything is new.
-- Rows: differ from release to release.

select
    releases.release_no,
    releases.built_at,
    releases.reason,
    count(*) filter (where files.change = 'added') as files_added,
    count(*) filter (where files.change = 'changed') as files_changed,
    count(*) filter (where files.change = 'removed') as files_removed,
    string_agg(files.path, ', ' order by files.path) filter (where files.kind = 'seed' and files.change = 'changed')
        as seeds_changed
from ops.releases as releases
left join ops.input_files as files using (release_id)
group by releases.release_no, releases.built_at, releases.reason
order by releases.release_no
