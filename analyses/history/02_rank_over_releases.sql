-- 我的城市（合肥）的名次在历次发布中何时变过，为什么？
-- When did the rank of my city, Hefei, change from release to release, and why?
--
-- Learn: from a change to its release and to the files behind it.
-- Read: no rows: it never moved. The printed edition does not move unless a transcription was corrected.
-- `cause` is the nearest changed input that can have moved it, not a proof.
-- Rows: differ from release to release.

with asked as (
    select '合肥' as city_zh
)

select
    releases.release_no,
    releases.built_at,
    changes.edition,
    changes.old_value,
    changes.new_value,
    changes.cause,
    changes.input_paths
from ops.release_changes as changes
inner join ops.releases as releases using (release_id)
inner join marts.dim_cities as cities using (city_code)
inner join asked using (city_zh)
where changes.table_name = 'marts.fct_total_scores' and changes.measure = 'rank'
order by releases.release_no, changes.edition
