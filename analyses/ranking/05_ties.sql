-- 哪些城市总积分相同？
-- Which cities have the same total score?
--
-- Learn: having keeps groups of several rows; string_agg with an order of its own lists them.
-- Read: cities that are level share the better rank, and the ranks after it are left out (1, 2, 2, 4).

select
    total_rank,
    total_score,
    count(*) as cities,
    string_agg(city_zh, '、' order by city_code) as level_cities,
    total_rank + count(*) as next_rank
from marts.city_scorecards
where edition = '2025'
group by total_rank, total_score
having count(*) > 1
order by total_rank
