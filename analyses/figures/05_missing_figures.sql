-- 我的城市（海口）还缺哪些数据？
-- Which figures are missing for my city, Haikou, in variables that lack few?
--
-- Learn: a gap table read for one city; names by joins.
-- Read: sorted by how few figures the variable lacks over all cities: with these, the first variables could
-- be computed for everybody. A figure that is missing here may well be published; it was not at hand.

with asked as (
    select '海口' as city_zh
)

select
    gaps.effort_rank,
    variables.variable_zh,
    gaps.missing_figures,
    statistics.statistic_zh,
    statistics.statistic_en,
    gaps.year
from audit.data_gaps as gaps
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_variables as variables using (variable_code)
inner join marts.dim_statistics as statistics using (statistic_code)
inner join asked using (city_zh)
where gaps.edition = '2025-recomputed'
order by gaps.effort_rank, statistics.statistic_code, gaps.year
limit 8
