-- 各地区排名最前的三个城市是哪些？
-- Which are the first three cities of each region?
--
-- Learn: rank() over (partition by ...) ranks within a group; qualify filters on it, as where does on plain
-- columns.
-- Read: `rank` is that of all cities. With rank(), cities level at the third place would all be shown;
-- row_number() would drop one by chance.

select
    cities.region_zh,
    rank() over (partition by cities.region order by totals.score desc) as rank_in_region,
    cities.city_zh,
    cities.city_en,
    totals.score,
    totals.rank
from marts.fct_total_scores as totals
inner join marts.dim_cities as cities using (city_code)
where totals.edition = '2025'
qualify rank_in_region <= 3
order by min(totals.rank) over (partition by cities.region), totals.rank, cities.city_code
