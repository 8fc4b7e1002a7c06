-- 怎样抽取一个可重复的样本：每个地区两个城市？
-- How do I draw a sample that can be repeated: two cities of each region?
--
-- Learn: order by a hash of the key and a word of your own: random enough, and the same on every machine.
-- Read: another word gives another sample. `using sample` is shorter, but depends on how rows are stored. Two
-- cities are half of the northeast and a small part of the east: weigh them before you add them up.

select
    cities.region_zh,
    cities.city_zh,
    cities.city_en,
    totals.rank
from marts.dim_cities as cities
inner join marts.fct_total_scores as totals on cities.city_code = totals.city_code and totals.edition = '2025'
qualify row_number() over (partition by cities.region order by md5(cities.city_code || 'my sample')) <= 2
order by cities.region, totals.rank, cities.city_code
