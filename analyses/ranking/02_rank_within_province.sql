-- 在省内，城市怎样排？只看入选超过三个城市的省份。
-- How do cities rank within their province, where more than three are in the index?
--
-- Learn: one named window ranks, another looks at the whole province: its first city, and how many there are.
-- Read: `behind_first` are the points to the first city of the province. Level cities share the rank, as 佛山
-- and 东莞 do: a second column in the window's order, added to settle ties, would part them.

select
    cities.province_zh,
    rank() over by_score as rank_in_province,
    cities.city_zh,
    totals.score,
    max(totals.score) over province - totals.score as behind_first,
    totals.rank
from marts.fct_total_scores as totals
inner join marts.dim_cities as cities using (city_code)
where totals.edition = '2025'
window
    province as (partition by cities.province_zh),
    by_score as (partition by cities.province_zh order by totals.score desc)
qualify count(*) over province > 3
order by
    max(totals.score) over (partition by cities.province_zh) desc, cities.province_zh, totals.rank, cities.city_code
