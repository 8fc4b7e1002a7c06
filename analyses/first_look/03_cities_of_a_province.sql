-- 江苏有哪些城市入选，总排名第几？
-- Which cities of Jiangsu are in the index, and where do they stand?
--
-- Learn: filter by a column of a joined table.
-- Read: the index has 60 cities that the report chose; a city that is missing here was not ranked low, but
-- not looked at.

with asked as (
    select 'Jiangsu' as province_en
)

select
    cities.city_zh,
    cities.city_en,
    totals.score,
    totals.rank
from marts.fct_total_scores as totals
inner join marts.dim_cities as cities using (city_code)
inner join asked using (province_en)
where totals.edition = '2025'
order by totals.rank, cities.city_code
