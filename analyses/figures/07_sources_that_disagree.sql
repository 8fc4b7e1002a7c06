-- 同一个数据，不同来源在哪里相差超过千分之五？
-- Where do sources of the same figure differ by more than half a percent?
--
-- Learn: filter on a relative difference, not on an absolute one.
-- Read: which of two figures is used is decided by the order of sources, not by which is right. A large
-- difference often means another scope, as in 苏州, where one source counts more means of transport.

select
    cities.city_zh,
    statistics.statistic_en,
    conflicts.year,
    conflicts.used_source_code,
    conflicts.used_value,
    conflicts.rejected_source_code,
    conflicts.rejected_value,
    round(100 * conflicts.relative_difference, 1) as percent
from audit.observation_conflicts as conflicts
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_statistics as statistics using (statistic_code)
where abs(conflicts.relative_difference) > 0.005
order by abs(conflicts.relative_difference) desc, cities.city_code, conflicts.statistic_code
